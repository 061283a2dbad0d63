// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A database file that was opened: locked for this process, configured, and at the newest schema.
struct SQLiteFile: Sendable {
    let path: String
    let pool: DatabasePool
    let lock: FileLock
    let log: LogMover
    /// How many tasks wait to be claimed.
    let waiting: Int

    /// Opens the file, and makes it and its folder if they are missing; blocks.
    init(path: String, busyTimeout: Duration, log limits: LogMover.Limits) throws(StoreError) {
        let failure = SQLiteFailure(path: path)
        do {
            let place = try Self.place(path)
            // First the lock: opening and closing the database file would drop the locks of whoever has it open.
            let lock = try FileLock(for: place)
            try Self.make(place)
            let configuration = Self.configuration(busyTimeout: busyTimeout)
            let pool = try DatabasePool(path: place, configuration: configuration)
            // GRDB has set the writer to NORMAL, which may lose the last commits when the power fails.
            try pool.writeWithoutTransaction { try Self.demandDurability($0) }
            try Self.migrate(pool, path: path)
            waiting = try pool.write { db in
                // The lock proves that every other process is gone, so its work may be taken over at once.
                try db.execute(sql: SQLiteQueries.forgetNodes)
                try db.execute(sql: SQLiteQueries.endLeases)
                try db.execute(sql: WebhookQueries.endLeases)
                return try Int.fetchOne(db, sql: SQLiteQueries.waiting) ?? 0
            }
            log = try pool.writeWithoutTransaction { db in
                // Only types with these few values write such columns; to look each of them up took a fifth of a write.
                try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
                return try LogMover(path: place, configuration: configuration, writer: db, limits: limits)
            }
            self.path = place
            self.pool = pool
            self.lock = lock
        } catch {
            throw failure.opening(error)
        }
    }

    /// The path with links resolved, so that one file has one lock; makes the folder.
    private static func place(_ path: String) throws -> String {
        let file = URL(fileURLWithPath: path).standardizedFileURL
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw StoreError(.cannotOpen, "The folder of the task database \(path) cannot be made.", cause: error)
        }
        return file.resolvingSymlinksInPath().path
    }

    /// Makes the file readable by its owner only; SQLite gives the same mode to the files beside it.
    private static func make(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(
                .cannotOpen,
                "The task database \(path) cannot be opened: \(String(cString: strerror(errno)))."
            )
        }
        close(descriptor)
    }

    private static func configuration(busyTimeout: Duration) -> Configuration {
        var configuration = Configuration()
        configuration.label = "task-store"
        configuration.busyMode = .timeout(busyTimeout.inSeconds)
        configuration.maximumReaderCount = 4
        configuration.foreignKeysEnabled = true
        // A transaction that could not be ended is rolled back before the next one, not a reason to end the process.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in
            // The log is moved by the mover. No memory mapping: an I/O error on a mapped page ends the process instead of
            // giving an error, and mapped pages count as this process's memory.
            try db.execute(
                sql: """
                    PRAGMA mmap_size = 0;
                    PRAGMA cache_size = -4096;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA journal_size_limit = 67108864;
                    PRAGMA wal_autocheckpoint = 0;
                    """
            )
            try demandDurability(db)
        }
        return configuration
    }

    /// Turns full synchronization on, and makes sure that it is on.
    private static func demandDurability(_ db: Database) throws {
        try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON")
        guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2,
            try Int.fetchOne(db, sql: "PRAGMA foreign_keys") == 1
        else { throw StoreError(.cannotOpen, "SQLite does not accept synchronous=FULL and foreign_keys=ON.") }
    }

    private static func migrate(_ pool: DatabasePool, path: String) throws {
        let migrator = SQLiteMigrations.migrator
        guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else {
            throw StoreError(
                .cannotOpen,
                """
                The task database \(path) was written by a newer version of ImageGateway. Run that version, or use \
                another file.
                """
            )
        }
        try migrator.migrate(pool)
    }
}
