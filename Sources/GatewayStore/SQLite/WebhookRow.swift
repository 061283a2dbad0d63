// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// The outbox, in a transaction of the caller's.
enum WebhookRow {
    /// How many lanes are looked at for one batch: bounds how long others wait for the writer.
    private static let longestWalk = 512

    static func setEndpoints(_ names: [String], in db: Database) throws {
        try db.execute(sql: WebhookQueries.forgetEndpoints)
        for name in Set(names) { try db.execute(sql: WebhookQueries.addEndpoint, arguments: ["name": name]) }
    }

    /// Does what the writing of a task demands.
    static func follow(_ task: ImageTask, in db: Database) throws {
        guard task.status.isFinal else { return }
        let endpoints = try String.fetchAll(db.cachedStatement(sql: WebhookQueries.endpoints))
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

    /// Hands out what is due, lane by lane, beginning behind the lane of the last time.
    static func handOut(_ claim: WebhookClaim, in db: Database) throws -> WebhookBatch {
        var (claim, deliveries, after) = (claim, [WebhookDelivery](), claim.after)
        let start = claim.after
        var hasTurned = start.isEmpty
        for _ in 0..<longestWalk where claim.limit > 0 {
            let found = try Row.fetchOne(
                db.cachedStatement(sql: WebhookQueries.nextLane),
                arguments: ["after": after]
            )
            guard let found else {
                if hasTurned { break }
                (hasTurned, after) = (true, "")
                continue
            }
            let (lane, owner, endpoint): (String, String, String?) = (found[0], found[2], found[3])
            if hasTurned, !start.isEmpty, lane > start { break }
            let room = claim.room(in: lane, owner: owner, endpoint: endpoint)
            if found[1] <= claim.now.milliseconds, room > 0 {
                for delivery in try lease(lane, room, claim, in: db) {
                    claim.take(delivery)
                    deliveries.append(delivery)
                }
            }
            after = claim.next(behind: lane, owner: owner, endpoint: endpoint)
        }
        return WebhookBatch(deliveries: deliveries, nextDue: try nextDue(in: db))
    }

    private static func lease(
        _ lane: String,
        _ count: Int,
        _ claim: WebhookClaim,
        in db: Database
    ) throws -> [WebhookDelivery] {
        let statement = try db.cachedStatement(sql: WebhookQueries.dueInLane)
        let until = claim.now.advanced(by: claim.lease)
        let due = try Row.fetchAll(
            statement,
            arguments: ["lane": lane, "now": claim.now.milliseconds, "limit": count]
        )
        return try due.compactMap { row in
            let id: String = row[0]
            try db.cachedStatement(sql: WebhookQueries.lease)
                .execute(arguments: ["id": id, "until": until.milliseconds])
            guard var delivery = delivery(row) else { return nil }
            delivery.due = until
            delivery.claims += 1
            return delivery
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
