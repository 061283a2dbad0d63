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
    /// |log(wished / offered)| and the class nearest to the mean side; clamped to what the model has.
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
        call.format = try fit.format(request.outputFormat)
        call.compression = call.format == nil || call.format == .png ? nil : request.outputCompression
        call.quality = try fit.quality(request.quality)
        call.seed = try fit.optional(request.seed, "seed", capabilities.hasSeed)
        call.negativePrompt = try fit.optional(
            request.negativePrompt,
            "negative_prompt",
            capabilities.hasNegativePrompt
        )
        if capabilities.hasTransparency {
            call.background = request.background
        } else if request.background == .transparent {
            try fit.give(up: "background", "The model draws no transparent background.")
        }
        self.call = call
        warnings = fit.warnings
        adjusted = fit.adjusted
    }
}

/// The state of one fitting.
private struct Fitting {
    let capabilities: ModelCapabilities
    let mode: ParameterMode
    let transcodes: Bool
    var warnings: [String] = []
    var adjusted: Set<String> = []

    init(capabilities: ModelCapabilities, mode: ParameterMode, transcodes: Bool) {
        self.capabilities = capabilities
        self.mode = mode
        self.transcodes = transcodes
    }

    /// What no closest value can stand for.
    func needs(of request: ImageRequest) throws(InvalidRequest) {
        if request.kind == .edit {
            guard capabilities.maxInputs > 0 else {
                throw InvalidRequest(.unsupportedParameter, "image", "The model cannot edit pictures.")
            }
            guard request.inputs.count <= capabilities.maxInputs else {
                let sentence =
                    "The model takes at most \(capabilities.maxInputs) pictures, not \(request.inputs.count)."
                throw InvalidRequest(.unsupportedParameter, "image", sentence)
            }
        }
        if request.mask != nil, !capabilities.takesMask {
            throw InvalidRequest(.unsupportedParameter, "mask", "The model takes no mask.")
        }
        guard request.prompt.unicodeScalars.count <= capabilities.promptLimit else {
            let sentence = "The model takes prompts of at most \(capabilities.promptLimit) characters."
            throw InvalidRequest(.unsupportedParameter, "prompt", sentence)
        }
    }

    /// The nearest grade: the words of the DALL·E era stand for the grades they meant.
    mutating func quality(_ wish: ImageRequest.Quality?) throws(InvalidRequest) -> ImageRequest.Quality? {
        guard let wish, !capabilities.qualities.contains(wish) else { return wish }
        guard let nearest = capabilities.qualities.min(by: { $0.distance(to: wish) < $1.distance(to: wish) }) else {
            return try optional(wish, "quality", false)
        }
        if nearest.distance(to: wish) > 0 {
            try give(up: "quality", "The model has no quality \(wish.rawValue); \(nearest.rawValue) was used.")
        }
        return nearest
    }

    mutating func give(up parameter: String, _ sentence: String) throws(InvalidRequest) {
        guard mode == .nearest else { throw InvalidRequest(.unsupportedParameter, parameter, sentence) }
        warnings.append(sentence)
        adjusted.insert(parameter)
    }

    mutating func optional<Value>(
        _ value: Value?,
        _ name: String,
        _ isSupported: Bool
    ) throws(InvalidRequest) -> Value? {
        guard value != nil, !isSupported else { return value }
        try give(up: name, "The model has no parameter '\(name)'; it was left out.")
        return nil
    }

    mutating func format(_ wish: PictureFormat?) throws(InvalidRequest) -> PictureFormat? {
        guard let wish else { return nil }
        if capabilities.formats.contains(wish) { return wish }
        if capabilities.formats.isEmpty, capabilities.nativeFormat == wish { return nil }
        let given = capabilities.formats.first ?? capabilities.nativeFormat
        // What is brought into another format loses nothing on the way there, if that can be had.
        if transcodes { return capabilities.formats.contains(.png) ? .png : nil }
        try give(
            up: "output_format",
            "The model does not deliver \(wish.rawValue); the picture comes as \(given.rawValue)."
        )
        return nil
    }

    mutating func geometry(
        size: RequestedSize?,
        ratio: AspectRatio?
    ) throws(InvalidRequest) -> (AspectRatio?, SizeTier?) {
        if case .pixels(let wish) = size, ratio == nil {
            if let exact = capabilities.pixels.exact(wish, among: tiersOrDefault) {
                return (exact.ratio, capabilities.tiers.isEmpty ? nil : exact.tier)
            }
            let shape = try nearestRatio(to: wish.quotient)
            let tier = nearestTier(to: .nearest(to: wish))
            let given = shape.flatMap { capabilities.pixels[$0, tier ?? capabilities.defaultTier] }
            try give(up: "size", "The model has no size \(wish); \(given.map { "\($0)" } ?? "its own size") was used.")
            return (shape, tier)
        }
        return (try shape(size: size, ratio: ratio), try tier(size: size))
    }

    private mutating func shape(size: RequestedSize?, ratio: AspectRatio?) throws(InvalidRequest) -> AspectRatio? {
        var name = "aspect_ratio"
        var wish = ratio
        if wish == nil, case .ratio(let shape) = size {
            wish = shape
            name = "size"
        }
        guard let wish else { return nil }
        if capabilities.aspectRatios.contains(wish) { return wish }
        let nearest = try nearestRatio(to: wish.quotient)
        if let nearest, nearest.quotient == wish.quotient { return nearest }
        try give(up: name, "The model has no aspect ratio \(wish); \(nearest.map { "\($0)" } ?? "its own") was used.")
        return nearest
    }

    private mutating func tier(size: RequestedSize?) throws(InvalidRequest) -> SizeTier? {
        switch size {
        case .tier(let wish):
            if capabilities.tiers.contains(wish) { return wish }
            if capabilities.tiers.isEmpty, capabilities.defaultTier == wish { return nil }
            let nearest = nearestTier(to: wish)
            let given = nearest ?? capabilities.defaultTier
            try give(up: "size", "The model has no size \(wish.rawValue); \(given.rawValue) was used.")
            return nearest
        case .pixels(let wish): return nearestTier(to: .nearest(to: wish))
        case .ratio, nil: return nil
        }
    }

    private var tiersOrDefault: [SizeTier] {
        capabilities.tiers.isEmpty ? [capabilities.defaultTier] : capabilities.tiers
    }

    private func nearestTier(to wish: SizeTier) -> SizeTier? {
        capabilities.tiers.min { abs(log2($0.side) - log2(wish.side)) < abs(log2($1.side) - log2(wish.side)) }
    }

    private func nearestRatio(to quotient: Double) throws(InvalidRequest) -> AspectRatio? {
        capabilities.aspectRatios.min { distance($0.quotient, quotient) < distance($1.quotient, quotient) }
    }

    /// Grows as |log(left / right)| does.
    private func distance(_ left: Double, _ right: Double) -> Double { max(left / right, right / left) }

    private func log2(_ side: Int) -> Int { side.bitWidth - side.leadingZeroBitCount }
}

extension ImageRequest.Quality {
    /// The grades in order, from cheap to costly.
    private var rank: Int {
        switch self {
        case .low: 0
        case .medium, .standard: 1
        case .high, .hd: 2
        case .xhigh: 3
        case .max: 4
        }
    }

    fileprivate func distance(to other: ImageRequest.Quality) -> Int { abs(rank - other.rank) }
}
