// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import Synchronization

/// The row of a task while this process works on it: events go in one at a time, each durable before the next step.
final class LiveTask: Sendable {
    private let store: any TaskStore
    private let board: TaskBoard
    private let time: any TimeSource
    private let logger: Logger
    private let row: Mutex<ImageTask>
    /// One writer at a time: portions run side by side, versions do not.
    private let pen = Slots(limit: 1)

    init(_ task: ImageTask, store: any TaskStore, board: TaskBoard, time: any TimeSource, logger: Logger) {
        row = Mutex(task)
        self.store = store
        self.board = board
        self.time = time
        self.logger = logger
    }

    /// The task as it was last written.
    var task: ImageTask { row.withLock(\.self) }

    /// Applies events and writes the row; returns when that is durable.
    ///
    /// A database that is busy, full or gone for a while is tried again until the task is cancelled: what a vendor gave
    /// must not be lost because a disk is full.
    ///
    /// - Throws: ``StoreError/Code/conflict`` when somebody else changed the row, ``TaskStateError``, `CancellationError`.
    @discardableResult
    func record(_ events: TaskEvent...) async throws -> ImageTask {
        try await record(events)
    }

    /// Applies events and writes the row; returns when that is durable.
    @discardableResult
    func record(_ events: [TaskEvent]) async throws -> ImageTask {
        try await pen.withSlot {
            let before = task
            var after = before
            for event in events { after = try after.applying(event, at: time.now) }
            try await write(after, from: before.version)
            row.withLock { $0 = after }
            board.changed(after.id)
            return after
        }
    }

    private func write(_ task: ImageTask, from version: Int) async throws {
        var delay = Duration.milliseconds(100)
        while true {
            // Not `catch where`: with typed throws the compiler (6.3.1) crashes on it.
            do throws(StoreError) {
                try await store.update(task, from: version)
                return
            } catch {
                guard error.code == .unavailable || error.code == .full else { throw error }
                logger.error(
                    "The task store does not take a change; trying again.",
                    metadata: ["task": "\(task.id)", "error": "\(error.message)"]
                )
            }
            try await time.sleep(for: delay)
            delay = min(delay * 2, .seconds(5))
        }
    }
}
