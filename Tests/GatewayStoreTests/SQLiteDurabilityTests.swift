// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct SQLiteDurabilityTests {
    let folder: TemporaryFolder
    let samples = SampleTasks()

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The files as they are on the disk at this moment: what a crash would leave.
    private func crashCopy() throws -> String {
        let copy = folder.file("copy-\(UUID().uuidString).sqlite")
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: folder.file("tasks.sqlite") + suffix, toPath: copy + suffix)
        }
        return copy
    }

    @Test func `what was written is there after a crash`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let kept = try samples.pending()
        let changed = try samples.task(kept, after: SampleTasks.Stage.waiting.events())
        let deleted = try samples.pending()
        try await store.create(kept)
        try await store.create(deleted)
        try await store.update(changed, from: 0)
        try await store.delete(deleted.id, owner: nil, now: samples.time.now)

        let copy = try await SQLiteTaskStore(path: try crashCopy())

        #expect(try await copy.task(kept.id, owner: "alice") == changed)
        #expect(try await copy.task(deleted.id, owner: "alice") == nil)
        await copy.close()
        await store.close()
    }

    @Test func `after a crash its tasks are taken over at once, and the queue is counted`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let now = samples.time.now
        let held = try samples.task(try samples.pending(), after: SampleTasks.Stage.submitting.events(node: "old"))
        let queued = try samples.pending()
        try await store.create(held)
        try await store.create(queued)
        try await store.heartbeat(node: "old", now: now)

        let copy = try await SQLiteTaskStore(path: try crashCopy())

        let silentSince = now.advanced(by: .seconds(-60))
        let adopted = try await copy.adopt(node: "new", silentSince: silentSince, limit: 10, now: now)
        #expect(adopted.map(\.id) == [held.id])
        #expect(adopted.first?.attempts.first?.outcome == .unknown)
        #expect(try await copy.pendingCount() == 1)
        await copy.close()
        await store.close()
    }

    @Test func `a task deleted after it was read is not answered from memory`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
        try await store.create(task)
        #expect(try await store.task(task.id, owner: "alice") == task)

        #expect(try await store.task(task.id, owner: "alice") == task)
        #expect(try await store.task(task.id, owner: "bob") == nil)
        try await store.delete(task.id, owner: nil, now: samples.time.now)

        #expect(try await store.task(task.id, owner: "alice") == nil)
        await store.close()
    }

    @Test func `whatever way a task is written, memory and file tell the same`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let now = samples.time.now
        let (first, second, third) = (try samples.pending(), try samples.pending(node: "dead"), try samples.pending())
        func expectSame(_ id: TaskID) async throws {
            let body = try await store.pool.read { try TaskRow.body(of: id, owner: nil, in: $0) }
            #expect(try await store.task(id, owner: nil) == body.flatMap(TaskRow.task(from:)))
            #expect(store.recent[id] != nil)
            let listed = try await store.list(TaskQuery(owner: "alice")).tasks.first { $0.id == id }
            #expect(try await store.task(id, owner: nil) == listed)
        }

        try await store.create(first)
        try await store.create(second)
        try await store.create(third)
        for task in [first, second, third] { try await expectSame(task.id) }
        let claimed = try await store.claim(node: "node-1", limit: 1, excluding: [], now: now) { _ in [1] }
        #expect(claimed.map(\.id) == [first.id])
        try await expectSame(first.id)
        let adopted = try await store.adopt(node: "node-1", silentSince: now, limit: 5, now: now)
        #expect(adopted.map(\.id) == [second.id])
        try await expectSame(second.id)
        let changed = try samples.task(third, after: SampleTasks.Stage.waiting.events())
        try await store.update(changed, from: third.version)
        try await expectSame(third.id)
        let soon = try samples.pending(node: "node-1")
        try await store.createSoon(soon) { Issue.record($0) }
        try await store.update(
            try samples.task(soon, after: SampleTasks.Stage.submitting.events()),
            from: soon.version
        )
        try await expectSame(soon.id)
        let finished = try samples.task(third, after: SampleTasks.Stage.stored.events())
        await #expect(throws: StoreError.self) { try await store.update(finished, from: third.version) }
        #expect(try await store.task(third.id, owner: nil) == changed)
        await store.close()
    }

    // MARK: What is still to be deleted

    @Test func `the list is written with the change that makes it necessary, and there after a crash`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let (completed, deleted, open) = (try samples.edit(), try samples.edit(), try samples.edit())
        for task in [completed, deleted, open] {
            try await store.announce(task.inputKeys.map { Deletion(key: $0, task: task.id, due: samples.time.now) })
            try await store.create(task)
        }
        let done = try samples.stored(completed)
        try await store.update(done, from: 0)
        try await store.delete(deleted.id, owner: nil, now: samples.time.now)

        let copy = try await SQLiteTaskStore(path: try crashCopy())

        let now = try #require(done.expiresAt)
        let due = try await copy.dueDeletions(limit: 99, now: now, lease: .seconds(60))
        #expect(Set(due.map(\.key)) == Set(done.inputKeys + done.pictureKeys + deleted.inputKeys))
        await copy.close()
        await store.close()
    }

    @Test func `what a killed process had in hand can be begun at once, and keeps count of its tries`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let (task, now) = (try samples.edit(), samples.time.now)
        try await store.announce(task.inputKeys.map { Deletion(key: $0, task: task.id, due: now) })
        let first = try await store.dueDeletions(limit: 1, now: now, lease: .seconds(300))
        let second = try await store.dueDeletions(limit: 1, now: now, lease: .seconds(300))
        var report = DeletionReport()
        report.open = second.map { ($0, now.advanced(by: .seconds(30))) }
        try await store.settle(report)

        let copy = try await SQLiteTaskStore(path: try crashCopy())

        let early = try await copy.dueDeletions(limit: 9, now: now, lease: .seconds(300))
        #expect(early.map(\.key) == first.map(\.key), "what was put back keeps its time")
        #expect(early.map(\.tries) == [2])
        let late = try await copy.dueDeletions(limit: 9, now: now.advanced(by: .seconds(30)), lease: .seconds(300))
        #expect(late.map(\.key) == second.map(\.key))
        await copy.close()
        await store.close()
    }

    @Test func `pictures of tasks that an earlier version completed are on the list, too`() async throws {
        let path = folder.file("tasks.sqlite")
        let (done, failed) = (try samples.stored(try samples.edit()), try samples.edit())
        let store = try await SQLiteTaskStore(path: path)
        for task in [done, failed] { try await store.create(task) }
        try await store.pool.write { db in
            try db.execute(sql: "DROP TABLE deletions; DELETE FROM grdb_migrations WHERE identifier = '002_deletions'")
        }
        await store.close()

        let newer = try await SQLiteTaskStore(path: path)

        let late = samples.time.now.advanced(by: .seconds(900_000))
        let due = try await newer.dueDeletions(limit: 99, now: late, lease: .seconds(60))
        #expect(Set(due.map(\.key)) == Set(done.inputKeys + done.pictureKeys))
        await newer.close()
    }

    @Test func `a damaged row can be deleted, and grows old like the others`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let tasks = try (0..<2).map { _ in try samples.stored(try samples.edit()) }
        for task in tasks { try await store.create(task) }
        try await store.pool.write { try $0.execute(sql: "UPDATE tasks SET body = '{'") }
        let late = samples.time.now.advanced(by: .seconds(1))

        #expect(try await store.delete(tasks[0].id, owner: "alice", now: late))
        #expect(try await store.removeTasks(finishedBefore: late, limit: 9, now: late) == 1)

        let rows = try await store.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM tasks") }
        #expect(rows == 0)
        await store.close()
    }
}
