// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import Synchronization

/// The first row of a task that nobody waits for: it is written with what comes next, or replaced by it.
final class HeldRow: Sendable {
    private enum State {
        /// It may be replaced by the row of a later version.
        case waiting
        /// It is on its way to the disk.
        case writing
        /// A later version is written instead, and whoever writes it answers for it.
        case replaced
        /// It could not be written, which its task's owner was told.
        case lost
    }

    let task: ImageTask
    /// Called if there will be no such task.
    let failed: @Sendable (StoreError) -> Void
    private let state = Mutex(State.waiting)

    init(_ task: ImageTask, failed: @escaping @Sendable (StoreError) -> Void) {
        self.task = task
        self.failed = failed
    }

    /// Writes the row, unless it was replaced; may be called again when the transaction begins anew.
    ///
    /// - Returns: Whether it was written.
    func write(in db: Database) throws -> Bool {
        let isReplaced = state.withLock { state in
            if case .replaced = state { return true }
            state = .writing
            return false
        }
        guard !isReplaced else { return false }
        try TaskRow(task).insert(in: db)
        return true
    }

    /// Lets the row of a later version take its place.
    ///
    /// - Returns: `false` if it is too late for that.
    func replace(from version: Int) -> Bool {
        state.withLock { state in
            guard case .waiting = state, task.version == version else { return false }
            state = .replaced
            return true
        }
    }

    /// Gives it up.
    ///
    /// - Returns: `false` if it was replaced: then there is nothing to tell.
    func lose() -> Bool {
        state.withLock { state in
            if case .replaced = state { return false }
            state = .lost
            return true
        }
    }
}
