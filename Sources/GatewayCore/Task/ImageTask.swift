// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// One piece of work from the request to the link: the row in which server and engine meet.
///
/// It changes only by ``applying(_:at:)``, and is written by compare-and-set on ``version``.
public struct ImageTask: Sendable, Codable, Hashable {
    /// The public name.
    public let id: TaskID
    /// The name of the key that asked; every look-up carries it.
    public let owner: String
    /// What was asked.
    public let request: ImageRequest
    /// Whether a link is needed when it is done (`false` for a synchronous `b64_json` call).
    public let needsLink: Bool
    /// When it was made.
    public let createdAt: Timestamp
    /// How long its links live, fixed when it was made.
    public let linkLifetime: Duration
    /// The failed task that this one tries again.
    public let retryOf: TaskID?

    /// Grows by one with every change.
    public internal(set) var version = 0
    /// What the caller is told.
    public internal(set) var status: Status = .pending
    /// The running process that works on it; `nil` when any may take it.
    public internal(set) var node: String?
    /// The shares of its pictures.
    public internal(set) var portions: [Portion] = []
    /// Every submission made for it.
    public internal(set) var attempts: [Attempt] = []
    /// 0 to 100; never falls.
    public internal(set) var progress = 0
    /// What was changed about the request, and what was not delivered, a sentence each.
    public internal(set) var warnings: [String] = []
    /// Tokens used, where the vendor says.
    public internal(set) var usage: Usage?
    /// Why it failed.
    public internal(set) var failure: TaskFailure?
    /// When it reached its final state.
    public internal(set) var completedAt: Timestamp?

    /// The four states of the contract.
    public enum Status: String, Sendable, Codable, CaseIterable {
        /// Accepted, not begun.
        case pending
        /// Begun.
        case inProgress = "in_progress"
        /// Every picture that could be made is there.
        case completed
        /// No picture, and why.
        case failed

        /// Whether nothing more will happen.
        public var isFinal: Bool { self == .completed || self == .failed }
    }

    /// Creates a task that waits to be claimed.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - owner: The name of the caller's key.
    ///   - request: What is asked.
    ///   - needsLink: Whether the pictures must be stored.
    ///   - createdAt: Now.
    ///   - linkLifetime: How long its links shall live.
    ///   - node: The process that shall run it, if only that one may: the one whose caller waits.
    ///   - retryOf: The failed task that this one tries again.
    public init(
        id: TaskID,
        owner: String,
        request: ImageRequest,
        needsLink: Bool,
        createdAt: Timestamp,
        linkLifetime: Duration,
        node: String? = nil,
        retryOf: TaskID? = nil
    ) {
        self.id = id
        self.owner = owner
        self.request = request
        self.needsLink = needsLink
        self.createdAt = createdAt
        self.linkLifetime = linkLifetime
        self.node = node
        self.retryOf = retryOf
    }

    /// When its links die: `completed_at` and the lifetime.
    public var expiresAt: Timestamp? {
        status == .completed ? completedAt?.advanced(by: linkLifetime) : nil
    }

    /// The pictures in the object store, in order.
    public var pictures: [StoredPicture] {
        portions.flatMap { portion -> [StoredPicture] in
            guard case .stored(let pictures) = portion.stage else { return [] }
            return pictures
        }
    }

    /// What was delivered, in order, stored or handed over.
    public var headers: [PictureHeader] {
        portions.flatMap { portion -> [PictureHeader] in
            switch portion.stage {
            case .stored(let pictures): return pictures.map(\.header)
            case .delivered(let headers): return headers
            case .queued, .submitting, .waiting, .fetching, .failed: return []
            }
        }
    }

    /// How many submissions may have bought a picture that never came.
    public var lostPurchases: Int {
        attempts.count { $0.outcome?.mayHaveBought == true }
    }
}
