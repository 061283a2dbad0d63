// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Whether the task store takes writes, as the heartbeat finds out: load balancers ask all the time, and cost no write.
final class Pulse: Sendable {
    private struct State {
        /// When the heartbeat began that is not written yet.
        var pending: Timestamp?
        var failure: StoreError?
    }

    /// A write that takes longer is waited for, but not by whoever asks.
    private static let patience = Duration.seconds(2)

    private let state = Mutex(State())

    /// Writes a heartbeat, and remembers how that went.
    func beat(_ store: any TaskStore, node: String, time: any TimeSource) async throws(StoreError) {
        let now = time.now
        state.withLock { $0.pending = now }
        do throws(StoreError) {
            try await store.heartbeat(node: node, now: now)
            state.withLock { $0 = State() }
        } catch {
            state.withLock { $0 = State(failure: error) }
            throw error
        }
    }

    /// - Throws: What is wrong, if anything is.
    func check(at now: Timestamp) throws(StoreError) {
        let state = state.withLock(\.self)
        if let failure = state.failure { throw failure }
        if let pending = state.pending, pending.duration(to: now) > Self.patience {
            throw StoreError(.unavailable, "The task database has not taken a write for some seconds.")
        }
    }
}
