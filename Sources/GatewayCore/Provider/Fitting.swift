// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The state of one fitting: what had to give so far.
struct Fitting {
    let capabilities: ModelCapabilities
    let mode: ParameterMode
    let transcodes: Bool
    private(set) var warnings: [String] = []
    private(set) var adjusted: Set<String> = []

    init(capabilities: ModelCapabilities, mode: ParameterMode, transcodes: Bool) {
        self.capabilities = capabilities
        self.mode = mode
        self.transcodes = transcodes
    }

    /// What no closest value can stand for.
    func needs(of request: ImageRequest) throws(InvalidRequest) {
        if request.kind == .edit {
            guard capabilities.maxInputs > 0 else { throw Self.refusal("image", "The model cannot edit pictures.") }
            guard request.inputs.count <= capabilities.maxInputs else {
                let limit = capabilities.maxInputs == 1 ? "one picture" : "\(capabilities.maxInputs) pictures"
                throw Self.refusal("image", "The model takes at most \(limit), not \(request.inputs.count).")
            }
            for input in request.inputs { try needs(input, "image") }
        }
        if let mask = request.mask {
            guard capabilities.takesMask else { throw Self.refusal("mask", "The model takes no mask.") }
            try needs(mask, "mask")
        }
        guard request.prompt.unicodeScalars.count <= capabilities.promptLimit else {
            throw Self.refusal("prompt", "The model takes prompts of at most \(capabilities.promptLimit) characters.")
        }
    }

    /// A picture at an address is looked at when it has been fetched.
    private func needs(_ input: InputImage, _ parameter: String) throws(InvalidRequest) {
        guard case .upload(let header, _) = input, !capabilities.inputFormats.contains(header.format) else { return }
        let known = capabilities.inputFormats.map(\.rawValue).joined(separator: ", ")
        throw Self.refusal(parameter, "The model takes no pictures in \(header.format.rawValue), only in \(known).")
    }

    private static func refusal(_ parameter: String, _ sentence: String) -> InvalidRequest {
        InvalidRequest(.unsupportedParameter, parameter, sentence)
    }

    /// Does without a wish, or refuses it.
    ///
    /// - Parameters:
    ///   - parameter: The member that said it.
    ///   - lack: What the model cannot do, as a sentence without its end.
    ///   - instead: What is done instead, said only where it is done.
    ///   - offer: What could be asked for instead, said where the request is refused.
    mutating func give(
        up parameter: String,
        _ lack: String,
        instead: String? = nil,
        offer: String? = nil
    ) throws(InvalidRequest) {
        guard mode == .nearest else { throw Self.refusal(parameter, lack + (offer.map { "; \($0)" } ?? "") + ".") }
        warnings.append(lack + (instead.map { "; \($0)" } ?? "") + ".")
        adjusted.insert(parameter)
    }

    /// Uses the closest value, or refuses the wish and names that value.
    mutating func give(up parameter: String, _ lack: String, using value: String?) throws(InvalidRequest) {
        try give(
            up: parameter,
            lack,
            instead: "\(value ?? "its own") was used",
            offer: value.map { "the nearest it has is \($0)" }
        )
    }

    mutating func optional<Value>(
        _ value: Value?,
        _ name: String,
        _ isSupported: Bool
    ) throws(InvalidRequest) -> Value? {
        guard value != nil, !isSupported else { return value }
        try give(up: name, "The model has no parameter '\(name)'", instead: "it was left out")
        return nil
    }

    /// The nearest grade: the words of the DALL·E era stand for the grades they meant.
    mutating func quality(_ wish: ImageRequest.Quality?) throws(InvalidRequest) -> ImageRequest.Quality? {
        guard let wish, !capabilities.qualities.contains(wish) else { return wish }
        guard let nearest = capabilities.qualities.min(by: { $0.distance(to: wish) < $1.distance(to: wish) }) else {
            return try optional(wish, "quality", false)
        }
        if nearest.distance(to: wish) > 0 {
            try give(up: "quality", "The model has no quality \(wish.rawValue)", using: nearest.rawValue)
        }
        return nearest
    }

    /// A model that cannot be told draws an opaque background anyway.
    mutating func background(
        _ wish: ImageRequest.Background?
    ) throws(InvalidRequest) -> ImageRequest.Background? {
        if capabilities.hasTransparency { return wish }
        if wish == .transparent { try give(up: "background", "The model draws no transparent background") }
        return nil
    }

    /// The format to ask for.
    mutating func format(
        _ wish: PictureFormat?,
        background: ImageRequest.Background?
    ) throws(InvalidRequest) -> PictureFormat? {
        guard let wish else { return background == .transparent ? seeThrough : nil }
        if capabilities.formats.contains(wish) { return wish }
        if capabilities.formats.isEmpty, capabilities.nativeFormat == wish { return nil }
        // What is brought into another format loses nothing on the way there, if that can be had.
        if transcodes { return capabilities.formats.contains(.png) ? .png : nil }
        let instead = background == .transparent ? seeThrough : nil
        let given = instead ?? capabilities.nativeFormat
        try give(
            up: "output_format",
            "The model does not deliver \(wish.rawValue)",
            instead: "the picture comes as \(given.rawValue)",
            offer: "it delivers \(given.rawValue)"
        )
        return instead
    }

    /// A format that holds transparency, where the model must be told one for that.
    private var seeThrough: PictureFormat? {
        capabilities.nativeFormat == .jpeg ? capabilities.formats.first { $0 != .jpeg } : nil
    }

    /// The compression to ask for, if the vendor can be told it and it does something.
    mutating func compression(
        _ wish: Int?,
        of wished: PictureFormat?,
        told format: PictureFormat?
    ) throws(InvalidRequest) -> Int? {
        guard let wish else { return nil }
        let drawn = format ?? capabilities.nativeFormat
        let delivered = transcodes ? wished ?? drawn : drawn
        if delivered == .png {
            // 100 is no loss, which is what PNG does.
            if wish < 100 {
                try give(
                    up: "output_compression",
                    "PNG has no lossy compression",
                    instead: "output_compression was left out"
                )
            }
            return nil
        }
        // The gateway itself encodes it, and hears the wish.
        if delivered != drawn { return nil }
        return try optional(wish, "output_compression", capabilities.hasCompression)
    }
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
