// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The statements of the outbox by name, in SQLite's dialect.
enum WebhookQueries {
    // MARK: Endpoints

    static let forgetEndpoints = "DELETE FROM webhook_endpoints"

    static let addEndpoint = "INSERT INTO webhook_endpoints (name) VALUES (:name)"

    static let endpoints = "SELECT name FROM webhook_endpoints ORDER BY name"

    // MARK: One delivery

    /// A task is final once, so what is there already is the same.
    static let insert = """
        INSERT INTO webhooks
            (id, task, owner, endpoint, event, lane, state, created_at, due_at, claims, failures, is_leased, log)
        VALUES (:id, :task, :owner, :endpoint, :event, :lane, 'pending', :created_at, :due_at, 0, 0, 0, '[]')
        ON CONFLICT (id) DO NOTHING
        """

    private static let columns =
        "id, task, owner, endpoint, event, lane, state, created_at, due_at, ended_at, claims, failures, log"

    static let read = "SELECT \(columns) FROM webhooks WHERE id = :id"

    /// Only the lease that was handed out can be settled.
    static let settle = """
        UPDATE webhooks
        SET state = :state, due_at = :due_at, ended_at = :ended_at, failures = :failures, is_leased = 0, log = :log
        WHERE id = :id AND claims = :claims AND is_leased = 1
        """

    // MARK: What is due

    static let nextDue = "SELECT min(due_at) FROM webhooks INDEXED BY webhooks_due WHERE state = 'pending'"

    /// The next lane behind one, and not behind another, in which something is due.
    ///
    /// It steps from lane to lane, so that neither lanes that wait for a retry nor what waits within a lane is read one by one
    /// by the program.
    static let nextLane = """
        WITH RECURSIVE lanes (lane) AS (
            SELECT min(lane) FROM webhooks INDEXED BY webhooks_by_lane
            WHERE state = 'pending' AND lane > :after AND lane <= :through
            UNION ALL
            SELECT (
                SELECT min(behind.lane) FROM webhooks AS behind INDEXED BY webhooks_by_lane
                WHERE behind.state = 'pending' AND behind.lane > lanes.lane AND behind.lane <= :through
            ) FROM lanes WHERE lanes.lane IS NOT NULL
        )
        SELECT due.lane, due.owner, due.endpoint
        FROM lanes CROSS JOIN webhooks AS due INDEXED BY webhooks_by_lane
        WHERE due.state = 'pending' AND due.lane = lanes.lane AND due.due_at <= :now LIMIT 1
        """

    static let dueInLane = """
        SELECT id FROM webhooks INDEXED BY webhooks_by_lane
        WHERE state = 'pending' AND lane = :lane AND due_at <= :now ORDER BY due_at LIMIT :limit
        """

    /// Between the choice and the lease another may have come.
    static let lease = """
        UPDATE webhooks SET due_at = :until, claims = claims + 1, is_leased = 1
        WHERE id = :id AND +state = 'pending' AND +due_at <= :now RETURNING \(columns)
        """

    static let endLeases =
        "UPDATE webhooks INDEXED BY webhooks_leased SET due_at = 0, is_leased = 0 WHERE is_leased = 1"

    // MARK: Lists

    /// A page; `:after`, `:state` and `:task` appear only where they are asked for, so that each form has its index.
    static func list(_ query: WebhookQuery) -> String {
        var conditions: [String] = []
        if query.task != nil { conditions.append("task = :task") }
        // With a task, whose deliveries are few, the plus keeps SQLite from walking through a whole state.
        if query.state != nil { conditions.append(query.task == nil ? "state = :state" : "+state = :state") }
        if query.after != nil { conditions.append("id < :after") }
        let filter = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        return "SELECT \(columns) FROM webhooks \(filter) ORDER BY id DESC LIMIT :limit"
    }

    // MARK: Redelivery

    static func redeliver(_ choice: WebhookChoice) -> String {
        let (index, condition) =
            switch choice {
            case .delivery: ("", "id = :id")
            case .task: ("", "task = :id")
            case .failed: ("INDEXED BY webhooks_given_up", "state = 'failed' AND ended_at >= :since")
            }
        return """
            UPDATE webhooks \(index)
            SET state = 'pending', due_at = :now, ended_at = NULL, claims = claims + 1, failures = 0, is_leased = 0
            WHERE \(condition)
            """
    }
}
