// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore

extension SQLiteTaskStore: WebhookStore {
    /// Says who hears of every task that is finished from now on.
    public func announceWebhooks(to endpoints: [String]) async throws(StoreError) {
        try await write { try WebhookRow.setEndpoints(endpoints, in: $0) }
    }

    /// Hands out deliveries that are due; leases of an earlier process ended when the file was opened.
    public func dueWebhooks(_ claim: WebhookClaim) async throws(StoreError) -> WebhookBatch {
        // Most looks find nothing: those cost no place in the line of writers.
        let next = try await look { try WebhookRow.nextDue(in: $0) }
        guard let next, next <= claim.now else { return WebhookBatch(nextDue: next) }
        return try await write { try WebhookRow.handOut(claim, in: $0) }
    }

    /// Writes what became of a delivery that was handed out.
    @discardableResult
    public func settleWebhook(_ delivery: WebhookDelivery) async throws(StoreError) -> Bool {
        try await write { try WebhookRow.settle(delivery, in: $0) }
    }

    /// Reads a delivery.
    public func webhook(_ id: String) async throws(StoreError) -> WebhookDelivery? {
        try await look { try WebhookRow.read(id, in: $0) }
    }

    /// Reads deliveries, those of the latest tasks first.
    public func webhooks(_ query: WebhookQuery) async throws(StoreError) -> WebhookPage {
        try await look { try WebhookRow.page(query, in: $0) }
    }

    /// Begins deliveries anew, due at once.
    public func redeliverWebhooks(_ choice: WebhookChoice, now: Timestamp) async throws(StoreError) -> Int {
        try await write { try WebhookRow.redeliver(choice, now: now, in: $0) }
    }

    private func look<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try door.enter()
        defer { door.leave() }
        return try await read(work)
    }
}
