// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// A clock that moves only when a test moves it.
public final class ManualTime: TimeSource {
    private struct State {
        var now: Timestamp
        var sleepers: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var nextSleeper = 0
        var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    /// Creates a clock that stands at `now`.
    public init(_ now: Timestamp = Timestamp(seconds: 1_700_000_000)) {
        state = Mutex(State(now: now))
    }

    /// Where the clock stands.
    public var now: Timestamp { state.withLock(\.now) }

    /// Whether anything sleeps on this clock.
    public var isSleeping: Bool { state.withLock { !$0.sleepers.isEmpty } }

    /// How many tasks sleep on this clock.
    public var sleeperCount: Int { state.withLock(\.sleepers.count) }

    /// Waits until a test has moved the clock far enough.
    public func sleep(for duration: Duration) async throws {
        let number = state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (result, arrived) = state.withLock {
                    state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
                    if Task.isCancelled { return (.failure(CancellationError()), []) }
                    if duration <= .zero { return (.success(()), []) }
                    state.sleepers[number] = (state.now.advanced(by: duration), continuation)
                    let sleeping = state.sleepers.count
                    let arrived = state.arrivals.filter { $0.count <= sleeping }
                    state.arrivals.removeAll { $0.count <= sleeping }
                    return (nil, arrived.map(\.continuation))
                }
                if let result { continuation.resume(with: result) }
                for waiter in arrived { waiter.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves the clock and wakes whoever has slept long enough.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.sorted { $0.until < $1.until }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// Waits until at least `count` tasks sleep on this clock: then nothing but the clock can wake them.
    public func untilSleeping(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.arrivals.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
