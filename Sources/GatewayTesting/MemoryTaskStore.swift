// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// Tasks in memory, for tests: behaves as the databases do, and fails when a test wants it to.
public final class MemoryTaskStore: TaskStore {
    private struct State {
        var tasks: [TaskID: ImageTask] = [:]
        /// The names in order, so that lists and claims need no sorting.
        var order: [TaskID] = []
        var heartbeats: [String: Timestamp] = [:]
        var isClosed = false
        var failures: [StoreError] = []

        /// Changes unfinished tasks, oldest first, until `limit` are changed; one whose change is `nil` is passed over.
        mutating func take(_ limit: Int, change: (ImageTask) -> ImageTask?) -> [ImageTask] {
            var taken: [ImageTask] = []
            for id in order where taken.count < limit {
                guard let task = tasks[id], !task.status.isFinal, let changed = change(task) else { continue }
                tasks[id] = changed
                taken.append(changed)
            }
            return taken
        }
    }

    private let state = Mutex(State())

    /// Creates an empty store.
    public init() {}

    /// Lets the next calls fail, one error each.
    public func fail(_ errors: [StoreError]) {
        state.withLock { $0.failures += errors }
    }

    /// Every task, oldest first.
    public var all: [ImageTask] {
        state.withLock { state in state.order.compactMap { state.tasks[$0] } }
    }

    /// Writes a new task.
    public func create(_ task: ImageTask) async throws(StoreError) {
        try use { state throws(StoreError) in
            guard state.tasks[task.id] == nil else {
                throw StoreError(.conflict, "Task \(task.id) exists already.")
            }
            state.tasks[task.id] = task
            state.order.insert(task.id, at: Self.place(of: task.id, in: state.order))
        }
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
        try use { state throws(StoreError) in
            guard state.tasks[task.id]?.version == version, task.version > version else {
                throw StoreError(.conflict, "Task \(task.id) is not at version \(version) any more, or is gone.")
            }
            state.tasks[task.id] = task
        }
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
    public func delete(_ id: TaskID) async throws(StoreError) {
        try use { state throws(StoreError) in
            guard state.tasks.removeValue(forKey: id) != nil else { return }
            state.order.remove(at: Self.place(of: id, in: state.order))
        }
    }

    /// How many tasks wait to be claimed.
    public func pendingCount() async throws(StoreError) -> Int {
        try use { state throws(StoreError) in
            state.tasks.values.count { $0.node == nil && !$0.status.isFinal }
        }
    }

    /// Refuses every later call.
    public func close() async {
        state.withLock { $0.isClosed = true }
    }

    private func use<Value>(_ work: (inout State) throws(StoreError) -> sending Value) throws(StoreError) -> Value {
        try state.withLock { state throws(StoreError) in
            if state.isClosed { throw StoreError(.unavailable, "The task database is closed.") }
            if !state.failures.isEmpty { throw state.failures.removeFirst() }
            return try work(&state)
        }
    }

    private static func place(of id: TaskID, in order: [TaskID]) -> Int {
        // Names grow, so a new one nearly always goes to the end.
        guard let last = order.last, last >= id else { return order.count }
        var range = order.startIndex..<order.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = order[middle] < id ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

extension TaskQuery {
    fileprivate func matches(_ task: ImageTask) -> Bool {
        if let after, ascending ? task.id <= after : task.id >= after { return false }
        return task.owner == owner && (status ?? task.status) == task.status
            && (model ?? task.request.model) == task.request.model
    }
}
