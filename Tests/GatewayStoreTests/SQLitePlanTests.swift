// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct SQLitePlanTests {
    private static let owner = "o"

    private static func list(ascending: Bool, status: ImageTask.Status? = nil, model: String? = nil) -> String {
        let query = TaskQuery(owner: owner, ascending: ascending, status: status, model: model)
        return SQLiteQueries.list(query, isContinued: true)
    }

    /// Each query with the index it must use; `nil` where the row is found by its name.
    static let plans: [(sql: String, index: String)] = [
        (SQLiteQueries.read, "sqlite_autoindex_tasks_1"),
        (SQLiteQueries.readOfOwner, "tasks"),
        (SQLiteQueries.isCursor, "tasks"),
        (SQLiteQueries.update, "sqlite_autoindex_tasks_1"),
        (SQLiteQueries.delete, "sqlite_autoindex_tasks_1"),
        (SQLiteQueries.unclaimed, "tasks_unclaimed"),
        (SQLiteQueries.isWaitedForOthers, "tasks_unclaimed_models"),
        (SQLiteQueries.silentNodes, "tasks_held"),
        (SQLiteQueries.held, "tasks_held"),
        (SQLiteQueries.heldNames, "tasks_held"),
        (SQLiteQueries.unclaimedNames, "tasks_unclaimed"),
        (list(ascending: true), "tasks_by_owner_status (owner=? AND status=? AND id>?)"),
        (list(ascending: false), "tasks_by_owner_status (owner=? AND status=? AND id<?)"),
        (list(ascending: true, status: .failed), "tasks_by_owner_status"),
        (list(ascending: false, status: .failed), "tasks_by_owner_status"),
        (list(ascending: true, model: "m"), "tasks_by_owner_model"),
        (list(ascending: false, model: "m"), "tasks_by_owner_model"),
        (list(ascending: false, status: .failed, model: "m"), "tasks_by_owner_"),
        (SQLiteQueries.finishedBefore, "tasks_by_completion"),
        (SQLiteQueries.handOut, "sqlite_autoindex_tasks_1"),
        (SQLiteQueries.unfinishedOfOwner, "COVERING INDEX tasks_by_owner_status"),
        (SQLiteQueries.isUnclaimed, "COVERING INDEX tasks_unclaimed"),
        (SQLiteQueries.unclaimedBetween, "COVERING INDEX tasks_unclaimed"),
    ]

    /// The statements of the list, with the index each must use.
    static let listPlans: [(sql: String, index: String)] = [
        (SQLiteQueries.announce, ""), (SQLiteQueries.keep, "PRIMARY KEY"), (SQLiteQueries.done, "PRIMARY KEY"),
        (SQLiteQueries.putBack, "PRIMARY KEY"), (SQLiteQueries.endLeases, "deletions_leased"),
        (SQLiteQueries.handOut, "deletions_due"),
        (SQLiteQueries.claimOfKey, "PRIMARY KEY"), (SQLiteQueries.removeClaims, "claims_by_expiry"),
        (SQLiteQueries.removeClaims, "PRIMARY KEY"), ("DELETE FROM claims WHERE task = :id", "claims_by_task"),
    ]

    @Test(arguments: listPlans)
    func `the lists of deletions and claims are never read whole`(sql: String, index: String) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))

        let steps = try await store.pool.read { db -> [String] in
            let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
            statement.setUncheckedArguments([])
            return try Row.fetchAll(statement).compactMap { $0["detail"] }
        }

        #expect(index.isEmpty || steps.contains { $0.contains(index) }, "\(steps)")
        #expect(!steps.contains { $0.hasPrefix("SCAN") || $0.contains("TEMP B-TREE") }, "\(steps)")
        await store.close()
    }

    /// The statements of the outbox, with the index each must use.
    static let outboxPlans: [(sql: String, index: String)] = [
        (WebhookQueries.read, "sqlite_autoindex_webhooks_1"), (WebhookQueries.settle, "sqlite_autoindex_webhooks_1"),
        (WebhookQueries.lease, "sqlite_autoindex_webhooks_1"), (WebhookQueries.nextDue, "webhooks_due"),
        (WebhookQueries.nextLane, "webhooks_by_lane"), (WebhookQueries.dueInLane, "webhooks_by_lane"),
        (WebhookQueries.endLeases, "webhooks_leased"),
        (WebhookQueries.list(WebhookQuery(after: "a")), "sqlite_autoindex_webhooks_1"),
        (WebhookQueries.list(WebhookQuery(state: .failed)), "webhooks_by_state"),
        (WebhookQueries.list(WebhookQuery(after: "a", state: .pending)), "webhooks_by_state"),
        (WebhookQueries.list(WebhookQuery(task: SampleTasks().id())), "webhooks_of_task"),
        (WebhookQueries.list(WebhookQuery(state: .failed, task: SampleTasks().id())), "webhooks_of_task"),
        (WebhookQueries.redeliver(.delivery("a")), "sqlite_autoindex_webhooks_1"),
        (WebhookQueries.redeliver(.task(SampleTasks().id())), "webhooks_of_task"),
        (WebhookQueries.redeliver(.failed(since: Timestamp(seconds: 0))), "webhooks_given_up"),
        ("DELETE FROM webhooks WHERE task = :task", "webhooks_of_task"),
    ]

    @Test(arguments: outboxPlans)
    func `the outbox is never read whole`(sql: String, index: String) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))

        let steps = try await store.pool.read { db -> [String] in
            let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
            statement.setUncheckedArguments([])
            return try Row.fetchAll(statement).compactMap { $0["detail"] }
        }

        #expect(steps.contains { $0.hasPrefix("SEARCH webhooks USING") && $0.contains(index) }, "\(steps)")
        // `lanes` is what a statement finds itself, one by one.
        let whole = steps.contains { $0.hasPrefix("SCAN") && $0 != "SCAN lanes" }
        #expect(!whole && !steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)")
        await store.close()
    }

    @Test(arguments: plans)
    func `every query finds its rows by an index and needs no sorting`(sql: String, index: String) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))

        let steps = try await store.pool.read { db -> [String] in
            let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
            statement.setUncheckedArguments([])
            return try Row.fetchAll(statement).compactMap { $0["detail"] }
        }

        let ofTasks = steps.filter { $0.contains(" tasks") }
        #expect(!ofTasks.isEmpty, "\(steps)")
        #expect(ofTasks.allSatisfy { $0.hasPrefix("SEARCH tasks USING") }, "\(steps)")
        #expect(ofTasks.allSatisfy { $0.contains(index) }, "\(steps)")
        #expect(!steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)")
        await store.close()
    }
}
