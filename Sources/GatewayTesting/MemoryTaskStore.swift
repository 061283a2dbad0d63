// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// Tasks in memory, for tests: behaves as the databases do, and fails when a test wants it to.
public final class MemoryTaskStore: TaskStore {
    private let state = Mutex(State())

    /// Creates an empty store.
    public init() {}

    /// Lets the next calls fail, one error each; `nil` lets one pass.
    public func fail(_ errors: [StoreError?]) {
        state.withLock { $0.failures += errors }
    }

    /// Every task, oldest first.
    public var all: [ImageTask] {
        state.withLock { state in state.order.compactMap { state.tasks[$0] } }
    }

    /// Every claim, also those that are over.
    public var claims: [IdempotencyClaim] { state.withLock { Array($0.claims.values) } }

    /// Writes a new task and its claim if the terms allow.
    public func create(_ task: ImageTask, on terms: TaskTerms) async throws(StoreError) -> TaskEntry {
        try use { state throws(StoreError) in
            if let obstacle = state.obstacle(to: task, on: terms) { return obstacle }
            guard state.tasks[task.id] == nil else {
                throw StoreError(.conflict, "Task \(task.id) exists already.")
            }
            state.tasks[task.id] = task
            state.order.insert(task.id, at: state.order.place(of: task.id))
            state.follow(task)
            if let claim = terms.claim { state.claims[ClaimName(claim)] = claim }
            return .written
        }
    }

    /// Writes a new task; it is there, unless the test lets it be lost.
    public func createSoon(
        _ task: ImageTask,
        failed: @escaping @Sendable (StoreError) -> Void
    ) async throws(StoreError) {
        _ = try await create(task, on: TaskTerms())
        state.withLock { $0.losses[task.id] = failed }
    }

    /// Lets a task be lost that was to be written soon.
    public func lose(_ id: TaskID, _ error: StoreError) {
        let failed = state.withLock { state in
            state.tasks[id] = nil
            state.order.removeAll { $0 == id }
            return state.losses.removeValue(forKey: id)
        }
        failed?(error)
    }

    /// Reads a task.
    public func task(_ id: TaskID, owner: String?) async throws(StoreError) -> ImageTask? {
        try use { state throws(StoreError) in
            guard let task = state.tasks[id], owner == nil || owner == task.owner else { return nil }
            return task
        }
    }

    /// Writes a changed task by compare-and-set.
    public func update(_ task: ImageTask, from version: Int) async throws(StoreError) {
        try use { state throws(StoreError) in try state.update(task, from: version) }
    }

    /// Hands out tasks without a node, oldest first.
    public func claim(
        node: String,
        limit: Int,
        excluding: Set<String>,
        now: Timestamp,
        divide: @escaping @Sendable (ImageRequest) -> [Int]
    ) async throws(StoreError) -> [ImageTask] {
        try use { state throws(StoreError) in
            state.take(limit) { task in
                guard task.node == nil, !excluding.contains(task.request.model) else { return nil }
                let counts = task.portions.isEmpty ? divide(task.request) : task.portions.map(\.count)
                return try? task.applying(.claimed(node: node, portions: counts), at: now)
            }
        }
    }

    /// Says that a node is alive.
    public func heartbeat(node: String, now: Timestamp) async throws(StoreError) {
        try use { state throws(StoreError) in state.heartbeats[node] = now }
    }

    /// Takes over unfinished tasks of nodes that have not been heard of.
    public func adopt(
        node: String,
        silentSince: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> [ImageTask] {
        try use { state throws(StoreError) in
            let heartbeats = state.heartbeats
            return state.take(limit) { task in
                guard let holder = task.node, holder != node else { return nil }
                if let seen = heartbeats[holder], seen >= silentSince { return nil }
                return try? task.applying(.adopted(node: node), at: now)
            }
        }
    }

    /// Names unfinished tasks of a node or of nobody, oldest first.
    public func unfinished(
        of node: String?,
        before bound: TaskID,
        limit: Int
    ) async throws(StoreError) -> [TaskID] {
        try use { state throws(StoreError) in
            let matching = state.order.filter { id in
                guard id < bound, let task = state.tasks[id] else { return false }
                return !task.status.isFinal && task.node == node
            }
            return Array(matching.prefix(limit))
        }
    }

    /// Reads a page of an owner's tasks.
    public func list(_ query: TaskQuery) async throws(StoreError) -> TaskPage {
        try use { state throws(StoreError) in
            if let after = query.after, state.tasks[after]?.owner != query.owner {
                throw StoreError(.unknownCursor, "The cursor \(after) is no task of this key.")
            }
            guard query.limit > 0 else { return TaskPage(tasks: [], hasMore: false) }
            var tasks = state.order.compactMap { state.tasks[$0] }.filter(query.matches)
            if !query.ascending { tasks.reverse() }
            return TaskPage(tasks: Array(tasks.prefix(query.limit)), hasMore: tasks.count > query.limit)
        }
    }

    /// Removes a task.
    @discardableResult
    public func delete(_ id: TaskID, owner: String?, now: Timestamp) async throws(StoreError) -> Bool {
        try use { state throws(StoreError) in
            guard let task = state.tasks[id], owner == nil || owner == task.owner else { return false }
            state.remove(task)
            state.deletions.announce(task.deletions(removedAt: now, endsLinks: true))
            return true
        }
    }

    /// Removes tasks that were finished long ago.
    public func removeTasks(
        finishedBefore moment: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> Int {
        try use { state throws(StoreError) in
            let finished = state.tasks.values.compactMap { task in task.completedAt.map { (task: task, at: $0) } }
            let old = finished.filter { $0.at < moment }.sorted { $0.at < $1.at }.prefix(limit)
            for (task, _) in old {
                state.remove(task)
                state.deletions.announce(task.deletions(removedAt: now, endsLinks: false))
            }
            return old.count
        }
    }

    // MARK: What is still to be deleted

    /// The list of objects that are still to be deleted, the earliest first.
    public var deletions: [Deletion] { state.withLock { $0.deletions.sorted } }

    /// Puts objects on the list, or changes when they are due.
    public func announce(_ deletions: [Deletion]) async throws(StoreError) {
        try use { state throws(StoreError) in state.deletions.announce(deletions) }
    }

    /// Hands out what is due.
    public func dueDeletions(limit: Int, now: Timestamp, lease: Duration) async throws(StoreError) -> [Deletion] {
        try use { state throws(StoreError) in
            let tasks = state.tasks
            return state.deletions.handOut(limit, now, until: now.advanced(by: lease)) { id in
                tasks[id]?.status.isFinal ?? true
            }
        }
    }

    /// Takes what is done from the list and puts back what is not.
    public func settle(_ report: DeletionReport) async throws(StoreError) {
        try use { state throws(StoreError) in state.deletions.settle(report) }
    }

    /// Refuses every later call.
    public func close() async {
        state.withLock { $0.isClosed = true }
    }

    func use<Value>(_ work: (inout State) throws(StoreError) -> sending Value) throws(StoreError) -> Value {
        try state.withLock { state throws(StoreError) in
            if state.isClosed { throw StoreError(.unavailable, "The task database is closed.") }
            if !state.failures.isEmpty, let failure = state.failures.removeFirst() { throw failure }
            return try work(&state)
        }
    }
}
