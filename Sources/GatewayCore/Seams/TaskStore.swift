// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Where tasks live: rows that survive the process, and the list of objects that are still to be deleted.
///
/// Whatever writes or removes a row brings the list up to date in the same transaction, as ``ImageTask/objects`` and
/// ``ImageTask/deletions(removedAt:endsLinks:)`` say.
public protocol TaskStore: Sendable {
    /// Writes a new task if the terms allow; durable when it returns.
    ///
    /// - Parameters:
    ///   - task: A task nobody has written yet; its creation is the present moment.
    ///   - terms: What must be true for it, and the claim that is written with it.
    func create(_ task: ImageTask, on terms: TaskTerms) async throws(StoreError) -> TaskEntry

    /// Writes a new task together with what is written next, for one whose name nobody outside knows yet.
    ///
    /// Not durable when it returns. But whoever asks for it finds it, and whatever is written after this call is written
    /// with it or behind it: when an update of the task is durable, so is the task. If nothing is written, it is written
    /// alone, a moment later.
    ///
    /// - Parameters:
    ///   - task: A task nobody has written yet.
    ///   - failed: Called if it could not be written: then there is no such task.
    /// - Throws: What is known at once.
    func createSoon(
        _ task: ImageTask,
        failed: @escaping @Sendable (StoreError) -> Void
    ) async throws(StoreError)

    /// Reads a task.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - owner: The key that asks; a task of another owner is not found. `nil` only for the engine itself.
    func task(_ id: TaskID, owner: String?) async throws(StoreError) -> ImageTask?

    /// Writes a changed task; durable when it returns.
    ///
    /// - Parameters:
    ///   - task: The task as it shall be.
    ///   - version: The version it was changed from.
    /// - Throws: ``StoreError/Code/conflict`` when the row has another version by now, or is gone.
    func update(_ task: ImageTask, from version: Int) async throws(StoreError)

    /// Writes a changed task together with the claim of the request that changed it; durable when it returns.
    ///
    /// - Parameters:
    ///   - task: The task as it shall be.
    ///   - version: The version it was changed from.
    ///   - claim: The claim; it may be for this task only.
    ///   - now: The present moment.
    /// - Returns: The claim that was there before, if there was one: then nothing was written.
    /// - Throws: As ``update(_:from:)``.
    func update(
        _ task: ImageTask,
        from version: Int,
        claiming claim: IdempotencyClaim,
        now: Timestamp
    ) async throws(StoreError) -> IdempotencyClaim?

    /// Finds a claim that is not over.
    ///
    /// - Parameters:
    ///   - key: The caller's name for the request.
    ///   - owner: The caller.
    ///   - now: The present moment.
    func claim(_ key: String, of owner: String, now: Timestamp) async throws(StoreError) -> IdempotencyClaim?

    /// Removes claims that are over; those of removed tasks went with them.
    ///
    /// - Parameters:
    ///   - moment: Only those that were over before.
    ///   - limit: How many at most.
    /// - Returns: How many were removed.
    func removeClaims(expiredBefore moment: Timestamp, limit: Int) async throws(StoreError) -> Int

    /// Hands out tasks without a node, oldest first, each claimed for `node` in the same step.
    ///
    /// - Parameters:
    ///   - node: Who claims.
    ///   - limit: How many at most.
    ///   - excluding: Public model names that shall not be handed out now.
    ///   - now: The present moment.
    ///   - divide: How to divide a task into portions.
    func claim(
        node: String,
        limit: Int,
        excluding: Set<String>,
        now: Timestamp,
        divide: @escaping @Sendable (ImageRequest) -> [Int]
    ) async throws(StoreError) -> [ImageTask]

    /// Says that a node is alive.
    ///
    /// - Parameters:
    ///   - node: Who.
    ///   - now: When.
    func heartbeat(node: String, now: Timestamp) async throws(StoreError)

