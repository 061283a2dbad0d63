// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Something that happens once; tasks and threads wait for it, but not for ever.
final class Signal: Sendable {
    private struct State {
        var isFired = false
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var number = 0
    }

    /// A test that waits this long has failed; nothing is decided by how much shorter it took.
    static let patience = DispatchTimeInterval.seconds(30)

    private let state = Mutex(State())
    private let semaphore = DispatchSemaphore(value: 0)

    func fire() {
        let waiting = state.withLock { state in
            state.isFired = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        semaphore.signal()
        for continuation in waiting.values { continuation.resume(returning: true) }
    }

    var isFired: Bool { state.withLock(\.isFired) }

    /// Waits without holding a thread.
    ///
    /// - Returns: Whether it happened.
    func wait() async -> Bool {
        await withCheckedContinuation { continuation in
            let number = state.withLock { state -> Int? in
                if state.isFired { return nil }
                state.number += 1
                state.waiting[state.number] = continuation
                return state.number
            }
            guard let number else { return continuation.resume(returning: true) }
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [self] in
                state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: false)
            }
        }
    }

    /// Waits on a thread of its own.
    func block() throws {
        guard semaphore.wait(timeout: .now() + Self.patience) == .success else { throw PeerFailure.timedOut }
        semaphore.signal()
    }
}
