// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Tasks as they were committed lately.
///
/// Only this process writes the file, so what it has just committed need not be read back and decoded for the engine that
/// claims it, and for each client that asks how it is.
final class RecentTasks: Sendable {
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

    /// The task as of the last commit, if it is known.
    subscript(id: TaskID) -> ImageTask? {
        state.withLock { $0.tasks.find(id) }
    }

    /// The task of a row, if its very version is known.
    subscript(id: TaskID, version: Int) -> ImageTask? {
        self[id].flatMap { $0.version == version ? $0 : nil }
    }

    /// Keeps a task that was committed; called in the order of the commits.
    func keep(_ task: ImageTask, bodyLength: Int) {
        state.withLock { state in
            // An earlier version must not stay.
            if bodyLength > Self.longestBody {
                state.tasks.forget(task.id)
            } else {
                state.tasks.keep(task, for: task.id)
            }
        }
    }

    /// Keeps a finished task that was read, unless something was deleted since `deletions` was asked for.
    ///
    /// Of a task that is not finished, a later version may have been committed meanwhile.
    func keep(_ task: ImageTask, bodyLength: Int, unlessDeletedSince deletions: Int) {
        guard task.status.isFinal, bodyLength <= Self.longestBody else { return }
        state.withLock { state in
            if state.deletions == deletions { state.tasks.keep(task, for: task.id) }
        }
    }

    /// Forgets a task that was deleted; called in the order of the commits.
    func forget(_ id: TaskID) {
        state.withLock { state in
            state.deletions += 1
            state.tasks.forget(id)
        }
    }
}
