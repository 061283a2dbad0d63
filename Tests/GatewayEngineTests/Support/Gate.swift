// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

/// A door that is shut until a test opens it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// How many stand before it.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Waits until it is open.
    ///
    /// - Returns: `false` if the waiting task was cancelled.
    func pass() async -> Bool {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate = state.withLock { state -> Bool? in
                    if state.isOpen { return true }
                    if Task.isCancelled { return false }
                    state.waiting[number] = continuation
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: false)
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values.map(\.self)
        }
        for continuation in waiting { continuation.resume(returning: true) }
    }
}

/// Something did not come about in four minutes.
struct NeverHappened: Error {
    let place: SourceLocation
}

/// Waits until something is so.
func eventually(_ place: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool) async throws {
    let end = ContinuousClock.now.advanced(by: .seconds(240))
    while try await !isSo() {
        guard ContinuousClock.now < end else { throw NeverHappened(place: place) }
        try await Task.sleep(for: .milliseconds(1))
    }
}
