// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// One model of Google's.
struct GoogleModel: Sendable {
    /// What has become of it.
    enum Standing: Sendable, Equatable {
        case live
        /// Shut down; whom the vendor names as its successor.
        case retired(successor: String?)
    }

    /// How it draws, or that it does not.
    enum Skill: Sendable {
        case text
        case gemini(GeminiTraits)
        case imagen(ImagenTraits)
    }

    var id: String
    var displayName: String
    var standing: Standing = .live
    var skill: Skill

    /// The method that it is called by.
    var method: String {
        if case .imagen = skill { "predict" } else { "generateContent" }
    }

    /// The model as the list of models shows it.
    var json: JSON {
        let methods: [JSON] =
            if case .imagen = skill { ["predict"] } else { ["generateContent", "countTokens", "batchGenerateContent"] }
        return [
            "name": JSON("models/\(id)"),
            "version": "001",
            "displayName": JSON(displayName),
            "description": JSON("\(displayName), emulated."),
            "inputTokenLimit": 65_536,
            "outputTokenLimit": 32_768,
            "supportedGenerationMethods": .array(methods),
        ]
    }
}

/// What a Gemini image model can do, and what it rejects.
struct GeminiTraits: Sendable {
    /// The thinking levels a model takes.
    enum Thinking: Sendable, Equatable {
        /// A level is an error.
        case none
        /// A level is taken and ignored.
        case ignored
        /// These, and no other.
        case levels([String])
    }

    var ratios: [AspectRatio]
    /// The sizes it can be told; empty if naming one is an error.
    var tiers: [SizeTier]
    var pixels: PixelTable
    var format: PictureFormat
    var thinking: Thinking
    /// How many input images it takes.
    var mostImages: Int
    /// What a picture costs.
    var tokens: [SizeTier: Int]

    /// Whether it thinks, and signs what it says.
    var thinks: Bool { thinking != .none }
}

/// What an Imagen model can do.
struct ImagenTraits: Sendable {
    /// The sizes it can be told; empty if naming one is an error.
    var tiers: [SizeTier]

    static let ratios = ["1:1", "3:4", "4:3", "9:16", "16:9"]

    static let pixels = PixelTable(
        [.oneK, .twoK],
        [
            "1:1": "1024x1024 2048x2048",
            "3:4": "896x1280 1792x2560",
            "4:3": "1280x896 2560x1792",
            "9:16": "768x1408 1536x2816",
            "16:9": "1408x768 2816x1536",
        ]
    )
}
