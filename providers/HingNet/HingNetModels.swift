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
        ModelDescription("gemini-3-pro-image-preview", aliases: ["gemini-3-pro-image"], gemini(GoogleGrid.standard)),
        ModelDescription(
            "gemini-2.5-flash-image",
            aliases: ["gemini-2.5-flash-image-preview"],
            gemini(GoogleGrid.flash25, tiers: [], nativeFormat: .png)
        ),
        ModelDescription(
            "gemini-3.1-flash-image",
            aliases: ["gemini-3.1-flash-image-preview"],
            gemini(GoogleGrid.all)
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
        _ pixels: PixelTable,
        tiers: [SizeTier] = [.oneK, .twoK, .fourK],
        nativeFormat: PictureFormat = .jpeg
    ) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: pixels.shapes,
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
}
