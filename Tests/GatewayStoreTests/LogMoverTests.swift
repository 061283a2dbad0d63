// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct LogMoverTests {
    /// A log that is soon long.
    private static let short = LogMover.Limits(share: 20, full: 80, rest: 10, bound: 400)

    let folder: TemporaryFolder
    let samples = SampleTasks()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ limits: LogMover.Limits = short) async throws -> SQLiteTaskStore {
        try await SQLiteTaskStore(path: folder.file("tasks.sqlite"), busyTimeout: .seconds(5), log: limits)
    }

    /// Makes tasks without a pause, by several callers at once.
    private func fill(_ store: SQLiteTaskStore, with count: Int) async throws -> [ImageTask] {
        let tasks = try (0..<count).map { _ in try samples.pending() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for place in stride(from: caller, to: count, by: 8) { try await store.create(tasks[place]) }
                }
            }
            try await group.waitForAll()
        }
        return tasks
    }

    /// The log's pages on the disk: it never shrinks while it is used.
    private func pagesOfFile() throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("tasks.sqlite-wal"))
        return (attributes[.size] as? Int ?? 0) / 4120
    }

    /// Another program takes SQLite's lock of whoever moves the log; the file may be closed only after the store.
    private func lockMoving(_ descriptor: Int32, _ type: Int32) -> Bool {
        var lock = flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        // As SQLite's format says: the second of eight locks behind 120 bytes.
        lock.l_start = 121
        lock.l_len = 1
        // Of the open file, not of the process, which SQLite's own locks belong to.
        let setOpenFileLock: Int32 = 37
        return fcntl(descriptor, setOpenFileLock, &lock) == 0
    }

    @Test func `a load without a pause leaves the log short, and everything is in the file`() async throws {
        let store = try await open()
        let tasks = try await fill(store, with: 1500)

        // A group of eight writes some twenty pages; the writer looks between two groups.
        #expect(try pagesOfFile() <= Self.short.bound + 100)
        let page = try await store.list(TaskQuery(owner: "alice", limit: 2000, ascending: true))
        #expect(page.tasks == tasks)
        await store.close()

        let again = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        #expect(try await again.list(TaskQuery(owner: "alice", limit: 2000, ascending: true)).tasks == tasks)
        await again.close()
    }

    @Test func `without anybody beside it the writer bounds the log itself`() async throws {
        let store = try await open()
        try store.log.close()
        let tasks = try await fill(store, with: 1500)

        #expect(try pagesOfFile() <= Self.short.bound + 100)
        #expect(try await store.list(TaskQuery(owner: "alice", limit: 2000, ascending: true)).tasks == tasks)
        await store.close()
    }

    #if os(Linux)
        @Test func `a log that cannot be moved harms nobody, and is moved when it can be`() async throws {
            let store = try await open()
            var tasks = try await fill(store, with: 8)
            let descriptor = Glibc.open(folder.file("tasks.sqlite-shm"), O_RDWR)
            // A pass may be under way.
            while !lockMoving(descriptor, F_WRLCK), errno == EAGAIN { await Task.yield() }

            tasks += try await fill(store, with: 1000)
            let length = store.log.logLength
            #expect(length > Self.short.bound)
            #expect(try await store.task(tasks[500].id, owner: nil) == tasks[500])

            #expect(lockMoving(descriptor, F_UNLCK))
            var more = 0
            while store.log.logLength >= length, more < 4000 {
                tasks += try await fill(store, with: 8)
                more += 8
            }
            #expect(store.log.logLength < length)
            #expect(try await store.list(TaskQuery(owner: "alice", limit: 9000, ascending: true)).tasks == tasks)
            await store.close()
            Glibc.close(descriptor)
        }
    #endif

    @Test func `a reader that stays keeps its view, and afterwards the log begins anew`() async throws {
        let store = try await open()
        var tasks = try await fill(store, with: 8)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: folder.file("tasks.sqlite"), configuration: configuration)
        let count = "SELECT COUNT(*) FROM tasks"
        try await reader.writeWithoutTransaction { db in try db.execute(sql: "BEGIN; \(count)") }

        tasks += try await fill(store, with: 1000)
        let length = store.log.logLength
        #expect(length > Self.short.full)
        #expect(try await reader.writeWithoutTransaction { try Int.fetchOne($0, sql: count) } == 8)

        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        var more = 0
        while store.log.logLength >= length, more < 4000 {
            tasks += try await fill(store, with: 8)
            more += 8
        }
        #expect(store.log.logLength < length)
        #expect(try await reader.writeWithoutTransaction { try Int.fetchOne($0, sql: count) } == tasks.count)
        try reader.close()
        await store.close()
    }
}
