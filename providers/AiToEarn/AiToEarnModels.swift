// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The models: what is known of them, and what the vendor's two public lists say today.
enum AiToEarnModels {
    /// What the lists of one site say of one model.
    struct Published: Sendable {
        var sizes: AiToEarnSizes
        var capabilities: ModelCapabilities
    }

    /// The names clients still send for OpenAI's earlier models, for which the vendor has this one only; names of later
    /// models are left out, because whoever sends them would get something else than they asked for.
    static let known = [
        ModelDescription(
            "gpt-image-2",
            aliases: ["gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini"],
            capabilities(sizes: allSizes)
        )
    ]

    /// What any model of this family takes; a wrong size would come back as a failed task, minutes later.
    static let unknown = capabilities(sizes: smallSizes)

    static func knownSizes(of model: String) -> AiToEarnSizes {
        known.contains { $0.id == model } ? allSizes : smallSizes
    }

    private static let allSizes = sizes(
        """
        1024x1024 1536x1024 1024x1536 1408x1056 1056x1408 1360x1088 1088x1360 1536x864 864x1536 \
        1920x1920 2304x1536 1536x2304 2176x1632 1632x2176 2080x1664 1664x2080 2560x1440 1440x2560 \
        2880x2880 3504x2336 2336x3504 3264x2448 2448x3264 3200x2560 2560x3200 3840x2160 2160x3840
        """
    )
    private static let smallSizes = sizes("1024x1024 1536x1024 1024x1536")

    private static func sizes(_ list: String) -> AiToEarnSizes {
        AiToEarnSizes(list.split(separator: " ").compactMap { PixelSize(String($0)) })
    }

    private static func capabilities(sizes: AiToEarnSizes) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: sizes.ratios,
            tiers: sizes.tiers,
            defaultTier: sizes.defaultTier,
            pixels: sizes.pixels,
            nativeFormat: .png,
            qualities: [.low, .medium, .high],
            maxInputs: 14,
            takesMask: true,
            promptLimit: 4000
        )
    }

    // MARK: The lists

    private static let mostModels = 200
    private static let mostSizes = 500
    private static let longestName = 200

    /// The names of a list's models.
    static func names(in list: JSON) -> [String] { items(of: list).map(\.name) }

    /// What the two lists say.
    ///
    /// A model that can only edit is left out: there is no way to offer one half of a model.
    ///
    /// - Parameters:
    ///   - drawing: The list of models that draw from words.
    ///   - editing: The list of models that edit.
    static func published(drawing: JSON, editing: JSON) -> [String: Published] {
        let editors = Dictionary(items(of: editing)) { first, _ in first }
        let pairs = items(of: drawing).map { ($0.name, published($0.name, $0.item, editor: editors[$0.name])) }
        return Dictionary(pairs) { first, _ in first }
    }

    private static func published(_ name: String, _ item: JSON, editor: JSON?) -> Published {
        let before = known.first { $0.id == name }?.capabilities ?? unknown
        let offered = sizes(in: item)
        // One table speaks for drawing and editing, so it has what both take.
        let editable = editor.flatMap { sizes(in: $0) }.map { Set($0) }
        let both = offered.map { $0.filter { editable?.contains($0) ?? true } }
        let table = both.map { AiToEarnSizes($0) } ?? knownSizes(of: name)
        var capabilities = before
        capabilities.aspectRatios = table.ratios
        capabilities.tiers = table.tiers
        capabilities.defaultTier = table.defaultTier
        capabilities.pixels = table.pixels
        if let qualities = item["qualities"]?.array {
            capabilities.qualities = [.low, .medium, .high].filter { qualities.contains(JSON($0.rawValue)) }
        }
        let inputs = editor.map { $0["maxInputImages"]?.integer ?? before.maxInputs } ?? 0
        capabilities.maxInputs = min(max(inputs, 0), ImageRequest.maxInputs)
        capabilities.takesMask = capabilities.maxInputs > 0
        return Published(sizes: table, capabilities: capabilities)
    }

    private static func items(of list: JSON) -> [(name: String, item: JSON)] {
        let items = list.array ?? list["list"]?.array ?? []
        return items.prefix(mostModels).compactMap { item in
            guard let name = item["name"]?.string, !name.isEmpty, name.utf8.count <= longestName else { return nil }
            return (name, item)
        }
    }

    /// The sizes of an item; `nil` if it does not speak of sizes, as items of older builds.
    private static func sizes(in item: JSON) -> [PixelSize]? {
        guard let list = item["sizes"]?.array ?? item["pricing"]?.array else { return nil }
        return list.prefix(mostSizes).compactMap { ($0.string ?? $0["size"]?.string).flatMap { PixelSize($0) } }
    }
}
