// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Tasks that were written lately, and finished ones that were read lately, as their rows are on the disk.
///
/// Only this process writes rows, so one that it wrote need not be read again while clients ask for it or when it is
/// claimed: to make a task of its JSON takes longer than to find it.
final class RecentTasks: Sendable {
    /// Tasks with longer bodies are not kept: a few long prompts would fill the memory.
    static let longestBody = 16_384

    private struct State {
        var tasks: Generations<TaskID, ImageTask>
        var deletions = 0
    }

    private let capacity: Int
    private let state: Mutex<State>

    /// Creates a memory of at most twice `capacity` tasks.
    init(capacity: Int = 1024) {
        self.capacity = capacity
        state = Mutex(State(tasks: Generations(capacity: capacity)))
    }

    /// How many deletions there were: a row read before a deletion must not be kept after it.
    var deletions: Int { state.withLock(\.deletions) }

    /// The task as of the last commit, if it is known.
    subscript(id: TaskID) -> ImageTask? {
        state.withLock { $0.tasks.find(id) }
    }

    /// The task of a row with this version, which another operation of the same transaction may have written.
    func find(_ name: String, version: Int) -> ImageTask? {
        guard let id = TaskID(name), let task = self[id], task.version == version else { return nil }
        return task
    }

    /// Keeps a task that was written; called in the order of the commits.
    func keep(_ row: TaskRow) {
        state.withLock { state in
            if row.body.count <= Self.longestBody {
                state.tasks.keep(row.task, for: row.task.id)
            } else {
                // What it was before may have been short.
                state.tasks.forget(row.task.id)
            }
        }
    }

    /// Keeps a task that was read, unless something was deleted since `deletions` was asked for, or it may change.
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
    /// Forgets everything: a write that seemed to fail may have been durable, and whoever looks shall see what is so.
    func forgetAll() {
        state.withLock { state in
            state.deletions += 1
            state.tasks = Generations(capacity: capacity)
        }
    }
}