    /// Takes over unfinished tasks of nodes that have not been heard of, each adopted by `node` in the same step.
    ///
    /// - Parameters:
    ///   - node: Who takes over.
    ///   - silentSince: Nodes whose last heartbeat is older are gone.
    ///   - limit: How many at most.
    ///   - now: The present moment.
    func adopt(
        node: String,
        silentSince: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> [ImageTask]

    /// Names unfinished tasks that one node holds, or that nobody does, oldest first.
    ///
    /// - Parameters:
    ///   - node: Whose; `nil` for those that wait to be claimed.
    ///   - bound: Only names below this one: those that were made before it.
    ///   - limit: How many at most.
    func unfinished(of node: String?, before bound: TaskID, limit: Int) async throws(StoreError) -> [TaskID]

    /// Reads a page of an owner's tasks.
    ///
    /// - Parameter query: Which, and in what order.
    /// - Throws: ``StoreError/Code/unknownCursor`` when `after` is no task of the owner.
    func list(_ query: TaskQuery) async throws(StoreError) -> TaskPage

    /// Removes a task's row, finished or not; what lies in the object store for it becomes due now.
    ///
    /// A process that works on the task finds the row gone when it writes next.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - owner: The key that asks; a task of another owner is not found. `nil` only for the gateway itself.
    ///   - now: The present moment.
    /// - Returns: `false` if there is no such task.
    @discardableResult
    func delete(_ id: TaskID, owner: String?, now: Timestamp) async throws(StoreError) -> Bool

    /// Removes the rows of tasks that were finished long ago; what they kept becomes due now, and links that still live
    /// go on living.
    ///
    /// - Parameters:
    ///   - moment: Only what was finished before.
    ///   - limit: How many at most, those first that were finished first.
    ///   - now: The present moment.
    /// - Returns: How many were removed.
    func removeTasks(finishedBefore moment: Timestamp, limit: Int, now: Timestamp) async throws(StoreError) -> Int

    /// Puts objects on the list of what is to be deleted, or changes when; durable when it returns.
    ///
    /// Called before an object is stored, so that one whose row is never written is not forgotten, and for objects that
    /// turn out to be nobody's.
    ///
    /// - Parameter deletions: What, and when.
    func announce(_ deletions: [Deletion]) async throws(StoreError)

    /// Hands out what is due, the oldest first, each to one caller: it comes back after the lease unless
    /// ``settle(_:)`` says before what became of it. What belongs to an unfinished task waits for its end.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    ///   - now: The present moment.
    ///   - lease: How long the caller may take.
    func dueDeletions(limit: Int, now: Timestamp, lease: Duration) async throws(StoreError) -> [Deletion]

    /// Takes what is done from the list and puts back what is not, in one step.
    ///
    /// Whatever was handed out again or announced anew meanwhile stays as it is.
    ///
    /// - Parameter report: What became of deletions that were handed out.
    func settle(_ report: DeletionReport) async throws(StoreError)

    /// How many tasks wait to be claimed.
    func pendingCount() async throws(StoreError) -> Int

    /// How many unfinished tasks an owner has; counts no further than asked.
    ///
    /// - Parameters:
    ///   - owner: Whose.
    ///   - limit: Where to stop counting.
    func unfinishedCount(of owner: String, atMost limit: Int) async throws(StoreError) -> Int

    /// The place of a task among those that wait to be claimed, the next one first; `nil` if it does not wait.
    ///
    /// Cheap, and therefore not exact while a long queue moves.
    ///
    /// - Parameter id: Its name.
    func queuePosition(of id: TaskID) async throws(StoreError) -> Int?

    /// Closes the database; what is under way ends first.
    func close() async
}

extension TaskStore {
    /// Writes a new task on no terms; durable when it returns.
    ///
    /// - Parameter task: A task nobody has written yet.
    public func create(_ task: ImageTask) async throws(StoreError) {
        _ = try await create(task, on: TaskTerms())
    }
}

/// Which of an owner's tasks to read.
public struct TaskQuery: Sendable {
    /// Whose.
    public var owner: String
    /// How many at most.
    public var limit: Int
    /// Only those behind this one, in the order asked for.
    public var after: TaskID?
    /// Oldest first instead of newest first.
    public var ascending: Bool
    /// Only those in this state.
    public var status: ImageTask.Status?
    /// Only those of this model.
    public var model: String?

    /// Creates a query.
    public init(
        owner: String,
        limit: Int = 20,
        after: TaskID? = nil,
        ascending: Bool = false,
        status: ImageTask.Status? = nil,
        model: String? = nil
    ) {
        self.owner = owner
        self.limit = limit
        self.after = after
        self.ascending = ascending
        self.status = status
        self.model = model
    }
}

/// A page of tasks.
public struct TaskPage: Sendable {
    /// The tasks in the order asked for.
    public var tasks: [ImageTask]
    /// Whether there are more behind the last one.
    public var hasMore: Bool

    /// Creates a page.
    public init(tasks: [ImageTask], hasMore: Bool) {
        self.tasks = tasks
        self.hasMore = hasMore
    }
}

/// Why the database did not do what was asked.
public struct StoreError: Error, Sendable {
    /// What happened.
    public var code: Code
    /// One sentence for the operator.
    public var message: String
    /// The lower-level error.
    public var cause: (any Error)?

    /// Creates an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// What happened.
    public enum Code: String, Sendable {
        /// The row was changed by somebody else, or is gone.
        case conflict
        /// The cursor of a list is no task of the owner.
        case unknownCursor
        /// No space left.
        case full
        /// The database cannot be opened: another process has it, permissions, a newer schema.
        case cannotOpen
        /// One row that is damaged, or that a newer version wrote; the others are well.
        case unreadable
        /// Anything else; may pass.
        case unavailable
    }
}

extension TaskStore {
    /// Writes the task at once.
    public func createSoon(
        _ task: ImageTask,
        failed: @escaping @Sendable (StoreError) -> Void
    ) async throws(StoreError) {
        _ = try await create(task, on: TaskTerms())
    }
}
