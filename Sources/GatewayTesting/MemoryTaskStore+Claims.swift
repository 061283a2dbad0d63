// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Requests that are made again, and how long the queue is.
extension MemoryTaskStore {
    /// Writes a changed task, and the claim of the request that changed it.
    public func update(
        _ task: ImageTask,
        from version: Int,
        claiming claim: IdempotencyClaim,
        now: Timestamp
    ) async throws(StoreError) -> IdempotencyClaim? {
        try use { state throws(StoreError) in
            if let earlier = state.claim(ClaimName(claim), now: now) { return earlier }
            try state.update(task, from: version)
            state.claims[ClaimName(claim)] = claim
            return nil
        }
    }

    /// Finds a claim that is not over.
    public func claim(_ key: String, of owner: String, now: Timestamp) async throws(StoreError) -> IdempotencyClaim? {
        try use { state throws(StoreError) in state.claim(ClaimName(owner: owner, key: key), now: now) }
    }

    /// Removes claims that are over.
    public func removeClaims(expiredBefore moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try use { state throws(StoreError) in
            let old = state.claims.filter { $0.value.expires < moment }.keys.prefix(limit)
            for name in old { state.claims[name] = nil }
            return old.count
        }
    }

    /// How many tasks wait to be claimed.
    public func pendingCount() async throws(StoreError) -> Int {
        try use { state throws(StoreError) in state.waiting.count }
    }

    /// How many unfinished tasks an owner has.
    public func unfinishedCount(of owner: String, atMost limit: Int) async throws(StoreError) -> Int {
        try use { state throws(StoreError) in min(limit, state.unfinished(of: owner)) }
    }

    /// The place of a task among those that wait to be claimed.
    public func queuePosition(of id: TaskID) async throws(StoreError) -> Int? {
        try use { state throws(StoreError) in state.waiting.firstIndex(of: id).map { $0 + 1 } }
    }
}
