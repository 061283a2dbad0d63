// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HeapModule
import Synchronization

/// The tasks that rest until vendors are to be asked for their jobs, by that moment.
///
/// A resting task is a few values in memory, not a suspended function: ten thousand of them need one timer.
final class PollSchedule: Sendable {
    private struct Entry {
        let run: TaskRun
        let rest: TaskRun.Rest
    }

    /// A moment in the order; without an entry of the same number it is over.
    private struct Mark: Comparable {
        let due: Duration
        let number: Int
        let id: TaskID

        static func < (left: Mark, right: Mark) -> Bool { (left.due, left.number) < (right.due, right.number) }
    }

    private struct State {
        var resting: [TaskID: (number: Int, entry: Entry)] = [:]
        var order = Heap<Mark>()
        /// Those that are to be resumed at once.
        var called: [Entry] = []
        var nextNumber = 0
        var isClosed = false
        /// When the loop looks again by itself.
        var nextLook: Duration?
        var isKnocked = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let time: any TimeSource
    private let state = Mutex(State())

    /// Moments closer than this are one.
    private static let grain = Duration.milliseconds(10)

    init(time: any TimeSource) {
        self.time = time
    }

    /// Begins a run and goes on with it until it is over or rests.
    func begin(_ run: TaskRun) async {
        await put(await run.begin(), of: run)
    }

    /// Nothing is put to rest any more: what is begun is worked on where it is, and the loop ends when nothing rests.
    func close() {
        state.withLock { $0.isClosed = true }
        knock()
    }

    /// Resumes what rests when it is time, until the schedule is closed and empty, or the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while true {
                if Task.isCancelled { closeAndCallAll() }
                let (isLast, pause) = resumeDue(in: &group)
                if isLast { break }
                await sleep(for: pause)
            }
        }
    }

    private func resumeDue(in group: inout DiscardingTaskGroup) -> (isLast: Bool, pause: Duration?) {
        let look = look()
        for entry in look.due {
            group.addTask { await self.put(await entry.run.resume(entry.rest), of: entry.run) }
        }
        return (look.isLast, look.pause)
    }

    /// Puts a run to rest; when the schedule is closed, its rest is waited for here.
    private func put(_ rest: TaskRun.Rest?, of run: TaskRun) async {
        var rest = rest
        while let current = rest {
            if add(Entry(run: run, rest: current)) { return }
            rest = await run.resume(afterWaiting: current)
        }
    }

    private func add(_ entry: Entry) -> Bool {
        let id = entry.run.live.task.id
        entry.run.summons.onCall { [weak self] in self?.call(id) }
        let (isAdded, isNext) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.nextNumber += 1
            state.resting[id] = (state.nextNumber, entry)
            state.order.insert(Mark(due: entry.rest.due, number: state.nextNumber, id: id))
            return (true, state.nextLook.map { entry.rest.due < $0 } ?? true)
        }
        if isNext { knock() }
        // Called before it was there to be found.
        if isAdded, entry.run.summons.isCalled { call(id) }
        return isAdded
    }

    /// Has a resting run resumed at once.
    private func call(_ id: TaskID) {
        state.withLock { state in
            if let entry = state.resting.removeValue(forKey: id)?.entry { state.called.append(entry) }
        }
        knock()
    }

    private func closeAndCallAll() {
        state.withLock { state in
            state.isClosed = true
            state.called += state.resting.values.map(\.entry)
            state.resting = [:]
        }
    }

    /// What is found when the loop looks.
    private struct Look {
        var due: [Entry]
        /// How long nothing else will be due.
        var pause: Duration?
        var isLast: Bool
    }

    /// Takes what is due.
    private func look() -> Look {
        let now = time.elapsed
        return state.withLock { state in
            var due = state.called
            state.called = []
            while let first = state.order.min {
                let isThere = state.resting[first.id]?.number == first.number
                guard first.due <= now || !isThere else { break }
                state.order.removeMin()
                if isThere, let entry = state.resting.removeValue(forKey: first.id)?.entry { due.append(entry) }
            }
            state.nextLook = state.order.min.map { max($0.due, now + Self.grain) }
            return Look(
                due: due,
                pause: state.nextLook.map { $0 - now },
                isLast: state.isClosed && state.resting.isEmpty
            )
        }
    }

    // MARK: The loop's sleep

    /// Sleeps until the time is over or there is something to look at.
    private func sleep(for pause: Duration?) async {
        await withTaskGroup(of: Void.self) { group in
            if let pause {
                group.addTask { [self] in
                    if (try? await time.sleep(for: pause)) != nil { knock() }
                }
            }
            await untilKnocked()
            group.cancelAll()
        }
    }

    private func untilKnocked() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isKnocked = state.withLock { state in
                    if !state.isKnocked { state.sleeper = continuation }
                    defer { state.isKnocked = false }
                    return state.isKnocked
                }
                if isKnocked { continuation.resume() }
            }
        } onCancel: {
            knock()
        }
    }

    private func knock() {
        let sleeper = state.withLock { state in
            let sleeper = state.sleeper.take()
            state.isKnocked = sleeper == nil
            return sleeper
        }
        sleeper?.resume()
    }
}
