// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting

/// A store that looks at writes, and does with them what a test wants.
final class HookedStore: TaskStore {
    /// When a write fails.
    enum Moment { case before, after }

    let memory: MemoryTaskStore
    private let claiming: @Sendable () -> StoreError?
    private let updating: @Sendable (ImageTask) async -> (Moment, StoreError)?
    private let beating: @Sendable () async -> Void

    /// - Parameters:
    ///   - memory: Where the tasks are.
    ///   - updating: Runs before each change is written; tells whether the change fails, and when.
    ///   - claiming: Runs before each claim; tells whether it fails.
    ///   - beating: Runs before each heartbeat.
    init(
        _ memory: MemoryTaskStore = MemoryTaskStore(),
        updating: @escaping @Sendable (ImageTask) async -> (Moment, StoreError)? = { _ in nil },
        claiming: @escaping @Sendable () -> StoreError? = { nil },
        beating: @escaping @Sendable () async -> Void = {}
    ) {
        self.memory = memory
        self.claiming = claiming
        self.updating = updating
        self.beating = beating
    }

    func update(_ task: ImageTask, from version: Int) async throws(StoreError) {
        switch await updating(task) {
        case (.before, let error)?: throw error
        case (.after, let error)?:
            try await memory.update(task, from: version)
            throw error
        case nil: try await memory.update(task, from: version)
        }
    }

    func update(
        _ task: ImageTask,
        from version: Int,
        claiming claim: IdempotencyClaim,
        now: Timestamp
    ) async throws(StoreError) -> IdempotencyClaim? {
        try await memory.update(task, from: version, claiming: claim, now: now)
    }

    func create(_ task: ImageTask, on terms: TaskTerms) async throws(StoreError) -> TaskEntry {
        try await memory.create(task, on: terms)
    }

    func claim(_ key: String, of owner: String, now: Timestamp) async throws(StoreError) -> IdempotencyClaim? {
        try await memory.claim(key, of: owner, now: now)
    }

    func removeClaims(expiredBefore moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await memory.removeClaims(expiredBefore: moment, limit: limit)
    }

    func unfinishedCount(of owner: String, atMost limit: Int) async throws(StoreError) -> Int {
        try await memory.unfinishedCount(of: owner, atMost: limit)
    }

    func queuePosition(of id: TaskID) async throws(StoreError) -> Int? { try await memory.queuePosition(of: id) }

    func task(_ id: TaskID, owner: String?) async throws(StoreError) -> ImageTask? {
        try await memory.task(id, owner: owner)
    }

    func claim(
        node: String,
        limit: Int,
        excluding: Set<String>,
        now: Timestamp,
        divide: @escaping @Sendable (ImageRequest) -> [Int]
    ) async throws(StoreError) -> [ImageTask] {
        if let error = claiming() { throw error }
        return try await memory.claim(node: node, limit: limit, excluding: excluding, now: now, divide: divide)
    }

    func heartbeat(node: String, now: Timestamp) async throws(StoreError) {
        await beating()
        try await memory.heartbeat(node: node, now: now)
    }

    func adopt(
        node: String,
        silentSince: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> [ImageTask] {
        try await memory.adopt(node: node, silentSince: silentSince, limit: limit, now: now)
    }

    func unfinished(of node: String?, before bound: TaskID, limit: Int) async throws(StoreError) -> [TaskID] {
        try await memory.unfinished(of: node, before: bound, limit: limit)
    }

    func list(_ query: TaskQuery) async throws(StoreError) -> TaskPage { try await memory.list(query) }

    @discardableResult
    func delete(_ id: TaskID, owner: String?, now: Timestamp) async throws(StoreError) -> Bool {
        try await memory.delete(id, owner: owner, now: now)
    }

    func removeTasks(
        finishedBefore moment: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> Int {
        try await memory.removeTasks(finishedBefore: moment, limit: limit, now: now)
    }

    func announce(_ deletions: [Deletion]) async throws(StoreError) { try await memory.announce(deletions) }

    func dueDeletions(limit: Int, now: Timestamp, lease: Duration) async throws(StoreError) -> [Deletion] {
        try await memory.dueDeletions(limit: limit, now: now, lease: lease)
    }

    func settle(_ report: DeletionReport) async throws(StoreError) { try await memory.settle(report) }

    func pendingCount() async throws(StoreError) -> Int { try await memory.pendingCount() }

    func close() async { await memory.close() }
}
