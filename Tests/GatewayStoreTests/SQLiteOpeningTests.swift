// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct SQLiteOpeningTests {
    let folder: TemporaryFolder
    let samples = SampleTasks()

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func `folder and files are made for their owner only`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("new/deep/tasks.sqlite"))
        try await store.create(try samples.pending())

        for name in ["tasks.sqlite", "tasks.sqlite-wal", "tasks.sqlite-shm", "tasks.sqlite.lock"] {
            #expect(try folder.mode(of: "new/deep/" + name) == 0o600, "\(name)")
        }
        #expect(try folder.mode(of: "new/deep") == 0o700)
        await store.close()
    }

    @Test func `every connection waits for the disk, checks references and maps no memory`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let settings: @Sendable (Database) throws -> [String] = { db in
            try ["synchronous", "foreign_keys", "journal_mode", "mmap_size", "trusted_schema"]
                .map { try String.fetchOne(db, sql: "PRAGMA \($0)") ?? "none" }
        }

        let writer = try await store.pool.writeWithoutTransaction(settings)
        let reader = try await store.pool.read(settings)

        #expect(writer == ["2", "1", "wal", "0", "0"])
        #expect(reader == ["2", "1", "wal", "0", "0"])
        await store.close()
    }

    @Test func `a file has one store at a time, by whatever name it is reached`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: folder.path)
        let paths = [folder.file("tasks.sqlite"), folder.file("./tasks.sqlite"), folder.file("link/tasks.sqlite")]

        for path in paths {
            let error = await opening(path)
            #expect(error?.code == .cannotOpen)
            #expect(error?.message.contains("tasks.sqlite is used by another process") == true)
            #expect(error?.message.contains("database.url") == true)
        }

        // The refused attempts have not taken anything from the first.
        let task = try samples.pending()
        try await store.create(task)
        #expect(try await store.task(task.id, owner: nil) == task)
        await store.close()
    }

    @Test func `a closed store gives its file free`() async throws {
        let path = folder.file("tasks.sqlite")
        let task = try samples.pending()
        let first = try await SQLiteTaskStore(path: path)
        try await first.create(task)
        await first.close()
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))

        let second = try await SQLiteTaskStore(path: path)

        #expect(try await second.task(task.id, owner: "alice") == task)
        await second.close()
    }

    @Test func `a store that was dropped without closing gives its file free`() async throws {
        let path = folder.file("tasks.sqlite")
        var store: SQLiteTaskStore? = try await SQLiteTaskStore(path: path)
        try await store?.create(try samples.pending())
        store = nil

        #expect(await opening(path) == nil)
    }

    @Test func `a database of a newer version is refused and left alone`() async throws {
        let path = folder.file("tasks.sqlite")
        let store = try await SQLiteTaskStore(path: path)
        try await store.pool.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999_future')") }
        await store.close()

        let error = await opening(path)

        #expect(error?.code == .cannotOpen)
        #expect(error?.message.contains("newer version") == true)
        #expect(error?.message.contains(path) == true)
        let tables = try await DatabaseQueue(path: path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM tasks")
        }
        #expect(tables == 0)
    }

    @Test func `a file that is no database is refused and left alone`() async throws {
        let path = folder.file("tasks.sqlite")
        let text = String(repeating: "This is a letter, not a database. ", count: 100)
        try text.write(toFile: path, atomically: true, encoding: .utf8)

        let error = await opening(path)

        #expect(error?.code == .cannotOpen)
        #expect(error?.message.contains("no SQLite database") == true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func `a folder that cannot be made is named`() async throws {
        try "a file".write(toFile: folder.file("file"), atomically: true, encoding: .utf8)

        let error = await opening(folder.file("file/tasks.sqlite"))

        #expect(error?.code == .cannotOpen)
        #expect(error?.message.contains(folder.file("file/tasks.sqlite")) == true)
    }

    @Test func `a path that is a folder is refused`() async throws {
        let path = folder.file("tasks.sqlite")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)

        let error = await opening(path)

        #expect(error?.code == .cannotOpen)
    }

    @Test func `a database locked by another program for too long is not opened`() async throws {
        let path = folder.file("tasks.sqlite")
        await (try SQLiteTaskStore(path: path)).close()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: path, configuration: configuration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }

        let error = await opening(path, busyTimeout: .milliseconds(20))

        #expect(error?.code == .cannotOpen)
        #expect(error?.message.contains("holds a lock") == true)
        try other.close()
        #expect(await opening(path) == nil)
    }

    private func opening(_ path: String, busyTimeout: Duration = .seconds(10)) async -> StoreError? {
        do throws(StoreError) {
            await (try SQLiteTaskStore(path: path, busyTimeout: busyTimeout)).close()
            return nil
        } catch {
            return error
        }
    }
}
