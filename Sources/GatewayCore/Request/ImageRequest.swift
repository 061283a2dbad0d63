// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What a caller wants, checked once: a value that exists is valid.
///
/// Whether a *vendor* can do it is another question, answered by ``ModelCapabilities``.
public struct ImageRequest: Sendable, Hashable, Codable {
    /// Text to picture, or picture to picture.
    public let kind: Kind
    /// The public model name, as the caller wrote it.
    public let model: String
    /// What to draw; 1 to 32,000 characters, not blank.
    public let prompt: String
    /// How many pictures; 1 to 10.
    public let count: Int
    /// The wished size; `nil` for `auto`.
    public let size: RequestedSize?
    /// The wished shape; wins over the shape of `size`.
    public let aspectRatio: AspectRatio?
    /// How carefully to draw.
    public let quality: Quality?
    /// The background's kind; `nil` for `auto`.
    public let background: Background?
    /// The wished encoding of the picture.
    public let outputFormat: PictureFormat?
    /// Compression of JPEG and WebP, 0 to 100.
    public let outputCompression: Int?
    /// How the answer of a synchronous call carries the picture.
    public let responseFormat: ResponseFormat
    /// A number that makes drawing repeatable where a vendor promises that.
    public let seed: Int?
    /// What not to draw; at most 32,000 characters.
    public let negativePrompt: String?
    /// `vivid` or `natural`.
    public let style: Style?
    /// How strict the vendor's moderation should be.
    public let moderation: Moderation?
    /// The caller's own name for its end user; at most 512 characters.
    public let user: String?
    /// The caller's own notes; at most 16 pairs.
    public let metadata: [String: String]
    /// Where the caller wants to hear that the task is finished.
    public let webhookAddress: WebhookAddress?
    /// The pictures to edit, the first one the base; 1 to 16 for an edit, none for a generation.
    public let inputs: [InputImage]
    /// Where to edit the first picture: its transparent parts.
    public let mask: InputImage?

    /// How many pictures one edit may name.
    public static let maxInputs = 16

    /// What kind of work a request is.
    public enum Kind: String, Sendable, Codable {
        /// Text to picture.
        case generation
        /// Picture and text to picture.
        case edit
    }

    /// How a synchronous answer carries its pictures.
    public enum ResponseFormat: String, Sendable, Codable, CaseIterable {
        /// A signed link.
        case url
        /// The picture itself in base64.
        case base64 = "b64_json"
    }

    /// How carefully to draw; the legacy words are kept, because clients still send them.
    public enum Quality: String, Sendable, Codable, CaseIterable {
        /// The documented grades, from cheap to costly.
        case low, medium, high, xhigh, max
        /// The grades of the DALL·E era.
        case standard, hd
    }

    /// The kind of background.
    public enum Background: String, Sendable, Codable, CaseIterable {
        /// See-through or filled.
        case transparent, opaque
    }

    /// The look of the DALL·E era.
    public enum Style: String, Sendable, Codable, CaseIterable {
        /// Dramatic or plain.
        case vivid, natural
    }

    /// How strict moderation should be.
    public enum Moderation: String, Sendable, Codable, CaseIterable {
        /// The vendor's default, or less.
        case auto, low
    }
}

extension ImageRequest {
    /// A request as it was written, before anything is checked; `nil` means absent.
    ///
    /// Words stay words here (`"1024x1024"`, `"png"`), so that JSON, multipart and the command line check alike.
    public struct Draft: Sendable {
        /// Text to picture, or picture to picture.
        public var kind: Kind = .generation
        /// The members by their names in the contract.
        public var model, prompt, size, aspectRatio, quality, background, outputFormat, responseFormat: String?
        /// More members by their names in the contract.
        public var negativePrompt, style, moderation, user, webhookURL: String?
        /// The numbers.
        public var count, outputCompression, seed: Int?
        /// The caller's notes.
        public var metadata: [String: String] = [:]
        /// The pictures to edit, in order.
        public var inputs: [InputImage] = []
        /// Where to edit.
        public var mask: InputImage?

        /// Creates an empty draft.
        public init() {}
    }

    /// Checks a draft.
    ///
    /// - Throws: The first mistake found, naming the member as the contract spells it.
    public init(_ draft: Draft) throws(InvalidRequest) {
        kind = draft.kind
        model = try Self.text(draft.model, "model", atMost: 256)
        prompt = try Self.text(draft.prompt, "prompt", atMost: 32_000)
        count = try Self.number(draft.count, "n", 1...10) ?? 1
        size = try Self.requestedSize(draft.size)
        aspectRatio = try Self.ratio(draft.aspectRatio)
        quality = try Self.word(draft.quality, "quality", but: "auto")
        background = try Self.word(draft.background, "background", but: "auto")
        outputFormat = try Self.word(draft.outputFormat == "jpg" ? "jpeg" : draft.outputFormat, "output_format")
        outputCompression = try Self.number(draft.outputCompression, "output_compression", 0...100)
        responseFormat = try Self.word(draft.responseFormat, "response_format") ?? .base64
        seed = try Self.number(draft.seed, "seed", 0...Int(Int32.max))
        negativePrompt = try Self.optionalText(draft.negativePrompt, "negative_prompt", atMost: 32_000)
        style = try Self.word(draft.style, "style")
        moderation = try Self.word(draft.moderation, "moderation")
        user = try Self.optionalText(draft.user, "user", atMost: 512)
        metadata = try Self.notes(draft.metadata)
        webhookAddress = try Self.webhookAddress(draft.webhookURL)
        inputs = try Self.inputs(draft)
        mask = draft.mask
        if background == .transparent, outputFormat == .jpeg {
            throw InvalidRequest(
                .invalidValue,
                "background",
                "A transparent background needs output_format png or webp."
            )
        }
    }

