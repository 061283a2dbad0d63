// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A model as HingNet sells it.
struct HingNetModel: Sendable {
    /// Whose model it is, which decides what is checked.
    enum Family: Sendable {
        case gemini(GeminiTraits)
        case imagen
        case gptImage
        case doubao
    }

    var id: String
    var owner: String
    var family: Family

    /// Whether a call can be a task.
    func hasTasks(forEdits isEdit: Bool) -> Bool {
        switch family {
        case .gemini: true
        case .imagen: !isEdit
        case .gptImage, .doubao: false
        }
    }

    /// The model as the list shows it.
    var json: JSON {
        ["id": JSON(id), "object": "model", "created": 1_677_649_963, "owned_by": JSON(owner)]
    }

    static func find(_ id: String) -> HingNetModel? { all.first { $0.id == id } }

    /// The models that the emulated account can see.
    static let all: [HingNetModel] =
        [
            gemini("gemini-3-pro-image-preview", as: "gemini-3-pro-image"),
            gemini("gemini-2.5-flash-image", as: "gemini-2.5-flash-image"),
            gemini("gemini-2.5-flash-image-preview", as: "gemini-2.5-flash-image"),
            gemini("gemini-3.1-flash-image", as: "gemini-3.1-flash-image"),
        ].compactMap { $0 } + [
            HingNetModel(id: "imagen-4.0-generate-001", owner: "Google", family: .imagen),
            HingNetModel(id: "imagen-4.0-fast-generate-001", owner: "Google", family: .imagen),
            HingNetModel(id: "imagen-4.0-ultra-generate-001", owner: "Google", family: .imagen),
            HingNetModel(id: "gpt-image-2", owner: "OpenAI", family: .gptImage),
            HingNetModel(id: "doubao-seedream-5.0", owner: "Doubao", family: .doubao),
        ]

    /// A model whose pictures are those of its maker.
    private static func gemini(_ id: String, as maker: String) -> HingNetModel? {
        guard case .gemini(var traits)? = GoogleModels.find(maker)?.skill else { return nil }
        // The half class is not sold here; a model without a choice draws its one size.
        traits.tiers = traits.tiers.filter { $0 != .half }
        return HingNetModel(id: id, owner: "Google Gemini", family: .gemini(traits))
    }
}
