// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import HeapModule
import Synchronization

/// Wakes whoever sleeps, by one timer for all of them.
///
/// A timer of its own for each costs system calls and the waking of a thread, even if it never goes off; and of all time
/// limits nearly none does.
final class AlarmClock: Sendable {
    /// The program's own.
    static let shared = AlarmClock()

    private struct Alarm: Comparable {
        var moment: ContinuousClock.Instant
        var number: UInt64

        static func < (left: Alarm, right: Alarm) -> Bool { left.moment < right.moment }
    }

    private struct State {
        /// In no order but that the first is known; those of sleepers who were woken otherwise are still here for a while.
        var alarms = Heap<Alarm>()
        var sleepers: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var lastNumber: UInt64 = 0
        /// When it rings, and which of the timers that were set is the one that counts.
        var ring: ContinuousClock.Instant?
        var timer: UInt64 = 0
    }

    /// A timer counts no time while the machine is suspended, the sleepers do; so it is set anew this often.
    private static let longestRest = Duration.seconds(1)

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "alarm-clock")

    /// How many sleep.
    var sleeperCount: Int { state.withLock(\.sleepers.count) }
    /// How much is kept for them.
    var alarmCount: Int { state.withLock(\.alarms.count) }

    /// Sleeps.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile or was before.
    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > .zero else { return await Task.yield() }
        let moment = ContinuousClock.now + duration
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let hasSlept = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    state.sleepers[number] = continuation
                    state.alarms.insert(Alarm(moment: moment, number: number))
                    setTimer(&state)
                    return false
                }
                if isCancelled { continuation.resume(returning: false) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                defer { Self.forgetTheWoken(&state) }
                return state.sleepers.removeValue(forKey: number)
            }
            sleeper?.resume(returning: false)
        }
        if !hasSlept { throw CancellationError() }
    }

    private func ring(_ timer: UInt64) {
        let woken = state.withLock { state -> [CheckedContinuation<Bool, Never>] in
            guard timer == state.timer else { return [] }
            let now = ContinuousClock.now
            var woken: [CheckedContinuation<Bool, Never>] = []
            while let alarm = state.alarms.min, alarm.moment <= now {
                state.alarms.removeMin()
                if let sleeper = state.sleepers.removeValue(forKey: alarm.number) { woken.append(sleeper) }
            }
            state.ring = nil
            setTimer(&state)
            return woken
        }
        for sleeper in woken { sleeper.resume(returning: true) }
    }

    /// Has the timer go off for the first alarm, unless it does so before.
    private func setTimer(_ state: inout State) {
        guard let first = state.alarms.min?.moment else { return }
        let now = ContinuousClock.now
        let next = min(first, now + Self.longestRest)
        if let ring = state.ring, ring <= next { return }
        state.ring = next
        let rest = max(.zero, now.duration(to: next)).components
        let nanoseconds = Int(rest.seconds) * 1_000_000_000 + Int(rest.attoseconds / 1_000_000_000)
        state.timer += 1
        queue.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [timer = state.timer] in self.ring(timer) }
    }

    /// Keeps the heap from filling with time limits that were not needed.
    private static func forgetTheWoken(_ state: inout State) {
        guard state.alarms.count > 64, state.alarms.count > state.sleepers.count * 2 else { return }
        state.alarms = Heap(state.alarms.unordered.filter { state.sleepers[$0.number] != nil })
    }
}
