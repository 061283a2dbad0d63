// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import Synchronization

/// The row of a task while this process works on it: events go in one at a time, each durable before the next step.
final class LiveTask: Sendable {
    private struct State {
        var row: ImageTask
        /// The version of the row that is in the store; lower than the row's while there are notes.
        var written: Int
        var hasRepeated: Bool
    }

    private let store: any TaskStore
    private let board: TaskBoard
    private let time: any TimeSource
    private let logger: Logger
    private let changed: @Sendable (ImageTask) -> Void
    private let state: Mutex<State>
    /// One writer at a time: portions run side by side, versions do not.
    private let pen = Slots(limit: 1)

    /// How long a cancelled task tries to write its last words: whoever stops a process does not wait for ever.
    private static let lastPatience = Duration.seconds(5)

    init(
        _ task: ImageTask,
        store: any TaskStore,
        board: TaskBoard,
        time: any TimeSource,
        logger: Logger,
        changed: @escaping @Sendable (ImageTask) -> Void = { _ in }
    ) {
        state = Mutex(State(row: task, written: task.version, hasRepeated: task.hasRepeated))
        self.store = store
        self.board = board
        self.time = time
        self.logger = logger
        self.changed = changed
    }

    /// The task as it was last written, and what was noted since.
    var task: ImageTask { state.withLock(\.row) }

    /// Takes the one submission that a task may make after one that may have bought a picture.
    ///
    /// - Returns: Whether it was still there.
    func takeRepeat() -> Bool {
        state.withLock { state in
            defer { state.hasRepeated = true }
            return !state.hasRepeated
        }
    }

    /// Applies an event that is written with the next record.
    ///
    /// For what another process would find out by itself.
    func note(_ event: TaskEvent) async throws {
        try await pen.withSlot {
            let after = try task.applying(event, at: time.now)
            state.withLock { $0.row = after }
        }
    }

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
            var (after, written) = state.withLock { ($0.row, $0.written) }
            for event in events { after = try after.applying(event, at: time.now) }
            try await write(after, from: written)
            state.withLock { ($0.row, $0.written) = (after, after.version) }
            changed(after)
            board.changed(after.id, isOver: after.status.isFinal)
            return after
        }
    }

    /// Records even if this task is cancelled: what is known now, nobody can find out later.
    ///
    /// - Throws: As ``record(_:)``; `CancellationError` only if the store did not take it for a while.
    func insist(_ events: [TaskEvent]) async throws {
        do {
            try await record(events)
        } catch is CancellationError {
            // A task of its own, because the cancellation would end this write too; it is awaited here.
            do {
                try await Task { try await within(Self.lastPatience, by: time) { _ = try await self.record(events) } }
                    .value
            } catch is TimeIsOver {
                throw CancellationError()
            }
        }
    }

    private func write(_ task: ImageTask, from version: Int) async throws {
        var delay = Duration.milliseconds(100)
        while true {
            // Not `catch where`: with typed throws the compiler (6.3.1) crashes on it.
            do throws(StoreError) {
                return try await store.update(task, from: version)
            } catch {
                if error.code == .conflict, let isWritten = await isWritten(task) {
                    // A write that seemed to fail may have been durable: then the conflict is with ourselves.
                    if isWritten { return }
                    throw error
                }
                logger.error(
                    "The task store does not take a change; trying again.",
                    metadata: ["task": "\(task.id)", "error": "\(error.message)"]
                )
            }
            try await time.sleep(for: delay)
            delay = min(delay * 2, .seconds(3))
        }
    }

    /// Whether the row is as it shall be; `nil` if it cannot be read now.
    private func isWritten(_ task: ImageTask) async -> Bool? {
        do throws(StoreError) {
            return try await store.task(task.id, owner: nil) == task
        } catch {
            return nil
        }
    }
}

extension ImageTask {
    /// Whether a portion was submitted again after a submission that may have bought a picture.
    fileprivate var hasRepeated: Bool {
        attempts.indices.contains { place in
            let attempt = attempts[place]
            return attempt.outcome?.mayHaveBought == true
                && attempts[(place + 1)...].contains { $0.portion == attempt.portion }
        }
    }
}

/// The end of a time limit.
struct TimeIsOver: Error {}

/// Does something, but not for longer than `limit`.
///
/// - Throws: ``TimeIsOver`` when it took too long, after it has ended; whatever `body` throws.
func within<Value: Sendable>(
    _ limit: Duration,
    by time: any TimeSource,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await time.sleep(for: limit)
            throw TimeIsOver()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw TimeIsOver() }
        return value
    }
}
