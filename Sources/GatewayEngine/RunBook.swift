// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// The tasks that this process works on at the moment, each once; and, when it stops, which of them it need not finish.
///
/// A call that a vendor is answering, or a picture on its way to the store, is worth waiting for: cut off, it may be paid
/// for in vain. Whatever only waits, for room or for a vendor's job, any other process can go on with.
final class RunBook: Sendable {
    private struct Run {
        let live: LiveTask
        /// Ends it, and has its task handed back.
        let exit: @Sendable () -> Void
    }

    private struct State {
        var running: Set<TaskID> = []
        /// The runs that have begun, and were not told to end.
        var runs: [TaskID: Run] = [:]
        /// Of each task, how many submissions are being written down: from then on the row says so itself.
        var submitting: [TaskID: Int] = [:]
        var isClosing = false
    }

    private let board: TaskBoard
    private let state = Mutex(State())

    init(board: TaskBoard) {
        self.board = board
    }

    /// Whether this process stops.
    var isClosing: Bool { state.withLock(\.isClosing) }

    /// The tasks that are worked on.
    var running: Set<TaskID> { state.withLock(\.running) }

    /// Takes a task on.
    ///
    /// - Returns: `false` if it runs here already.
    func begin(_ id: TaskID) -> Bool {
        state.withLock { $0.running.insert(id).inserted }
    }

    /// Says how to end the run of a task before it is done; it may be ended at once.
    func began(_ live: LiveTask, exit: @escaping @Sendable () -> Void) {
        state.withLock { $0.runs[live.task.id] = Run(live: live, exit: exit) }
        changed(live.task)
    }

    func end(_ id: TaskID) {
        state.withLock { state in
            state.running.remove(id)
            state.runs[id] = nil
        }
    }

    /// Looks whether a task that has changed need not be finished here any more.
    func changed(_ task: ImageTask) {
        guard isClosing, !board.isAwaited(task.id) else { return }
        let run = state.withLock { state -> Run? in
            // As it is at this moment: a submission that is about to be sent would be cut off.
            guard state.submitting[task.id] == nil, let run = state.runs[task.id], run.live.task.mayBeHandedBack else {
                return nil
            }
            return state.runs.removeValue(forKey: task.id)
        }
        run?.exit()
    }

    /// Begins to stop: hands back what only waits, now and as soon as more of it comes to that.
    func close() {
        let open = state.withLock { state in
            state.isClosing = true
            return state.runs.values.map(\.live)
        }
        for live in open { changed(live.task) }
    }

    /// Writes down a submission that is about to be sent, unless this process stops and nobody waits for the answer.
    ///
    /// - Throws: ``LeftForOthers``; whatever `record` throws.
    func submitting(_ id: TaskID, _ record: () async throws -> Void) async throws {
        let isAwaited = board.isAwaited(id)
        let live = state.withLock { state -> LiveTask? in
            guard let run = state.runs[id], isAwaited || !state.isClosing else { return nil }
            state.submitting[id, default: 0] += 1
            return run.live
        }
        guard let live else { throw LeftForOthers() }
        defer {
            state.withLock { state in
                let left = (state.submitting[id] ?? 1) - 1
                state.submitting[id] = left > 0 ? left : nil
            }
            changed(live.task)
        }
        try await record()
    }
}

/// A submission that is not made because this process stops: the portion is left as it is for whoever claims the task.
struct LeftForOthers: Error {}

extension ImageTask {
    /// Whether it is not over, and nothing of it is on its way: no call without an answer, no picture without a place.
    fileprivate var mayBeHandedBack: Bool {
        !status.isFinal
            && portions.allSatisfy { portion in
                switch portion.stage {
                case .submitting, .fetching: false
                case .queued, .waiting, .stored, .delivered, .failed: true
                }
            }
    }
}
