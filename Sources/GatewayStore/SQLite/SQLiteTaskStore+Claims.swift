// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore

extension SQLiteTaskStore {
    /// Writes a new task and its claim if the terms allow; a name that exists is a conflict.
    public func create(_ task: ImageTask, on terms: TaskTerms) async throws(StoreError) -> TaskEntry {
        let row = try TaskRow(task)
        return try await write { db in
            if let obstacle = try ClaimRow.obstacle(to: task, on: terms, in: db) { return obstacle }
            try row.insert(in: db)
            if let claim = terms.claim { try ClaimRow.insert(claim, in: db) }
            return .written
        } whenDurable: { [recent] entry in
            if case .written = entry { recent.keep(row) }
        }
    }

    /// Writes a new task in the commit of whatever is written next, or alone a moment later.
    public func createSoon(
        _ task: ImageTask,
        failed: @escaping @Sendable (StoreError) -> Void
    ) async throws(StoreError) {
        try door.enter()
        defer { door.leave() }
        writer.hold(HeldRow(task, failed: failed))
    }

    /// Writes a changed task by compare-and-set, and the claim of the request that changed it.
    public func update(
        _ task: ImageTask,
        from version: Int,
        claiming claim: IdempotencyClaim,
        now: Timestamp
    ) async throws(StoreError) -> IdempotencyClaim? {
        let row = try changed(task, from: version)
        return try await write { db in
            if let earlier = try ClaimRow.find(claim.key, of: claim.owner, now: now, in: db) { return earlier }
            try row.update(from: version, in: db)
            try ClaimRow.insert(claim, in: db)
            return nil
        } whenDurable: { [recent] earlier in
            if earlier == nil { recent.keep(row) }
        }
    }

    /// Finds a claim that is not over.
    public func claim(_ key: String, of owner: String, now: Timestamp) async throws(StoreError) -> IdempotencyClaim? {
        try await reading { try ClaimRow.find(key, of: owner, now: now, in: $0) }
    }

    /// Removes claims that are over.
    public func removeClaims(expiredBefore moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await write { db in
            try db.cachedStatement(sql: SQLiteQueries.removeClaims)
                .execute(arguments: ["moment": moment.milliseconds, "limit": limit])
            return db.changesCount
        }
    }

    /// How many unfinished tasks an owner has; counts no further than asked.
    public func unfinishedCount(of owner: String, atMost limit: Int) async throws(StoreError) -> Int {
        try await reading { try ClaimRow.unfinished(of: owner, atMost: limit, in: $0) }
    }

    /// The place of a task among those that wait to be claimed; of a long queue as it was a second ago.
    public func queuePosition(of id: TaskID) async throws(StoreError) -> Int? {
        let waiting = try await pendingCount()
        guard waiting > 0 else { return nil }
        return try await reading { [queue] db in try queue.position(of: id, waiting: waiting, in: db) }
    }
}
