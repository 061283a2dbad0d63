// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// The outbox, in a transaction of the caller's.
enum WebhookRow {
    static func setEndpoints(_ names: [String], in db: Database) throws {
        try db.execute(sql: WebhookQueries.forgetEndpoints)
        for name in Set(names) { try db.execute(sql: WebhookQueries.addEndpoint, arguments: ["name": name]) }
    }

    /// Does what the writing of a task demands.
    static func follow(_ task: ImageTask, in db: Database) throws {
        guard task.status.isFinal else { return }
        let endpoints = try KeptStatement(WebhookQueries.endpoints, in: db).texts(in: db)
        for delivery in task.webhookDeliveries(to: endpoints) {
            try db.cachedStatement(sql: WebhookQueries.insert).execute(arguments: [
                "id": delivery.id, "task": delivery.task.description, "owner": delivery.owner,
                "endpoint": delivery.target.endpoint, "event": delivery.event.rawValue, "lane": delivery.lane,
                "created_at": delivery.createdAt.milliseconds, "due_at": delivery.due.milliseconds,
            ])
        }
    }

    static func nextDue(in db: Database) throws -> Timestamp? {
        try Int64.fetchOne(db.cachedStatement(sql: WebhookQueries.nextDue)).map(Timestamp.init(milliseconds:))
    }

    /// Chooses what is due and has room.
    static func choose(_ claim: WebhookClaim, in db: Database) throws -> [String] {
        var round = try WebhookRound(claim, in: db)
        try round.walk()
        return round.chosen
    }

    /// Leases what was chosen and is due still.
    static func lease(_ chosen: [String], for claim: WebhookClaim, in db: Database) throws -> [WebhookDelivery] {
        let until = claim.now.advanced(by: claim.lease)
        let statement = try db.cachedStatement(sql: WebhookQueries.lease)
        return try chosen.compactMap { id in
            try Row.fetchOne(
                statement,
                arguments: ["id": id, "now": claim.now.milliseconds, "until": until.milliseconds]
            ).flatMap(delivery)
        }
    }

    static func settle(_ delivery: WebhookDelivery, in db: Database) throws -> Bool {
        let log = String(decoding: try JSONEncoder().encode(delivery.tries), as: UTF8.self)
        try db.cachedStatement(sql: WebhookQueries.settle).execute(arguments: [
            "id": delivery.id, "claims": delivery.claims, "state": delivery.state.rawValue,
            "due_at": delivery.due.milliseconds, "ended_at": delivery.endedAt?.milliseconds,
            "failures": delivery.failures, "log": log,
        ])
        return db.changesCount == 1
    }

    static func read(_ id: String, in db: Database) throws -> WebhookDelivery? {
        try Row.fetchOne(db.cachedStatement(sql: WebhookQueries.read), arguments: ["id": id]).flatMap(delivery)
    }

    static func page(_ query: WebhookQuery, in db: Database) throws -> WebhookPage {
        var arguments: StatementArguments = ["limit": query.limit + 1]
        if let after = query.after { arguments += ["after": after] }
        if let state = query.state { arguments += ["state": state.rawValue] }
        if let task = query.task { arguments += ["task": task.description] }
        let rows = try Row.fetchAll(db.cachedStatement(sql: WebhookQueries.list(query)), arguments: arguments)
        let deliveries = rows.prefix(query.limit).compactMap(delivery)
        return WebhookPage(deliveries: deliveries, hasMore: rows.count > query.limit)
    }

    static func redeliver(_ choice: WebhookChoice, now: Timestamp, in db: Database) throws -> Int {
        var arguments: StatementArguments = ["now": now.milliseconds]
        switch choice {
        case .delivery(let id): arguments += ["id": id]
        case .task(let task): arguments += ["id": task.description]
        case .failed(let since): arguments += ["since": since.milliseconds]
        }
        try db.cachedStatement(sql: WebhookQueries.redeliver(choice)).execute(arguments: arguments)
        return db.changesCount
    }

    /// Only what these types wrote is in the table; a newer version may have known more, and what it wrote is passed over.
    private static func delivery(_ row: Row) -> WebhookDelivery? {
        guard let task = TaskID(row[1]), let event = WebhookDelivery.Event(rawValue: row[4]),
            let state = WebhookDelivery.State(rawValue: row[6])
        else { return nil }
        let endpoint: String? = row[3]
        var delivery = WebhookDelivery(
            id: row[0],
            task: task,
            owner: row[2],
            target: endpoint.map { .endpoint($0) } ?? .request,
            event: event,
            lane: row[5],
            state: state,
            createdAt: Timestamp(milliseconds: row[7]),
            due: Timestamp(milliseconds: row[8])
        )
        let endedAt: Int64? = row[9]
        delivery.endedAt = endedAt.map(Timestamp.init(milliseconds:))
        delivery.claims = row[10]
        delivery.failures = row[11]
        let log: String = row[12]
        delivery.tries = (try? JSONDecoder().decode([WebhookTry].self, from: Data(log.utf8))) ?? []
        return delivery
    }
}
