// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
public import GatewayCore
import Synchronization

/// Tasks in an SQLite file that belongs to this process alone.
///
/// Reads run side by side on their own connections; writes go through one writer and share commits. No database work runs
/// on the threads of Swift's concurrency. Every write is on the disk (`synchronous=FULL`) when its call returns. After a
/// full disk, a lock held by another program or an I/O error the calls under way fail, and the next ones are tried anew.
public final class SQLiteTaskStore: TaskStore {
    let pool: DatabasePool
    private let lock: Mutex<FileLock?>
    private let failure: SQLiteFailure
    let log: LogMover
    let writer: GroupCommit
    let door = OpenDoor()
    let recent = RecentTasks()
    let queue = QueueMap()
    private let waiting: Waiting
    private let closing = DispatchQueue(label: "task-store.closing")

    /// The length of the queue as of the last commit.
    private final class Waiting: Sendable {
        let count: Atomic<Int>

        init(_ count: Int) {
            self.count = Atomic(count)
        }
    }

    /// Opens the file, and makes it and its folder if they are missing.
    ///
    /// - Parameter path: The database file. Beside it SQLite keeps `-wal` and `-shm`, and the store `.lock`.
    /// - Throws: ``StoreError/Code/cannotOpen`` if another process has it, if a newer version wrote it, or if it cannot be
    ///   read and written.
    public convenience init(path: String) async throws(StoreError) {
        try await self.init(path: path, busyTimeout: .seconds(5))
    }

