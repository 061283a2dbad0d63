// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Finished tasks that were written or read lately.
///
/// A finished task never changes, and only this process may delete it, so its row need not be read again each time a
/// client asks for it.
final class FinishedTasks: Sendable {
    /// Tasks with longer bodies are not kept: a few long prompts would fill the memory.
    static let longestBody = 16_384

    private struct State {
        var tasks: Generations<TaskID, ImageTask>
        var deletions = 0
    }

    private let state: Mutex<State>

    /// Creates a memory of at most twice `capacity` tasks.
    init(capacity: Int = 1024) {
        state = Mutex(State(tasks: Generations(capacity: capacity)))
    }

    /// How many deletions there were: a row read before a deletion must not be kept after it.
    var deletions: Int { state.withLock(\.deletions) }

    /// The task, if it is finished and known.
    subscript(id: TaskID) -> ImageTask? {
        state.withLock { $0.tasks.find(id) }
    }

    /// Keeps a task that was written; called in the order of the commits.
    func keep(_ task: ImageTask, bodyLength: Int) {
        guard task.status.isFinal, bodyLength <= Self.longestBody else { return }
        state.withLock { $0.tasks.keep(task, for: task.id) }
    }

    /// Keeps a task that was read, unless something was deleted since `deletions` was asked for.
    func keep(_ task: ImageTask, bodyLength: Int, unlessDeletedSince deletions: Int) {
        guard task.status.isFinal, bodyLength <= Self.longestBody else { return }
        state.withLock { state in
            if state.deletions == deletions { state.tasks.keep(task, for: task.id) }
        }
    }

    /// Forgets a task; called in the order of the commits.
    func forget(_ id: TaskID) {
        state.withLock { state in
            state.deletions += 1
            state.tasks.forget(id)
        }
    }
}
