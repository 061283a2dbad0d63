// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct SQLiteFailureTests {
    let folder: TemporaryFolder
    let samples = SampleTasks()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func code(_ call: () async throws(StoreError) -> Void) async -> StoreError.Code? {
        do throws(StoreError) {
            try await call()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a full disk fails with its own code, and with room it goes on`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let small = try samples.pending()
        try await store.create(small)
        try await store.pool.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages + 1)")
        }

        let large = try samples.pending(prompt: String(repeating: "snow ", count: 6000))
        #expect(await code { () async throws(StoreError) in try await store.create(large) } == .full)
        #expect(try await store.task(large.id, owner: nil) == nil)
        #expect(try await store.task(small.id, owner: nil) == small)
        #expect(try await store.pendingCount() == 1)

        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
        try await store.create(large)
        #expect(try await store.task(large.id, owner: nil) == large)
        await store.close()
    }

    @Test func `a database that cannot be written still answers reads`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let task = try samples.pending()
        try await store.create(task)
        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = ON") }

        let new = try samples.pending()
        let refused = await code { () async throws(StoreError) in try await store.create(new) }
        #expect(refused == .unavailable)
        #expect(try await store.task(task.id, owner: "alice") == task)

        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = OFF") }
        try await store.create(new)
        #expect(try await store.pendingCount() == 2)
        await store.close()
    }

    @Test func `a lock that lasts too long fails, and a lock that is given up in time does not`() async throws {
        let path = folder.file("tasks.sqlite")
        let store = try await SQLiteTaskStore(path: path, busyTimeout: .milliseconds(50))
        let task = try samples.pending()
        let other = try DatabaseQueue(path: path, configuration: unsafeTransactions)

        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        #expect(await code { () async throws(StoreError) in try await store.create(task) } == .unavailable)
        #expect(try await store.task(task.id, owner: nil) == nil)

        try await other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        try await store.create(task)
        #expect(try await store.task(task.id, owner: nil) == task)
        try other.close()
        await store.close()
    }

    @Test func `a short lock of another program is waited for`() async throws {
        let path = folder.file("tasks.sqlite")
        let store = try await SQLiteTaskStore(path: path)
        let task = try samples.pending()
        let other = try DatabaseQueue(path: path, configuration: unsafeTransactions)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }

        async let creation: Void = store.create(task)
        // Once the operation was taken from the queue the writer stands before the lock, or will in a moment.
        while !store.writer.isRunning { await Task.yield() }
        try await other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }

        try await creation
        #expect(try await store.task(task.id, owner: nil) == task)
        try other.close()
        await store.close()
    }

    @Test func `a damaged row is reported when asked for, and otherwise passed over`() async throws {
        var store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let tasks = try (0..<5).map { _ in try samples.pending() }
        for task in tasks { try await store.create(task) }
        for (task, body) in [(tasks[0], "{\"id\":"), (tasks[2], "{}"), (tasks[4], "")] {
            try await store.pool.write { db in
                try db.execute(
                    sql: "UPDATE tasks SET body = ? WHERE id = ?",
                    arguments: [body, task.id.description]
                )
            }
        }
        // What it wrote itself it knows without reading it.
        await store.close()
        store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))

        #expect(
            await code { () async throws(StoreError) in _ = try await store.task(tasks[0].id, owner: nil) }
                == .unreadable
        )
        let page = try await store.list(TaskQuery(owner: "alice", limit: 1, ascending: true))
        #expect(page.tasks.map(\.id) == [tasks[1].id])
        #expect(page.hasMore)
        let rest = try await store.list(TaskQuery(owner: "alice", limit: 1, after: tasks[1].id, ascending: true))
        #expect(rest.tasks.map(\.id) == [tasks[3].id])
        #expect(!rest.hasMore)

        let claimed = try await store.claim(node: "node-1", limit: 2, excluding: [], now: samples.time.now) { _ in [1] }
        #expect(claimed.map(\.id) == [tasks[1].id, tasks[3].id])
        try await store.delete(tasks[0].id, owner: nil, now: samples.time.now)
        #expect(try await store.task(tasks[0].id, owner: nil) == nil)
        await store.close()
    }

    @Test func `many damaged rows do not hide the tasks behind them`() async throws {
        var store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let count = TaskRow.pageLength * 2 + 10
        for _ in 0..<count { try await store.create(try samples.pending()) }
        try await store.pool.write { try $0.execute(sql: "UPDATE tasks SET body = 'x'") }
        await store.close()
        store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let last = try samples.pending()
        try await store.create(last)

        let page = try await store.list(TaskQuery(owner: "alice", limit: 20, ascending: true))
        #expect(page.tasks == [last])
        #expect(!page.hasMore)
        let claimed = try await store.claim(node: "node-1", limit: 3, excluding: [], now: samples.time.now) { _ in [1] }
        #expect(claimed.map(\.id) == [last.id])
        await store.close()
    }

    @Test func `no error shows a prompt`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        try await store.pool.write { try $0.execute(sql: "DROP TABLE queue") }
        let task = try samples.pending(prompt: "a very private wish")

        do throws(StoreError) {
            try await store.create(task)
            Issue.record("creating without the queue table should fail")
        } catch {
            var dumped = ""
            dump(error, to: &dumped)
            for text in [dumped, "\(error)", String(reflecting: error), error.message] {
                #expect(!text.contains("private wish"))
            }
        }
        await store.close()
    }

    private var unsafeTransactions: Configuration {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        return configuration
    }
}
