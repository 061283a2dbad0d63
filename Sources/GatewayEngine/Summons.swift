// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// How a run is told that it shall end: its task was ended by somebody else, or this process stops.
///
/// A run may be at work or at rest when that happens; whoever has it in hand at the moment says what to do then.
final class Summons: Sendable {
    private struct State {
        var isCalled = false
        var handler: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Whether the run shall end.
    var isCalled: Bool { state.withLock(\.isCalled) }

    /// Tells the run to end; more than once is as good as once.
    func call() {
        let handler = state.withLock { state in
            state.isCalled = true
            return state.handler.take()
        }
        handler?()
    }

    /// Says what to do when the run is called, in the place of what was said before; called at most once, at once if the
    /// run was called already.
    func onCall(_ handler: @escaping @Sendable () -> Void) {
        let isCalled = state.withLock { state in
            if !state.isCalled { state.handler = handler }
            return state.isCalled
        }
        if isCalled { handler() }
    }

    /// Works until it is done, the run is called, or the time is over: then the work is cancelled, and comes to its end.
    ///
    /// - Parameters:
    ///   - limit: How long; `nil` for as long as it takes.
    ///   - time: The clock.
    ///   - work: What to do.
    func obeyed<Value: Sendable>(
        for limit: Duration? = nil,
        on time: any TimeSource,
        by work: @escaping @Sendable () async -> Value?
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            let (working, end) = AsyncStream<Void>.makeStream()
            onCall { end.finish() }
            // Whoever was called before does not even begin in earnest.
            if isCalled { group.cancelAll() }
            group.addTask {
                defer { end.finish() }
                return await work()
            }
            if let limit {
                group.addTask {
                    try? await time.sleep(for: limit)
                    end.finish()
                    return nil
                }
            }
            for await _ in working {}
            group.cancelAll()
            var value: Value?
            for await result in group { value = value ?? result }
            return value
        }
    }
}
