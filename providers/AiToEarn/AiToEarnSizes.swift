// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// The sizes of one model, ordered into shapes and classes: the vendor knows pixels only.
struct AiToEarnSizes: Sendable, Hashable {
    /// The shapes, each of which comes in every class.
    let ratios: [AspectRatio]
    /// The classes, small ones first.
    let tiers: [SizeTier]
    /// The pixels of each shape in each class.
    let pixels: PixelTable

    /// What is not one of these is no shape a caller asks for.
    private static let shapes = [
        "1:1", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5", "16:9", "9:16", "21:9", "9:21", "2:1", "1:2", "3:1", "1:3",
    ].compactMap { AspectRatio($0) }
    /// The mean sides at which a class begins; the vendor's 4K is one of 2,880 pixels.
    private static let classes: [(from: Double, tier: SizeTier)] = [
        (2400, .fourK), (1536, .twoK), (768, .oneK), (384, .half),
    ]

    /// Orders sizes; those of no known shape are passed over.
    ///
    /// Whoever offers shapes and classes offers each of them in the other, so a table with holes is cut: the shapes are
    /// those of one class, the classes those that have all of them, and the class is the one that leaves most sizes.
    init(_ sizes: some Sequence<PixelSize>) {
        var cells: [AspectRatio: [SizeTier: PixelSize]] = [:]
        for size in sizes {
            guard let shape = Self.shapes.first(where: { size.width * $0.height == size.height * $0.width }),
                let tier = Self.tier(of: size), cells[shape]?[tier] == nil
            else { continue }
            cells[shape, default: [:]][tier] = size
        }
        var ratios: [AspectRatio] = []
        var tiers: [SizeTier] = []
        for base in SizeTier.allCases {
            let shapes = Self.shapes.filter { cells[$0]?[base] != nil }
            let full = SizeTier.allCases.filter { tier in shapes.allSatisfy { cells[$0]?[tier] != nil } }
            if shapes.count * full.count > ratios.count * tiers.count { (ratios, tiers) = (shapes, full) }
        }
        self.ratios = ratios
        self.tiers = tiers
        let kept = cells.filter { ratios.contains($0.key) }
        pixels = PixelTable(kept.mapValues { row in row.filter { tiers.contains($0.key) } })
    }

    /// The class that is meant when none is named.
    var defaultTier: SizeTier { tiers.contains(.oneK) ? .oneK : tiers.first ?? .oneK }

    /// The size to ask for; `nil` to leave it to the vendor, which keeps the shape of what it edits.
    func size(for call: ProviderCall) -> PixelSize? {
        guard call.aspectRatio != nil || call.tier != nil else { return nil }
        return (call.aspectRatio ?? shape(of: call)).flatMap { pixels[$0, call.tier ?? defaultTier] }
    }

    /// The shape of a picture of which only the class is told: that of the picture it is made from.
    private func shape(of call: ProviderCall) -> AspectRatio? {
        let wish = call.inputs.first?.header.size.quotient ?? 1
        return ratios.min { max($0.quotient / wish, wish / $0.quotient) < max($1.quotient / wish, wish / $1.quotient) }
    }

    private static func tier(of size: PixelSize) -> SizeTier? {
        let side = (Double(size.width) * Double(size.height)).squareRoot()
        return classes.first { side >= $0.from }?.tier
    }
}

/// The sizes that the vendor published last.
///
/// Calls come in shapes and classes, so the adapter has to know the same table that the engine was told.
final class AiToEarnSizeBook: Sendable {
    private let published = Mutex<[String: AiToEarnSizes]>([:])

    /// The sizes of a model: as published, else as known when this was written.
    func sizes(of model: String) -> AiToEarnSizes {
        published.withLock { $0[model] } ?? AiToEarnModels.knownSizes(of: model)
    }

    /// Keeps what the vendor has published.
    func keep(_ sizes: [String: AiToEarnSizes]) {
        published.withLock { $0 = sizes }
    }
}
