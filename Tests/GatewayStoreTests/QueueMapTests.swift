// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct QueueMapTests {
    private let samples = SampleTasks()

    @Test(arguments: [(0, 7), (0, 1), (1000, 7), (20, 250)])
    func `a place is the same however it is found`(counted: Int, stride: Int) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        var ids: [TaskID] = []
        for _ in 0..<50 {
            let task = try samples.pending()
            try await store.create(task)
            ids.append(task.id)
        }
        let map = QueueMap(counted: counted, stride: stride)

        for (place, id) in ids.enumerated() {
            let found = try await store.pool.read { try map.position(of: id, waiting: 50, in: $0) }
            #expect(found == place + 1)
        }
        await store.close()
    }

    @Test func `a queue that moved within the second gives a place that is a little old, never none or nonsense`()
        async throws
    {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        var ids: [TaskID] = []
        for _ in 0..<40 {
            let task = try samples.pending()
            try await store.create(task)
            ids.append(task.id)
        }
        let map = QueueMap(counted: 0, stride: 8)
        let position = { (id: TaskID) in try await store.pool.read { try map.position(of: id, waiting: 9, in: $0) } }
        #expect(try await position(ids[39]) == 40)

        let now = samples.time.now
        _ = try await store.claim(node: "n", limit: 20, excluding: [], now: now, divide: { [$0.count] })
        let late = try samples.pending()
        try await store.create(late)

        #expect(try await position(ids[3]) == nil)
        let (first, last) = (try await position(ids[20]), try await position(late.id))
        #expect((1...21).contains(try #require(first)))
        #expect((21...41).contains(try #require(last)))
        await store.close()
    }
}
