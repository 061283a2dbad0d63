// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

extension TaskStoreConformance {
    /// Creating with what comes next.
    public static let soon: [Check] = [
        Check("a task that is written soon is there for whoever asks for it") { store, samples in
            let task = try samples.pending(node: "node-1")

            try await store.createSoon(task, failed: failed)

            #expect(try await store.task(task.id, owner: "alice") == task)
            #expect(try await store.task(task.id, owner: "bob") == nil)
        },
        Check("a task that is written soon is in the lists") { store, samples in
            let tasks = try (0..<3).map { _ in try samples.pending(node: "node-1") }
            for task in tasks { try await store.createSoon(task, failed: failed) }

            #expect(try await store.list(TaskQuery(owner: "alice", ascending: true)).tasks == tasks)
        },
        Check("a task that is written soon can be changed at once, and changed again") { store, samples in
            let task = try samples.pending(node: "node-1")
            let now = samples.time.now
            let claimed = try task.applying(.claimed(node: "node-1", portions: [1]), at: now)
            let sent = try claimed.applying(SampleTasks.submitting(), at: now)

            try await store.createSoon(task, failed: failed)
            try await store.update(claimed, from: task.version)
            try await store.update(sent, from: claimed.version)

            #expect(try await store.task(task.id, owner: nil) == sent)
            await expect(.conflict) { () async throws(StoreError) in try await store.update(claimed, from: task.version)
            }
            #expect(
                try await store.unfinished(of: "node-1", before: .lowest(at: .distantFuture), limit: 9) == [task.id]
            )
        },
        Check("of a task that is written soon only the version that was made can be changed") { store, samples in
            let task = try samples.pending(node: "node-1")
            let now = samples.time.now
            let claimed = try task.applying(.claimed(node: "node-1", portions: [1]), at: now)
            let sent = try claimed.applying(SampleTasks.submitting(), at: now)

            try await store.createSoon(task, failed: failed)

            await expect(.conflict) { () async throws(StoreError) in try await store.update(sent, from: claimed.version)
            }
            #expect(try await store.task(task.id, owner: nil) == task)
        },
        Check("a task that is written soon can be deleted, and does not come back") { store, samples in
            let task = try samples.pending(node: "node-1")
            let claimed = try task.applying(.claimed(node: "node-1", portions: [1]), at: samples.time.now)
            try await store.createSoon(task, failed: failed)

            #expect(try await store.task(task.id, owner: nil) == task)
            #expect(try await store.delete(task.id, owner: "alice", now: samples.time.now))
            await expect(.conflict) { () async throws(StoreError) in try await store.update(claimed, from: task.version)
            }
            #expect(try await store.task(task.id, owner: nil) == nil)
        },
    ]

    private static func failed(_ error: StoreError) { Issue.record(error) }
}

extension Timestamp {
    /// Later than any task of a test.
    fileprivate static let distantFuture = Timestamp(seconds: 4_000_000_000)
}