    /// Opens the file; waits no longer than `busyTimeout` for locks of other programs.
    init(
        path: String,
        busyTimeout: Duration,
        log limits: LogMover.Limits = LogMover.Limits()
    ) async throws(StoreError) {
        let opening = DispatchQueue(label: "task-store.opening")
        let opened: Result<SQLiteFile, StoreError> = await withCheckedContinuation { continuation in
            opening.async {
                do throws(StoreError) {
                    let file = try SQLiteFile(path: path, busyTimeout: busyTimeout, log: limits)
                    continuation.resume(returning: .success(file))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        let file = try opened.get()
        let waiting = Waiting(file.waiting)
        pool = file.pool
        lock = Mutex(file.lock)
        log = file.log
        failure = SQLiteFailure(path: file.path)
        self.waiting = waiting
        writer = GroupCommit(pool: file.pool, failure: failure, log: file.log) { db in
            let count = try KeptStatement(SQLiteQueries.waiting, in: db).number(in: db) ?? 0
            return { waiting.count.store(Int(count), ordering: .relaxed) }
        } inDoubt: { [recent] in
            recent.forgetAll()
        }
    }

    /// Reads a task; a row whose body is damaged is an error, not a missing task.
    public func task(_ id: TaskID, owner: String?) async throws(StoreError) -> ImageTask? {
        try door.enter()
        defer { door.leave() }
        if let task = recent[id] { return owner == nil || owner == task.owner ? task : nil }
        let deletions = recent.deletions
        guard let body = try await body(of: id, owner: owner) else { return nil }
        guard let task = TaskRow.task(from: body) else {
            throw StoreError(
                .unreadable,
                "The row of task \(id) cannot be read: it is damaged, or a newer version wrote it. It can be deleted."
            )
        }
        recent.keep(task, bodyLength: body.count, unlessDeletedSince: deletions)
        return task
    }

    private func body(of id: TaskID, owner: String?) async throws(StoreError) -> Data? {
        if writer.held(id) != nil { try await writer.perform { _ in } }
        return try await read { try TaskRow.body(of: id, owner: owner, in: $0) }
    }

    /// Writes a changed task by compare-and-set; its version must be higher than the one it was changed from.
    public func update(_ task: ImageTask, from version: Int) async throws(StoreError) {
        let row = try changed(task, from: version)
        if let held = writer.held(task.id), held.replace(from: version) { return try await write(row, for: held) }
        try await write {
            try row.update(from: version, in: $0)
        } whenDurable: { [recent] in
            recent.keep(row)
        }
    }

    /// Writes a row in the place of the first one, which was not written.
    private func write(_ row: TaskRow, for held: HeldRow) async throws(StoreError) {
        defer { writer.release(row.task.id) }
        do throws(StoreError) {
            try await write {
                try row.insert(in: $0)
            } whenDurable: { [recent] in
                recent.keep(row)
            }
        } catch {
            held.failed(error)
            throw error
        }
    }

    func changed(_ task: ImageTask, from version: Int) throws(StoreError) -> TaskRow {
        guard task.version > version else {
            throw StoreError(.conflict, "Task \(task.id) was not changed: its version must be higher than \(version).")
        }
        return try TaskRow(task)
    }

    /// Hands out tasks without a node, oldest first; a row that cannot be read or claimed is passed over.
    public func claim(
        node: String,
        limit: Int,
        excluding: Set<String>,
        now: Timestamp,
        divide: @escaping @Sendable (ImageRequest) -> [Int]
    ) async throws(StoreError) -> [ImageTask] {
        let excluded = try Self.json(excluding)
        return try await take { [recent] db in
            guard try excluding.isEmpty || TaskRow.isWaitedFor(besides: excluded, in: db) else { return [] }
            return try TaskRow.takeUnclaimed(limit: limit, excluded: excluded, knowing: recent, in: db) { task in
                let counts = task.portions.isEmpty ? divide(task.request) : task.portions.map(\.count)
                return try? task.applying(.claimed(node: node, portions: counts), at: now)
            }
        }
    }

    /// Says that a node is alive.
    public func heartbeat(node: String, now: Timestamp) async throws(StoreError) {
        try await write { db in
            try db.cachedStatement(sql: SQLiteQueries.heartbeat)
                .execute(arguments: ["node": node, "now": now.milliseconds])
        }
    }

    /// Takes over unfinished tasks of nodes that have not been heard of.
    ///
    /// Heartbeats of an earlier process were forgotten when the file was opened, so its tasks can be taken over at once.
    public func adopt(
        node: String,
        silentSince: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> [ImageTask] {
        try await take { [recent] db in
            let silent = try String.fetchAll(
                db.cachedStatement(sql: SQLiteQueries.silentNodes),
                arguments: ["node": node, "silent_since": silentSince.milliseconds]
            )
            var adopted: [TaskRow] = []
            for other in silent where adopted.count < limit {
                let more = limit - adopted.count
                adopted += try TaskRow.takeHeld(by: other, limit: more, knowing: recent, in: db) { task in
                    try? task.applying(.adopted(node: node), at: now)
                }
            }
            return adopted
        }
    }

    /// Runs an operation that changes some tasks, and gives these.
    private func take(
        _ work: @escaping @Sendable (Database) throws -> [TaskRow]
    ) async throws(StoreError) -> [ImageTask] {
        try await write(work) { [recent] rows in
            for row in rows { recent.keep(row) }
        }.map(\.task)
    }

    /// Names unfinished tasks of a node or of nobody, oldest first; reads no bodies.
    public func unfinished(
        of node: String?,
        before bound: TaskID,
        limit: Int
    ) async throws(StoreError) -> [TaskID] {
        try door.enter()
        defer { door.leave() }
        return try await read { db in
            var arguments: StatementArguments = ["bound": bound.description, "limit": limit]
            if let node { arguments += ["node": node] }
            let query = node == nil ? SQLiteQueries.unclaimedNames : SQLiteQueries.heldNames
            let names = try String.fetchAll(db.cachedStatement(sql: query), arguments: arguments)
            return names.compactMap { TaskID($0) }
        }
    }

    /// Reads a page of an owner's tasks; a row whose body is damaged is passed over.
    public func list(_ query: TaskQuery) async throws(StoreError) -> TaskPage {
        try door.enter()
        defer { door.leave() }
        if writer.holdsAny { try await writer.perform { _ in } }
        return try await read { [recent] in try TaskRow.page(query, knowing: recent, in: $0) }
    }

    /// How many tasks wait to be claimed, as of the last commit; costs no query.
    public func pendingCount() async throws(StoreError) -> Int {
        try door.enter()
        defer { door.leave() }
        return waiting.count.load(ordering: .relaxed)
    }

    /// Waits for the calls under way, writes everything into the one file and gives it free; may be called again.
    public func close() async {
        await door.close()
        // Nobody is inside any more who would have it written.
        if writer.holdsAny { try? await writer.perform { _ in } }
        await withCheckedContinuation { continuation in
            closing.async {
                self.closeFile()
                continuation.resume()
            }
        }
    }

    private func closeFile() {
        guard lock.withLock({ $0 != nil }) else { return }
        // The writer last: the last connection to close moves the write-ahead log into the file, and readers may not write.
        pool.releaseMemory()
        // If the file stays open, so does its lock: until the process ends nobody else may have it.
        if (try? log.close()) != nil, (try? pool.close()) != nil { lock.withLock { $0 = nil } }
    }

    func write<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value,
        whenDurable: @escaping @Sendable (Value) -> Void = { _ in }
    ) async throws(StoreError) -> Value {
        try door.enter()
        defer { door.leave() }
        return try await writer.perform(work, whenDurable: whenDurable)
    }

    /// Reads while the store is open.
    func reading<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try door.enter()
        defer { door.leave() }
        return try await read(work)
    }

    func read<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
            pool.asyncRead { access in
                continuation.resume(returning: Result { try work(try access.get()) })
            }
        }
        return try result.mapError(failure.error).get()
    }

    private static func json(_ names: Set<String>) throws(StoreError) -> String {
        do {
            return String(decoding: try JSONEncoder().encode(names.sorted()), as: UTF8.self)
        } catch {
            throw StoreError(.unavailable, "The names of the excluded models cannot be written as JSON.", cause: error)
        }
    }
}
