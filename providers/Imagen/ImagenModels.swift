// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The Imagen models and what they take.
enum ImagenModels {
    static let all = [
        ModelDescription("imagen-4.0-generate-001", aliases: ["imagen-4.0-generate-preview-06-06"], twoSizes),
        ModelDescription("imagen-4.0-fast-generate-001", oneSize),
        ModelDescription(
            "imagen-4.0-ultra-generate-001",
            aliases: ["imagen-4.0-ultra-generate-preview-06-06"],
            twoSizes
        ),
    ]

    /// The models without a choice of size, and what to assume of a model that is not in the table.
    static let oneSize = capabilities(
        tiers: [],
        PixelTable(
            [.oneK],
            ["1:1": "1024x1024", "3:4": "896x1280", "4:3": "1280x896", "9:16": "768x1408", "16:9": "1408x768"]
        )
    )

    private static let twoSizes = capabilities(
        tiers: [.oneK, .twoK],
        PixelTable(
            [.oneK, .twoK],
            [
                "1:1": "1024x1024 2048x2048",
                "3:4": "896x1280 1792x2560",
                "4:3": "1280x896 2560x1792",
                "9:16": "768x1408 1536x2816",
                "16:9": "1408x768 2816x1536",
            ]
        )
    )

    private static func capabilities(tiers: [SizeTier], _ pixels: PixelTable) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: ["1:1", "3:4", "4:3", "9:16", "16:9"].compactMap { AspectRatio($0) },
            tiers: tiers,
            pixels: pixels,
            maxCount: 4,
            formats: [.png, .jpeg],
            nativeFormat: .png
        )
    }
}
