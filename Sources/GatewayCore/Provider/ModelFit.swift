// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What to do with a wish that a model cannot honor.
public enum ParameterMode: String, Sendable, Codable, CaseIterable {
    /// Refuse the request.
    case strict
    /// Use the closest value and say so in a warning.
    case nearest
}

/// A request fitted to one model: what will be asked for, and what had to give.
public struct ModelFit: Sendable, Equatable {
    /// The call, for one portion of the pictures.
    public var call: ProviderCall
    /// What was changed, one sentence each, for the task's `warnings`.
    public var warnings: [String]
    /// The request's members that those sentences are about.
    public var adjusted: Set<String>

    /// Fits a request to a model.
    ///
    /// Size follows three steps: the exact row of the model's table; else the shape with the smallest distance
    /// |log(wished / offered)| and the class nearest to the mean side; clamped to what the model has. A ratio that
    /// contradicts a size in pixels wins over its shape; the size then only says how large.
    ///
    /// What is not wished is not asked for: an edit without a size keeps the shape that the vendor gives it.
    ///
    /// - Parameters:
    ///   - request: What the caller wants.
    ///   - vendorModel: The vendor's own model name.
    ///   - capabilities: What that model can do.
    ///   - count: How many pictures this call shall ask for.
    ///   - mode: What to do with wishes that cannot be honored.
    ///   - transcodes: Whether the gateway itself brings pictures into the wished format.
    /// - Throws: ``InvalidRequest`` with `unsupported_parameter` for a wish that is not honored in strict mode; in every
    ///   mode for pictures or a mask that the model does not take, and for a prompt that is too long for it.
    public init(
        _ request: ImageRequest,
        vendorModel: String,
        capabilities: ModelCapabilities,
        count: Int,
        mode: ParameterMode,
        transcodes: Bool = false
    ) throws(InvalidRequest) {
        var fit = Fitting(capabilities: capabilities, mode: mode, transcodes: transcodes)
        try fit.needs(of: request)
        var call = ProviderCall(model: vendorModel, prompt: request.prompt, count: count)
        (call.aspectRatio, call.tier) = try fit.geometry(size: request.size, ratio: request.aspectRatio)
        call.background = try fit.background(request.background)
        call.format = try fit.format(request.outputFormat, background: call.background)
        call.compression = try fit.compression(request.outputCompression, of: request.outputFormat, told: call.format)
        call.quality = try fit.quality(request.quality)
        call.seed = try fit.optional(request.seed, "seed", capabilities.hasSeed)
        call.negativePrompt = try fit.optional(
            request.negativePrompt,
            "negative_prompt",
            capabilities.hasNegativePrompt
        )
        // No model of today's vendors can be told these. `auto` is what a vendor does anyway; `user` is the caller's note.
        _ = try fit.optional(request.style, "style", false)
        _ = try fit.optional(request.moderation == .low ? request.moderation : nil, "moderation", false)
        self.call = call
        warnings = fit.warnings
        adjusted = fit.adjusted
    }
}
