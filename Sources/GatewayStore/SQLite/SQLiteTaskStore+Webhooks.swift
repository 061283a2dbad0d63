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
        while true {
            // Most looks find nothing, and some pass many lanes: that costs no place in the line of writers.
            let (chosen, next) = try await look { db -> ([String], Timestamp?) in
                let next = try WebhookRow.nextDue(in: db)
                guard let next, next <= claim.now else { return ([], next) }
                return (try WebhookRow.choose(claim, in: db), next)
            }
            guard !chosen.isEmpty else { return WebhookBatch(nextDue: next) }
            let batch = try await write { db in
                let deliveries = try WebhookRow.lease(chosen, for: claim, in: db)
                return WebhookBatch(deliveries: deliveries, nextDue: try WebhookRow.nextDue(in: db))
            }
            // Nothing was left only if others took it all meanwhile: then there may be room for something else.
            if !batch.deliveries.isEmpty { return batch }
        }
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
