// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// One submission to one vendor: written down before it is sent, ended when its outcome is known.
public struct Attempt: Sendable, Codable, Hashable {
    /// Which portion of the task's pictures it was made for.
    public var portion: Int
    /// The operator's name of the provider.
    public var provider: String
    /// The vendor's own model name.
    public var model: String
    /// The pool's name for the key it was made with: only that account can be asked for the work.
    public var key: String?
    /// When it was written down.
    public var startedAt: Timestamp
    /// When its outcome was known; `nil` while it runs.
    public var endedAt: Timestamp?
    /// What became of it; `nil` while it runs.
    public var outcome: Outcome?
    /// The vendor's name for the work, if it gave one.
    public var vendorTaskID: String?
    /// What went wrong, one sentence safe for the caller.
    public var error: String?

    /// Creates an attempt that begins now.
    public init(portion: Int, provider: String, model: String, key: String? = nil, startedAt: Timestamp) {
        self.portion = portion
        self.provider = provider
        self.model = model
        self.key = key
        self.startedAt = startedAt
    }

    /// What became of a submission.
    public enum Outcome: String, Sendable, Codable, CaseIterable {
        /// It gave pictures.
        case succeeded
        /// It never left.
        case notSent = "not_sent"
        /// The vendor answered that it did nothing.
        case rejected
        /// The vendor's content policy forbids it.
        case refused
        /// The vendor answered without a picture.
        case noImage = "no_image"
        /// The vendor had accepted it, and then said that it failed.
        case failed
        /// It was sent, and nobody knows what became of it.
        case unknown
        /// The caller cancelled while it ran.
        case cancelled

        /// Whether the vendor charges for it, as far as can be told.
        public var billed: Billed {
            switch self {
            case .succeeded: .yes
            case .notSent, .rejected, .refused: .no
            case .noImage, .failed, .unknown, .cancelled: .unknown
            }
        }

        /// Whether another submission after this one may buy a second time.
        public var mayHaveBought: Bool { self == .unknown || self == .failed }
    }

    /// Whether a vendor charges for a submission.
    public enum Billed: String, Sendable, Codable {
        /// Certainly, certainly not, or nobody knows.
        case yes, no, unknown
    }
}

/// Why a task, or a portion of it, gave no picture: a code of the contract and a sentence for the caller.
public struct TaskFailure: Error, Sendable, Codable, Hashable {
    /// The kind of failure.
    public var code: Code
    /// One sentence, without vendor names, hosts, keys or raw bodies.
    public var message: String

    /// Creates a failure.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Nobody waits any more, and nothing was sent yet: the one failure by which a dropped call is told from one that its
    /// caller cancelled.
    public static let callerGone = TaskFailure(
        .taskCancelled,
        "The caller was gone before anything was sent to a provider."
    )

    /// The task error codes of the contract.
    public enum Code: String, Sendable, Codable {
        /// Something in the gateway itself.
        case taskFailed = "task_failed"
        /// A vendor's content policy forbids it.
        case contentPolicyViolation = "content_policy_violation"
        /// Every vendor answered without a picture.
        case noImageGenerated = "no_image_generated"
        /// Every vendor failed.
        case upstreamError = "upstream_error"
        /// No vendor can be used now.
        case providerUnavailable = "provider_unavailable"
        /// The task's time is over.
        case taskTimeout = "task_timeout"
        /// A submission may have been billed, and its picture is lost.
        case outcomeUnknown = "outcome_unknown"
        /// The caller cancelled it.
        case taskCancelled = "task_cancelled"
        /// The picture could not be stored.
        case storageError = "storage_error"
        /// The pictures' time is over.
        case resultExpired = "result_expired"
        /// An input or a result is not a picture that can be used.
        case invalidImage = "invalid_image"
        /// An input or a result is larger than allowed.
        case payloadTooLarge = "payload_too_large"
        /// No candidate can honor a parameter, or a vendor does not take the request as it is.
        case unsupportedParameter = "unsupported_parameter"
    }
}
