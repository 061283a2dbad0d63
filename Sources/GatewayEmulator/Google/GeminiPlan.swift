// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What a model will draw for a request it takes.
struct GeminiPlan: Sendable {
    var size: PixelSize
    var tier: SizeTier
    var format: PictureFormat
    /// Whether words come with the picture.
    var hasText: Bool
    /// Whether a picture comes at all.
    var hasImage: Bool
    /// Whether thoughts are shown.
    var showsThoughts: Bool
    /// Whether parts are signed.
    var isSigned: Bool
    var seed: Int?
    /// The pictures to edit.
    var inputs: GeminiInputs
    /// What a picture costs.
    var imageTokens: Int
    /// What the question costs.
    var promptTokens: (text: Int, images: Int)
    /// Whether the caller allows too few tokens for a picture.
    var isTooShort: Bool

    /// Checks a request against a model.
    ///
    /// - Throws: What the model rejects.
    init(_ request: GeminiRequest, _ model: GoogleModel) throws(GoogleFailure) {
        let traits = try Self.traits(request, model)
        try Self.check(request, traits)
        inputs = try GeminiInputs(request, traits)
        let ratio = try Self.ratio(request, traits, inputs.headers)
        tier = try Self.tier(request, traits)
        guard let pixels = traits.pixels[ratio, tier] else {
            throw .invalid("Invalid image size: \(tier.rawValue) is not supported for aspect ratio \(ratio).")
        }
        size = pixels
        format = traits.format
        hasText = request.wantsText
        hasImage = request.wantsImage
        showsThoughts = request.includesThoughts && traits.thinks
        isSigned = traits.thinks
        seed = request.seed
        imageTokens = traits.tokens[tier] ?? 1120
        promptTokens = (max(1, (request.prompt.utf8.count + 3) / 4), inputs.headers.count * 258)
        isTooShort = request.wantsImage && (request.maxOutputTokens ?? .max) < imageTokens
    }

    private static func traits(_ request: GeminiRequest, _ model: GoogleModel) throws(GoogleFailure) -> GeminiTraits {
        if request.candidateCount.map({ $0 > 1 }) ?? false {
            throw .invalid("Multiple candidates is not enabled for this model")
        }
        if request.candidateCount.map({ $0 < 1 }) ?? false {
            throw .invalid("* GenerateContentRequest.generation_config.candidate_count: must be in the range [1, 8].\n")
        }
        guard case .gemini(let traits) = model.skill else {
            if request.aspectRatio != nil || request.imageSize != nil {
                throw .invalid("Aspect ratio is not enabled for this model")
            }
            throw .invalid("The requested combination of response modalities (IMAGE) is not supported by the model.")
        }
        return traits
    }

    private static func check(_ request: GeminiRequest, _ traits: GeminiTraits) throws(GoogleFailure) {
        guard !request.wantsAudio else {
            throw .invalid("The requested combination of response modalities (AUDIO) is not supported by the model.")
        }
        guard Set(request.safetyCategories).count == request.safetyCategories.count else {
            throw .invalid("Element in safety_settings has duplicate category.")
        }
        if let tokens = request.maxOutputTokens, tokens < 1 {
            throw .invalid("* GenerateContentRequest.generation_config.max_output_tokens: must be positive.\n")
        }
        guard let level = request.thinkingLevel, level != "THINKING_LEVEL_UNSPECIFIED" else { return }
        switch traits.thinking {
        case .none: throw .invalid("Thinking level is not supported for this model.")
        case .ignored: return
        case .levels(let levels):
            guard levels.contains(level) else {
                throw .invalid(
                    "Thinking level \(level) is not supported for this model. Please retry with other thinking level."
                )
            }
        }
    }

    private static func ratio(
        _ request: GeminiRequest,
        _ traits: GeminiTraits,
        _ headers: [PictureHeader?]
    ) throws(GoogleFailure) -> AspectRatio {
        if let text = request.aspectRatio {
            guard let ratio = traits.ratios.first(where: { $0.description == text }) else {
                let list = traits.ratios.map(\.description).joined(separator: ", ")
                throw .invalid("Invalid aspect ratio: \(text.prefix(40)). Supported aspect ratios: \(list).")
            }
            return ratio
        }
        // Without a wish an edit keeps the shape of its last picture.
        guard let shape = headers.last??.size.quotient else { return AspectRatio(1, 1) }
        let nearest = traits.ratios.min { left, right in
            max(left.quotient / shape, shape / left.quotient) < max(right.quotient / shape, shape / right.quotient)
        }
        return nearest ?? AspectRatio(1, 1)
    }

    private static func tier(_ request: GeminiRequest, _ traits: GeminiTraits) throws(GoogleFailure) -> SizeTier {
        guard let text = request.imageSize else { return .oneK }
        guard !traits.tiers.isEmpty else { throw .invalid("Image size is not supported for this model.") }
        guard let tier = traits.tiers.first(where: { $0.rawValue == text }) else {
            let list = traits.tiers.map(\.rawValue).joined(separator: ", ")
            throw .invalid("Invalid image size: \(text.prefix(40)). Supported image sizes: \(list).")
        }
        return tier
    }
}
