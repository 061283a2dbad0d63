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
            capabilities(allRatios, [.oneK, .twoK, .fourK], allPixels),
            thinking: [.minimal, .medium, .high]
        ),
        GeminiModel(
            "gemini-3-pro-image",
            aliases: ["gemini-3-pro-image-preview", "nano-banana-pro-preview"],
            capabilities(standardRatios, [.oneK, .twoK, .fourK], standardPixels)
        ),
        GeminiModel(
            "gemini-3.1-flash-lite-image",
            capabilities(allRatios, [.oneK], allPixels),
            thinking: [.minimal, .high]
        ),
        GeminiModel(
            "gemini-3.1-flash-image",
            aliases: ["gemini-3.1-flash-image-preview"],
            capabilities(allRatios, [.half, .oneK, .twoK, .fourK], allPixels),
            thinking: [.minimal, .high]
        ),
        flash25,
    ]

    /// What to assume of a model newer than this table: what every model of the third line takes.
    static let unknown = GeminiModel("", capabilities(standardRatios, [.oneK, .twoK, .fourK], standardPixels))

    private static let flash25 = GeminiModel(
        "gemini-2.5-flash-image",
        aliases: ["gemini-2.5-flash-image-preview"],
        capabilities(standardRatios, [], pixels25, nativeFormat: .png)
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
        _ ratios: [AspectRatio],
        _ tiers: [SizeTier],
        _ pixels: PixelTable,
        nativeFormat: PictureFormat = .jpeg
    ) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: ratios,
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

    private static let standardRatios = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"]
        .compactMap { AspectRatio($0) }
    private static let allRatios = standardRatios + ["1:4", "4:1", "1:8", "8:1"].compactMap { AspectRatio($0) }

    private static let allPixels = PixelTable(
        [.half, .oneK, .twoK, .fourK],
        [
            "1:1": "512x512 1024x1024 2048x2048 4096x4096",
            "2:3": "424x632 848x1264 1696x2528 3392x5056",
            "3:2": "632x424 1264x848 2528x1696 5056x3392",
            "3:4": "448x600 896x1200 1792x2400 3584x4800",
            "4:3": "600x448 1200x896 2400x1792 4800x3584",
            "4:5": "464x576 928x1152 1856x2304 3712x4608",
            "5:4": "576x464 1152x928 2304x1856 4608x3712",
            "9:16": "384x688 768x1376 1536x2752 3072x5504",
            "16:9": "688x384 1376x768 2752x1536 5504x3072",
            "21:9": "792x336 1584x672 3168x1344 6336x2688",
            "1:4": "256x1024 512x2048 1024x4096 2048x8192",
            "4:1": "1024x256 2048x512 4096x1024 8192x2048",
            "1:8": "192x1536 384x3072 768x6144 1536x12288",
            "8:1": "1536x192 3072x384 6144x768 12288x1536",
        ]
    )

    /// The rows of the models without the four extreme shapes: a table has only what can be asked for.
    private static let standardPixels = PixelTable(
        [.oneK, .twoK, .fourK],
        [
            "1:1": "1024x1024 2048x2048 4096x4096",
            "2:3": "848x1264 1696x2528 3392x5056",
            "3:2": "1264x848 2528x1696 5056x3392",
            "3:4": "896x1200 1792x2400 3584x4800",
            "4:3": "1200x896 2400x1792 4800x3584",
            "4:5": "928x1152 1856x2304 3712x4608",
            "5:4": "1152x928 2304x1856 4608x3712",
            "9:16": "768x1376 1536x2752 3072x5504",
            "16:9": "1376x768 2752x1536 5504x3072",
            "21:9": "1584x672 3168x1344 6336x2688",
        ]
    )

    private static let pixels25 = PixelTable(
        [.oneK],
        [
            "1:1": "1024x1024",
            "2:3": "832x1248",
            "3:2": "1248x832",
            "3:4": "864x1184",
            "4:3": "1184x864",
            "4:5": "896x1152",
            "5:4": "1152x896",
            "9:16": "768x1344",
            "16:9": "1344x768",
            "21:9": "1536x672",
        ]
    )
}
