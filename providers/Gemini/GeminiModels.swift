// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What is known of one Gemini image model; a table, because neither names nor versions tell what a model takes.
struct GeminiModel: Sendable {
    /// How long a model may think before it draws.
    enum Thinking: String, Sendable {
        case minimal = "MINIMAL"
        case medium = "MEDIUM"
        case high = "HIGH"

        /// The grade it stands for.
        var quality: ImageRequest.Quality {
            switch self {
            case .minimal: .low
            case .medium: .medium
            case .high: .high
            }
        }
    }

    let description: ModelDescription
    /// The levels it can be told; a level it does not have is an error.
    let thinking: [Thinking]

    var capabilities: ModelCapabilities { description.capabilities }

    /// The level for a grade of quality, if the model can be told it.
    func thinking(for quality: ImageRequest.Quality?) -> Thinking? {
        thinking.first { $0.quality == quality }
    }

    /// The model of a name; what its family has in common if the name is not in the table.
    static func named(_ id: String) -> GeminiModel {
        if let model = all.first(where: { $0.description.id == id }) { return model }
        return id.hasPrefix("gemini-2.5-") ? flash25 : unknown
    }

    /// The models, Google's recommendation first.
    static let all: [GeminiModel] = [
        GeminiModel(
            "gemini-nano-banana-2.1",
            capabilities(GoogleGrid.all, [.oneK, .twoK, .fourK]),
            thinking: [.minimal, .medium, .high]
        ),
        GeminiModel(
            "gemini-3-pro-image",
            aliases: ["gemini-3-pro-image-preview", "nano-banana-pro-preview"],
            capabilities(GoogleGrid.standard, [.oneK, .twoK, .fourK])
        ),
        GeminiModel(
            "gemini-3.1-flash-lite-image",
            capabilities(GoogleGrid.all, [.oneK]),
            thinking: [.minimal, .high]
        ),
        GeminiModel(
            "gemini-3.1-flash-image",
            aliases: ["gemini-3.1-flash-image-preview"],
            capabilities(GoogleGrid.all, [.half, .oneK, .twoK, .fourK]),
            thinking: [.minimal, .high]
        ),
        flash25,
    ]

    /// What to assume of a model newer than this table: what every model of the third line takes.
    static let unknown = GeminiModel("", capabilities(GoogleGrid.standard, [.oneK, .twoK, .fourK]))

    private static let flash25 = GeminiModel(
        "gemini-2.5-flash-image",
        aliases: ["gemini-2.5-flash-image-preview"],
        capabilities(GoogleGrid.flash25, [], nativeFormat: .png)
    )

    private init(
        _ id: String,
        aliases: [String] = [],
        _ capabilities: ModelCapabilities,
        thinking: [Thinking] = []
    ) {
        var capabilities = capabilities
        // Grades are told as levels of thinking; a model without levels cannot be told one.
        capabilities.qualities = thinking.map(\.quality)
        description = ModelDescription(id, aliases: aliases, capabilities)
        self.thinking = thinking
    }

    private static func capabilities(
        _ pixels: PixelTable,
        _ tiers: [SizeTier],
        nativeFormat: PictureFormat = .jpeg
    ) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: pixels.shapes,
            tiers: tiers,
            pixels: pixels,
            nativeFormat: nativeFormat,
            hasSeed: true,
            maxInputs: mostInputs,
            inputFormats: [.png, .jpeg, .webp]
        )
    }

    /// The oldest model works best with up to three, and takes more.
    private static let mostInputs = 14
}
