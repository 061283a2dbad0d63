// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A bound on how many do something at once; whoever finds no room waits in line.
final class Slots: Sendable {
    private struct State {
        var free: Int
        var line: [(number: Int, continuation: CheckedContinuation<Bool, Never>)] = []
        var next = 0
    }

    private let state: Mutex<State>
    private let isBounded: Bool

    /// - Parameter limit: How many at once; 0 for no bound.
    init(limit: Int) {
        state = Mutex(State(free: limit))
        isBounded = limit > 0
    }

    /// How many wait in line.
    var waiting: Int { state.withLock { $0.line.count } }

    /// Runs `body` with a slot.
    ///
    /// - Parameters:
    ///   - evenIfFull: Do not wait: what takes place anyway is counted, and others wait the longer for it.
    ///   - body: What to do.
    /// - Throws: `CancellationError` when the task is cancelled while it waits; whatever `body` throws.
    func withSlot<Value: Sendable>(
        evenIfFull: Bool = false,
        _ body: () async throws -> Value
    ) async throws -> Value {
        try await take(evenIfFull: evenIfFull)
        defer { give() }
        return try await body()
    }

    /// Takes a slot at once, whether or not there is room.
    func seize() {
        if isBounded { state.withLock { $0.free -= 1 } }
    }

    /// Waits for a slot and takes it, until it is given back.
    ///
    /// - Parameter evenIfFull: Do not wait: what takes place anyway is counted, and others wait the longer for it.
    /// - Throws: `CancellationError` when the task is cancelled while it waits.
    func take(evenIfFull: Bool = false) async throws {
        guard isBounded else { return }
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        let isTaken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.free > 0 || evenIfFull {
                        state.free -= 1
                        return true
                    }
                    state.line.append((number, continuation))
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                state.line.firstIndex { $0.number == number }.map { state.line.remove(at: $0).continuation }
            }
            waiting?.resume(returning: false)
        }
        guard isTaken else { throw CancellationError() }
    }

    /// Gives a slot back that was taken or seized.
    func give() {
        guard isBounded else { return }
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.free >= 0, !state.line.isEmpty else {
                state.free += 1
                return nil
            }
            return state.line.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
