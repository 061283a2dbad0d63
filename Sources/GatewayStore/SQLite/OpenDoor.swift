// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Who is inside a store: lets calls in until it closes, and says when the last one has left.
final class OpenDoor: Sendable {
    private struct State {
        var isClosed = false
        var inside = 0
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Enters; every entry needs a ``leave()``.
    func enter() throws(StoreError) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.inside += 1 }
            return state.isClosed
        }
        if isClosed { throw StoreError(.unavailable, "The task database is closed.") }
    }

    /// Leaves.
    func leave() {
        let closing = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.inside -= 1
            guard state.isClosed, state.inside == 0 else { return [] }
            defer { state.closing = [] }
            return state.closing
        }
        for waiter in closing { waiter.resume() }
    }

    /// Lets nobody in any more and waits until everybody has left.
    func close() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                state.isClosed = true
                if state.inside > 0 { state.closing.append(continuation) }
                return state.inside == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
