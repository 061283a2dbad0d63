// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Google's models that draw, as of November 2026, and a few that drew before.
enum GoogleModels {
    /// The model of an id; aliases lead to the model they stand for.
    static func find(_ id: String) -> GoogleModel? {
        let id = id == "nano-banana-pro-preview" ? "gemini-3-pro-image" : id
        return all.first { $0.id == id }
    }

    /// What the list of models shows.
    static func listed(imagen: EmulatorSettings.ImagenMode) -> [GoogleModel] {
        var shown = all.filter { model in
            if case .imagen = model.skill { return imagen == .legacy }
            return model.standing == .live
        }
        if var alias = find("nano-banana-pro-preview") {
            alias.id = "nano-banana-pro-preview"
            shown.append(alias)
        }
        return shown
    }

    private static let all: [GoogleModel] = gemini + imagen

    private static let gemini: [GoogleModel] = [
        GoogleModel(id: "gemini-nano-banana-2.1", displayName: "Nano Banana 2.1", skill: .gemini(nanoBanana21)),
        GoogleModel(id: "gemini-3-pro-image", displayName: "Nano Banana Pro", skill: .gemini(pro)),
        GoogleModel(id: "gemini-3.1-flash-image", displayName: "Nano Banana 2", skill: .gemini(flash31)),
        GoogleModel(id: "gemini-3.1-flash-lite-image", displayName: "Nano Banana 2 Lite", skill: .gemini(lite31)),
        GoogleModel(id: "gemini-2.5-flash-image", displayName: "Nano Banana", skill: .gemini(flash25)),
        GoogleModel(id: "gemini-3.7-flash", displayName: "Gemini 3.7 Flash", skill: .text),
        GoogleModel(
            id: "gemini-3-pro-image-preview",
            displayName: "Nano Banana Pro Preview",
            standing: .retired(successor: "gemini-3-pro-image"),
            skill: .gemini(pro)
        ),
        GoogleModel(
            id: "gemini-3.1-flash-image-preview",
            displayName: "Nano Banana 2 Preview",
            standing: .retired(successor: "gemini-3.1-flash-image"),
            skill: .gemini(flash31)
        ),
        GoogleModel(
            id: "gemini-2.5-flash-image-preview",
            displayName: "Nano Banana Preview",
            standing: .retired(successor: "gemini-2.5-flash-image"),
            skill: .gemini(flash25)
        ),
    ]

    private static let imagen: [GoogleModel] = [
        GoogleModel(
            id: "imagen-4.0-generate-001",
            displayName: "Imagen 4",
            skill: .imagen(ImagenTraits(tiers: [.oneK, .twoK]))
        ),
        GoogleModel(
            id: "imagen-4.0-ultra-generate-001",
            displayName: "Imagen 4 Ultra",
            skill: .imagen(ImagenTraits(tiers: [.oneK, .twoK]))
        ),
        GoogleModel(
            id: "imagen-4.0-fast-generate-001",
            displayName: "Imagen 4 Fast",
            skill: .imagen(ImagenTraits(tiers: []))
        ),
        GoogleModel(id: "imagen-3.0-generate-002", displayName: "Imagen 3", skill: .imagen(ImagenTraits(tiers: []))),
    ]

    private static let standard = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"].compactMap(
        AspectRatio.init
    )
    private static let extreme = ["1:4", "4:1", "1:8", "8:1"].compactMap(AspectRatio.init)

    private static let nanoBanana21 = GeminiTraits(
        ratios: standard + extreme,
        tiers: [.oneK, .twoK, .fourK],
        pixels: pixels3,
        format: .jpeg,
        thinking: .levels(["MINIMAL", "MEDIUM", "HIGH"]),
        mostImages: 14,
        tokens: [.oneK: 1120, .twoK: 1680, .fourK: 2520]
    )

    private static let pro = GeminiTraits(
        ratios: standard,
        tiers: [.oneK, .twoK, .fourK],
        pixels: pixels3,
        format: .jpeg,
        thinking: .ignored,
        mostImages: 14,
        tokens: [.oneK: 1120, .twoK: 1120, .fourK: 2000]
    )

    private static let flash31 = GeminiTraits(
        ratios: standard + extreme,
        tiers: [.half, .oneK, .twoK, .fourK],
        pixels: pixels3,
        format: .jpeg,
        thinking: .levels(["MINIMAL", "HIGH"]),
        mostImages: 14,
        tokens: [.half: 747, .oneK: 1120, .twoK: 1680, .fourK: 2520]
    )

    private static let lite31 = GeminiTraits(
        ratios: standard + extreme,
        tiers: [.oneK],
        pixels: pixels3,
        format: .jpeg,
        thinking: .levels(["MINIMAL", "HIGH"]),
        mostImages: 14,
        tokens: [.oneK: 1120]
    )

    /// Takes more than three input images, only worse.
    private static let flash25 = GeminiTraits(
        ratios: standard,
        tiers: [],
        pixels: pixels25,
        format: .png,
        thinking: .none,
        mostImages: 14,
        tokens: [.oneK: 1290]
    )

    private static let pixels3 = PixelTable(
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

    private static let pixels25 = PixelTable(
        [.oneK],
        [
            "1:1": "1024x1024", "2:3": "832x1248", "3:2": "1248x832", "3:4": "864x1184", "4:3": "1184x864",
            "4:5": "896x1152", "5:4": "1152x896", "9:16": "768x1344", "16:9": "1344x768", "21:9": "1536x672",
        ]
    )
}
