// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayStore
import GatewayTesting
import Testing

@Suite struct ConformanceTests {
    @Test(arguments: TaskStoreConformance.checks)
    func `the SQLite store keeps every promise`(check: TaskStoreConformance.Check) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))

        try await check.run(on: store)

        await store.close()
    }

    @Test(arguments: TaskStoreConformance.checks)
    func `the memory store keeps every promise`(check: TaskStoreConformance.Check) async throws {
        try await check.run(on: MemoryTaskStore())
    }
}

@Suite struct OutboxConformanceTests {
    @Test(arguments: WebhookStoreConformance.checks)
    func `the outbox of the SQLite store keeps every promise`(check: WebhookStoreConformance.Check) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))

        try await check.run(on: store)

        await store.close()
    }

    @Test(arguments: WebhookStoreConformance.checks)
    func `the outbox of the memory store keeps every promise`(check: WebhookStoreConformance.Check) async throws {
        try await check.run(on: MemoryTaskStore())
    }
}
