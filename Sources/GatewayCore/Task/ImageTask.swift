// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// One piece of work from the request to the link: the row in which server and engine meet.
///
/// It changes only by ``applying(_:at:)``, and is written by compare-and-set on ``version``.
///
/// A value in a box: thousands of tasks wait at the same time, each in a dozen frames that pass it on.
public struct ImageTask: Sendable, Codable, Hashable {
    private var box: Box

    /// The public name.
    public var id: TaskID { box.members.id }
    /// The name of the key that asked; every look-up carries it.
    public var owner: String { box.members.owner }
    /// What was asked.
    public var request: ImageRequest { box.members.request }
    /// Whether a link is needed when it is done (`false` for a synchronous `b64_json` call).
    public var needsLink: Bool { box.members.needsLink }
    /// When it was made.
    public var createdAt: Timestamp { box.members.createdAt }
    /// How long its links live, fixed when it was made.
    public var linkLifetime: Duration { box.members.linkLifetime }
    /// The failed task that this one tries again.
    public var retryOf: TaskID? { box.members.retryOf }
    /// Grows by one with every change.
    public internal(set) var version: Int {
        get { box.members.version }
        set { change { $0.version = newValue } }
    }
    /// What the caller is told.
    public internal(set) var status: Status {
        get { box.members.status }
        set { change { $0.status = newValue } }
    }
    /// The running process that works on it; `nil` when any may take it.
    public internal(set) var node: String? {
        get { box.members.node }
        set { change { $0.node = newValue } }
    }
    /// The shares of its pictures.
    public internal(set) var portions: [Portion] {
        get { box.members.portions }
        set { change { $0.portions = newValue } }
    }
    /// Every submission made for it.
    public internal(set) var attempts: [Attempt] {
        get { box.members.attempts }
        set { change { $0.attempts = newValue } }
    }
    /// 0 to 100; never falls.
    public internal(set) var progress: Int {
        get { box.members.progress }
        set { change { $0.progress = newValue } }
    }
    /// What was changed about the request, and what was not delivered, a sentence each.
    public internal(set) var warnings: [String] {
        get { box.members.warnings }
        set { change { $0.warnings = newValue } }
    }
    /// Tokens used, where the vendor says.
    public internal(set) var usage: Usage? {
        get { box.members.usage }
        set { change { $0.usage = newValue } }
    }
    /// Why it failed.
    public internal(set) var failure: TaskFailure? {
        get { box.members.failure }
        set { change { $0.failure = newValue } }
    }
    /// When it reached its final state.
    public internal(set) var completedAt: Timestamp? {
        get { box.members.completedAt }
        set { change { $0.completedAt = newValue } }
    }

    /// Makes a box of its own for a change: others may have the old one.
    private mutating func change(_ change: (inout TaskMembers) -> Void) {
        var members = box.members
        change(&members)
        box = Box(members)
    }

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
        box = Box(
            TaskMembers(
                id: id,
                owner: owner,
                request: request,
                needsLink: needsLink,
                createdAt: createdAt,
                linkLifetime: linkLifetime,
                retryOf: retryOf,
                node: node
            )
        )
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

    /// Whether no vendor has seen any of it.
    public var nothingWasSent: Bool { attempts.allSatisfy { $0.outcome == .notSent } }

    /// How many submissions may have bought a picture that never came.
    public var lostPurchases: Int {
        attempts.count { $0.outcome?.mayHaveBought == true }
    }
}

extension ImageTask {
    /// What copies of a task share until one of them changes.
    private final class Box: Sendable {
        let members: TaskMembers

        init(_ members: TaskMembers) {
            self.members = members
        }
    }

    /// Reads a task as it was written.
    public init(from decoder: any Decoder) throws {
        box = Box(try TaskMembers(from: decoder))
    }

    /// Writes all of it.
    public func encode(to encoder: any Encoder) throws {
        try box.members.encode(to: encoder)
    }

    /// Whether two tasks are the same in everything.
    public static func == (left: ImageTask, right: ImageTask) -> Bool {
        left.box === right.box || left.box.members == right.box.members
    }

    /// Feeds all of it.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(box.members)
    }
}

/// What a task is made of, as its row has it.
private struct TaskMembers: Sendable, Codable, Hashable {
    let id: TaskID
    let owner: String
    let request: ImageRequest
    let needsLink: Bool
    let createdAt: Timestamp
    let linkLifetime: Duration
    let retryOf: TaskID?
    var version: Int = 0
    var status: ImageTask.Status = .pending
    var node: String?
    var portions: [Portion] = []
    var attempts: [Attempt] = []
    var progress: Int = 0
    var warnings: [String] = []
    var usage: Usage?
    var failure: TaskFailure?
    var completedAt: Timestamp?

    init(
        id: TaskID,
        owner: String,
        request: ImageRequest,
        needsLink: Bool,
        createdAt: Timestamp,
        linkLifetime: Duration,
        retryOf: TaskID?,
        node: String?
    ) {
        self.id = id
        self.owner = owner
        self.request = request
        self.needsLink = needsLink
        self.createdAt = createdAt
        self.linkLifetime = linkLifetime
        self.retryOf = retryOf
        self.node = node
    }
}
