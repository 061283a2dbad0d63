// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
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
}
