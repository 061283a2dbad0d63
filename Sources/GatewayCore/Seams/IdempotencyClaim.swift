// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A request that was taken under a name of its caller's, so that it can be sent again without happening again.
///
/// It lives as long as its task, and not longer than ``lifetime``. Another caller's claims have nothing to do with it,
/// whatever their names.
public struct IdempotencyClaim: Sendable, Hashable {
    /// Whose it is: the name of the key that asked.
    public var owner: String
    /// The caller's name for the request: the `Idempotency-Key`.
    public var key: String
    /// The digest of what was asked; another one under the same name is a mistake of the caller's.
    public var request: [UInt8]
    /// What became of it.
    public var task: TaskID
    /// When it is over.
    public var expires: Timestamp

    /// How long a request can be repeated.
    public static let lifetime = Duration.seconds(86_400)

    /// Creates a claim that begins now.
    ///
    /// - Parameters:
    ///   - owner: The name of the caller's key.
    ///   - key: The caller's name for the request.
    ///   - request: The digest of what is asked.
    ///   - task: What becomes of it.
    ///   - now: The present moment.
    public init(owner: String, key: String, request: [UInt8], task: TaskID, now: Timestamp) {
        self.init(owner: owner, key: key, request: request, task: task, expires: now.advanced(by: Self.lifetime))
    }

    /// Creates a claim that was read.
    public init(owner: String, key: String, request: [UInt8], task: TaskID, expires: Timestamp) {
        self.owner = owner
        self.key = key
        self.request = request
        self.task = task
        self.expires = expires
    }
}

/// On what terms a new task is written; all of them are checked in the commit that writes it.
public struct TaskTerms: Sendable {
    /// The name under which it is asked for, if it has one.
    public var claim: IdempotencyClaim?
    /// How many tasks may wait to be claimed; a task that has a node from the beginning does not wait.
    public var queueLimit: Int?
    /// How many unfinished tasks its owner may have.
    public var unfinishedLimit: Int?

    /// Creates terms.
    public init(claim: IdempotencyClaim? = nil, queueLimit: Int? = nil, unfinishedLimit: Int? = nil) {
        self.claim = claim
        self.queueLimit = queueLimit
        self.unfinishedLimit = unfinishedLimit
    }
}

/// What became of a new task.
public enum TaskEntry: Sendable, Hashable {
    /// It was written, and its claim with it.
    case written
    /// Nothing was written: its name was claimed before. A request that is repeated is never refused by a limit.
    case claimed(IdempotencyClaim)
    /// Nothing was written: as many tasks wait as may.
    case queueFull
    /// Nothing was written: its owner has as many unfinished tasks as may be.
    case tooManyUnfinished
}