    private static func text(_ value: String?, _ name: String, atMost limit: Int) throws(InvalidRequest) -> String {
        guard let value, !value.allSatisfy(\.isWhitespace) else {
            throw InvalidRequest(.missingParameter, name, "The parameter '\(name)' is required and may not be blank.")
        }
        return try checkedLength(value, name, limit)
    }

    private static func optionalText(
        _ value: String?,
        _ name: String,
        atMost limit: Int
    ) throws(InvalidRequest) -> String? {
        guard let value, !value.allSatisfy(\.isWhitespace) else { return nil }
        return try checkedLength(value, name, limit)
    }

    private static func checkedLength(_ value: String, _ name: String, _ limit: Int) throws(InvalidRequest) -> String {
        // Scalars, not characters: one "character" may be a megabyte of combining marks.
        guard value.unicodeScalars.count <= limit else {
            throw InvalidRequest(.invalidValue, name, "The parameter '\(name)' may have at most \(limit) characters.")
        }
        return value
    }

    private static func number(
        _ value: Int?,
        _ name: String,
        _ range: ClosedRange<Int>
    ) throws(InvalidRequest) -> Int? {
        guard let value else { return nil }
        guard range.contains(value) else {
            throw InvalidRequest(
                .invalidValue,
                name,
                "The parameter '\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return value
    }

    private static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ value: String?,
        _ name: String,
        but absent: String? = nil
    ) throws(InvalidRequest) -> Word? {
        guard let value, value != absent else { return nil }
        guard let word = Word(rawValue: value) else {
            let known = (absent.map { [$0] } ?? []) + Word.allCases.map { $0.rawValue }
            throw InvalidRequest(
                .invalidValue,
                name,
                "The parameter '\(name)' must be one of: \(known.joined(separator: ", "))."
            )
        }
        return word
    }

    private static func requestedSize(_ value: String?) throws(InvalidRequest) -> RequestedSize? {
        guard let value, value.lowercased() != "auto" else { return nil }
        guard let size = RequestedSize(value) else {
            throw InvalidRequest(
                .invalidValue,
                "size",
                "The parameter 'size' must be auto, WIDTHxHEIGHT, 512, 1K, 2K, 4K or a ratio such as 16:9."
            )
        }
        return size
    }

    private static func ratio(_ value: String?) throws(InvalidRequest) -> AspectRatio? {
        guard let value, value.lowercased() != "auto" else { return nil }
        guard let ratio = AspectRatio(value) else {
            throw InvalidRequest(.invalidValue, "aspect_ratio", "The parameter 'aspect_ratio' must look like 16:9.")
        }
        return ratio
    }

    private static func webhookAddress(_ value: String?) throws(InvalidRequest) -> WebhookAddress? {
        guard let value else { return nil }
        guard let address = WebhookAddress(value) else {
            let mistake = WebhookAddress.mistake(in: value) ?? "must look like https://host/path"
            throw InvalidRequest(.invalidValue, "webhook_url", "The parameter 'webhook_url' \(mistake).")
        }
        return address
    }

    private static func inputs(_ draft: Draft) throws(InvalidRequest) -> [InputImage] {
        guard draft.kind == .edit else {
            if draft.inputs.isEmpty, draft.mask == nil { return [] }
            throw InvalidRequest(
                .unsupportedParameter,
                "image",
                "Text-to-image takes no pictures; send them to /v1/images/edits."
            )
        }
        guard !draft.inputs.isEmpty else {
            throw InvalidRequest(.missingParameter, "image", "An edit needs at least one picture in 'image'.")
        }
        guard draft.inputs.count <= maxInputs else {
            throw InvalidRequest(.invalidValue, "image", "An edit takes at most \(maxInputs) pictures.")
        }
        return draft.inputs
    }

    private static func notes(_ pairs: [String: String]) throws(InvalidRequest) -> [String: String] {
        guard pairs.count <= 16, pairs.allSatisfy({ $0.key.utf8.count <= 64 && $0.value.utf8.count <= 2048 }) else {
            throw InvalidRequest(
                .invalidValue,
                "metadata",
                "The parameter 'metadata' may have 16 pairs, names up to 64 and values up to 2,048 bytes."
            )
        }
        return pairs
    }
}
