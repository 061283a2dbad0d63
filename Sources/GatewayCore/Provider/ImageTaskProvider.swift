// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// One image vendor, seen by the engine.
///
/// A conformance translates; it does not retry, sleep, cache, log or store. Those belong to the engine, once, for every
/// vendor.
///
/// ## What a conformance promises
/// - ``submit(_:key:)`` sends at most one billable call. If it cannot know whether the vendor took the call, it throws a
///   ``ProviderError`` whose outcome is `unknown`, and nobody pays twice.
/// - ``poll(_:key:)`` is safe to repeat, and to call from another process than the one that submitted.
/// - Every vendor error is mapped; no transport or decoding error escapes.
/// - An answer without a picture is never a success.
/// - A key travels in a header, never in a URL, a message or a log.
public protocol ImageTaskProvider: Sendable {
    /// What the vendor is and can do.
    static var descriptor: ProviderDescriptor { get }

    /// Creates an adapter; nothing is sent.
    ///
    /// - Parameters:
    ///   - settings: The operator's settings for this vendor.
    ///   - transport: The way to the network.
    init(settings: ProviderSettings, transport: any HTTPTransport)

    /// Asks for pictures: at most one billable call.
    ///
    /// - Parameters:
    ///   - call: What to ask for, in terms this vendor's table allows.
    ///   - key: The credential for this call.
    /// - Returns: The pictures, or the vendor's name for the work it has begun.
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress

    /// Asks how far a job is. Only for vendors whose jobs are ``ProviderProgress/waiting(_:)``.
    ///
    /// - Parameters:
    ///   - job: What ``submit(_:key:)`` gave.
    ///   - key: A credential of the same account.
    func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress

    /// The vendor's own names of the models this key can use: a free call that proves address and key.
    ///
    /// - Parameter key: The credential to prove.
    func models(key: Secret) async throws(ProviderError) -> [String]

    /// What the vendor says today of its models, where it publishes that: takes the place of the descriptor's tables.
    ///
    /// - Parameter key: A credential, where one is needed for it.
    /// - Returns: The models by the vendor's own names; empty if the vendor publishes no such thing.
    func capabilities(key: Secret) async throws(ProviderError) -> [String: ModelCapabilities]
}

extension ImageTaskProvider {
    /// Refuses: a vendor that answers at once has no jobs.
    public func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress {
        throw ProviderError(.failed, "This provider has no jobs to ask for.")
    }

    /// Nothing: the descriptor's tables stand.
    public func capabilities(key: Secret) async throws(ProviderError) -> [String: ModelCapabilities] { [:] }
}

/// What an adapter is asked for: a request fitted to one model of one vendor by the engine.
public struct ProviderCall: Sendable, Equatable {
    /// The vendor's own model name.
    public var model: String
    /// What to draw.
    public var prompt: String
    /// How many pictures; at most the model's ``ModelCapabilities/maxCount``.
    public var count: Int
    /// The shape to ask for; `nil` to leave it to the vendor.
    public var aspectRatio: AspectRatio?
    /// The resolution class to ask for; `nil` to leave it to the vendor.
    public var tier: SizeTier?
    /// The format to ask for; `nil` where the vendor has no choice.
    public var format: PictureFormat?
    /// Compression of that format, 0 to 100.
    public var compression: Int?
    /// How carefully to draw; `nil` to leave it to the vendor.
    public var quality: ImageRequest.Quality?
    /// A seed, where the model has one.
    public var seed: Int?
    /// What not to draw, where the model has such a field.
    public var negativePrompt: String?
    /// The kind of background, where the model can be told one.
    public var background: ImageRequest.Background?
    /// The pictures to edit, the first one the base; empty for text to picture.
    public var inputs: [InputPicture] = []
    /// Where to edit the first of them: the transparent parts of a picture of the same size.
    public var mask: InputPicture?

    /// Whether pictures are to be edited.
    public var isEdit: Bool { !inputs.isEmpty }

    /// Creates a call for one picture.
    public init(model: String, prompt: String, count: Int = 1) {
        self.model = model
        self.prompt = prompt
        self.count = count
    }
}

/// How far a vendor is.
public enum ProviderProgress: Sendable {
    /// Begun: ask again with this job.
    case waiting(ProviderJob)
    /// Ready.
    case done(ProviderResult)
}

/// A vendor's name for work in its hands; all that is needed to ask for it after a restart.
public struct ProviderJob: Sendable, Codable, Hashable {
    /// The vendor's task id.
    public var id: String
    /// Where to ask, if the vendor said so and it is not derived from the id.
    public var pollURL: String?
    /// When to ask next, if the vendor said so.
    public var pollAfter: Int64?

    /// Creates a job.
    public init(id: String, pollURL: String? = nil, pollAfter: Duration? = nil) {
        self.id = id
        self.pollURL = pollURL
        self.pollAfter = pollAfter?.milliseconds
    }
}

/// What a vendor delivered for one call.
public struct ProviderResult: Sendable {
    /// The pictures, at least one.
    public var images: [ImageSource]
    /// The prompt as the vendor rewrote it, or its remark about the picture.
    public var revisedPrompt: String?
    /// What it cost in tokens, where the vendor says.
    public var usage: Usage?
    /// Why there are fewer pictures than asked for, one entry for each missing one, safe to show to the caller.
    public var missing: [String]

    /// Creates a result.
    public init(images: [ImageSource], revisedPrompt: String? = nil, usage: Usage? = nil, missing: [String] = []) {
        self.images = images
        self.revisedPrompt = revisedPrompt
        self.usage = usage
        self.missing = missing
    }
}
