// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

/// Moves SQLite's log into the file beside the writer, so that no commit waits for it.
///
/// SQLite's own way is that the commit which finds the log long moves it, and everybody behind that waits for thousands of
/// pages and for the disk. Here a connection of its own moves, each time a thousand pages have come, what is there, and
/// waits for the disk; commits go on meanwhile. Only the last few pages are moved by the writer, between two commits:
/// with nothing left in it, the log begins anew.
///
/// A pass that fails is tried again a little later. Until then the log grows, and every commit is as durable as ever.
final class LogMover: Sendable {
    /// Lengths in pages.
    struct Limits: Sendable {
        /// How many make a pass worth it: a page that changes often is moved once for many changes.
        var share = 1000
        /// How long the log is when it shall begin anew.
        var full = 4000
        /// How many the writer may move itself.
        var rest = 200
        /// How long the log is when the writer waits and moves whatever is left: a load without pause cannot outrun it.
        var bound = 16_000
    }

    private struct State {
        var isMoving = false
        var isClosed = false
        /// How often the log began anew: what was moved of an earlier one says nothing of this one.
        var generation = 0
        /// As the last commit left the log.
        var length = 0
        /// How many pages from its beginning on are in the file.
        var moved = 0
        /// How many commits pass before anything is tried again.
        var pause = 0

        /// Takes down what came of a pass; what fails, or meets a reader that stays, is not tried in every commit.
        mutating func note(_ moved: Int?) {
            pause = (moved ?? 0) > self.moved ? 0 : 100
            self.moved = moved ?? self.moved
        }
    }

    private enum Step {
        case nothing, move, finish, force
    }

    private let limits: Limits
    private let connection: DatabaseQueue
    private let length = LogLength()
    private let state = Mutex(State())

    /// Creates a mover for the log of a writer.
    init(path: String, configuration: Configuration, writer: Database, limits: Limits) throws {
        self.limits = limits
        connection = try DatabaseQueue(path: path, configuration: configuration)
        writer.tellLogLength(to: length)
    }

    /// How long the log is, in pages.
    var logLength: Int { length.pages }

    /// Does what the log needs; called by the writer between two commits, whether they succeeded or not: on a full disk
    /// it is just this that makes room.
    func tend(by writer: Database) {
        switch nextStep() {
        case .nothing: break
        case .move: move()
        case .finish: finish(by: writer)
        case .force:
            // Whoever moves excludes others.
            connection.writeWithoutTransaction { _ in }
            finish(by: writer)
        }
    }

    /// Waits for a pass under way and closes the connection; may be called again.
    func close() throws {
        state.withLock { $0.isClosed = true }
        try connection.close()
    }

    private func nextStep() -> Step {
        let pages = length.pages
        return state.withLock { state in
            if pages < state.length {
                state.generation += 1
                (state.moved, state.pause) = (0, 0)
            }
            state.length = pages
            guard pages >= limits.share else { return .nothing }
            guard state.pause == 0 else {
                state.pause -= 1
                return .nothing
            }
            let left = pages - state.moved
            if pages >= limits.bound { return state.isMoving ? .force : .finish }
            guard !state.isMoving, !state.isClosed else { return .nothing }
            if pages >= limits.full, left <= limits.rest { return .finish }
            guard left >= limits.share || pages >= limits.full else { return .nothing }
            state.isMoving = true
            return .move
        }
    }

    private func move() {
        let generation = state.withLock(\.generation)
        connection.asyncWriteWithoutTransaction { [self] db in
            guard !state.withLock(\.isClosed) else { return }
            let moved = Self.pass(by: db)
            state.withLock { state in
                state.isMoving = false
                if state.generation == generation { state.note(moved) }
            }
        }
    }

    private func finish(by writer: Database) {
        let moved = Self.pass(by: writer)
        state.withLock { $0.note(moved) }
    }

    /// Moves what there is and nobody reads any more.
    ///
    /// - Returns: How many pages of the log are in the file and on its disk; `nil` if that failed.
    private static func pass(by db: Database) -> Int? {
        do {
            let moved = try db.checkpoint(.passive).checkpointedFrameCount
            // SQLite itself waits for the disk only when nothing is left: then, on the writer's thread, for all of it.
            try db.syncFile()
            return moved
        } catch {
            return nil
        }
    }
}

/// How many pages the log holds as of the last commit.
final class LogLength: Sendable {
    private let count = Atomic(0)

    var pages: Int { count.load(ordering: .relaxed) }

    func set(_ pages: Int) { count.store(pages, ordering: .relaxed) }
}
