// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What is known of the models this vendor sells, and how a name it has not told us yet is treated.
enum HingNetModels {
    /// Whose model it is, which decides the fields of a request and the routes.
    enum Family: Sendable {
        case gemini, imagen, gptImage, doubao, other

        /// The family of a name: new names and those of one resolution come and go, their beginnings stay.
        init(_ name: String) {
            let name = name.lowercased()
            self =
                if name.hasPrefix("gemini-"), name.contains("image") {
                    .gemini
                } else if name.hasPrefix("imagen-") {
                    .imagen
                } else if name.hasPrefix("gpt-image-") {
                    .gptImage
                } else if name.hasPrefix("doubao-") {
                    .doubao
                } else {
                    .other
                }
        }

        /// Whether it edits pictures at all.
        var edits: Bool { self != .imagen }

        /// Whether a call can be a task to ask for later.
        func hasTasks(forEdits isEdit: Bool) -> Bool {
            switch self {
            case .gemini: true
            case .imagen: !isEdit
            case .gptImage, .doubao, .other: false
            }
        }
    }

    static let prefixes = ["gemini-", "imagen-", "gpt-image-", "doubao-"]

    static let all: [ModelDescription] = [
        ModelDescription("gemini-3-pro-image-preview", aliases: ["gemini-3-pro-image"], gemini(ratios, pixels)),
        ModelDescription(
            "gemini-2.5-flash-image",
            aliases: ["gemini-2.5-flash-image-preview"],
            gemini(ratios, pixels25, tiers: [], nativeFormat: .png)
        ),
        ModelDescription(
            "gemini-3.1-flash-image",
            aliases: ["gemini-3.1-flash-image-preview"],
            gemini(allRatios, allPixels)
        ),
        ModelDescription("imagen-4.0-generate-001", imagen),
        ModelDescription("imagen-4.0-fast-generate-001", imagen),
        ModelDescription("imagen-4.0-ultra-generate-001", imagen),
        ModelDescription("gpt-image-2", gptImage),
    ]

    /// What every model can be asked for: one picture, of its own size.
    ///
    /// One input picture, because the route for edits serves every model but Imagen, which refuses it at no cost.
    static let unknown = ModelCapabilities(
        aspectRatios: [],
        tiers: [],
        pixels: PixelTable([], [:]),
        nativeFormat: .png,
        maxInputs: 1,
        promptLimit: promptLimit
    )

    /// What the vendor's own schema says, whatever the model behind it takes.
    private static let promptLimit = 4000

    private static func gemini(
        _ ratios: [AspectRatio],
        _ pixels: PixelTable,
        tiers: [SizeTier] = [.oneK, .twoK, .fourK],
        nativeFormat: PictureFormat = .jpeg
    ) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: ratios,
            tiers: tiers,
            pixels: pixels,
            nativeFormat: nativeFormat,
            maxInputs: 14,
            promptLimit: promptLimit
        )
    }

    private static let imagen = ModelCapabilities(
        aspectRatios: ["1:1", "3:4", "4:3", "9:16", "16:9"].compactMap { AspectRatio($0) },
        tiers: [],
        pixels: PixelTable(
            [.oneK],
            ["1:1": "1024x1024", "3:4": "896x1280", "4:3": "1280x896", "9:16": "768x1408", "16:9": "1408x768"]
        ),
        maxCount: 4,
        nativeFormat: .png,
        promptLimit: promptLimit
    )

    private static let gptImage = ModelCapabilities(
        aspectRatios: ["1:1", "2:3", "3:2"].compactMap { AspectRatio($0) },
        tiers: [],
        pixels: PixelTable([.oneK], ["1:1": "1024x1024", "2:3": "1024x1536", "3:2": "1536x1024"]),
        maxCount: 10,
        formats: [.png, .jpeg],
        nativeFormat: .png,
        hasTransparency: true,
        qualities: [.low, .medium, .high],
        hasCompression: true,
        maxInputs: 14,
        takesMask: true,
        promptLimit: promptLimit
    )

    private static let ratios = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"]
        .compactMap { AspectRatio($0) }
    private static let allRatios = ratios + ["1:4", "4:1", "1:8", "8:1"].compactMap { AspectRatio($0) }

    private static let pixels = PixelTable(
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

    /// With the four extreme shapes: a table has only what can be asked for, so the others have one without them.
    private static let allPixels = PixelTable(
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
            "1:4": "512x2048 1024x4096 2048x8192",
            "4:1": "2048x512 4096x1024 8192x2048",
            "1:8": "384x3072 768x6144 1536x12288",
            "8:1": "3072x384 6144x768 12288x1536",
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
