// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Every statement of the task store by name, in SQLite's dialect.
///
/// `INDEXED BY` turns a plan that would read the whole table into an error that a test finds.
enum SQLiteQueries {
    // MARK: One task

    /// `OR FAIL` here and below: one row is written or nothing, so SQLite need not keep every page as it was before the
    /// statement for the case that it fails half-way, which took a third of its time.
    static let create = """
        INSERT OR FAIL INTO tasks (id, owner, model, status, node, version, created_at, completed_at, body)
        VALUES (:id, :owner, :model, :status, :node, :version, :created_at, :completed_at, :body)
        """

    static let read = "SELECT body FROM tasks WHERE id = :id"

    static let readOfOwner = "SELECT body FROM tasks WHERE id = :id AND owner = :owner"

    /// Compare-and-set: owner, model and creation never change.
    static let update = """
        UPDATE OR FAIL tasks
        SET status = :status, node = :node, version = :version, completed_at = :completed_at, body = :body
        WHERE id = :id AND version = :expected
        """

    static let delete = "DELETE FROM tasks WHERE id = :id"

    // MARK: Work

    /// Unfinished tasks that belong to nobody, oldest first.
    static let unclaimed = """
        SELECT id, version, body FROM tasks INDEXED BY tasks_unclaimed
        WHERE node IS NULL AND status IN ('pending', 'in_progress')
            AND id > :after AND model NOT IN (SELECT value FROM json_each(:excluded))
        ORDER BY id LIMIT :limit
        """

    /// Whether any task waits for a model that is not excluded; steps from model to model in the index, so that a long
    /// queue for a model that is busy costs nothing.
    static let isWaitedForOthers = """
        WITH RECURSIVE waiting (model) AS (
            SELECT min(model) FROM tasks INDEXED BY tasks_unclaimed_models
            WHERE node IS NULL AND status IN ('pending', 'in_progress')
            UNION ALL
            SELECT (
                SELECT min(model) FROM tasks INDEXED BY tasks_unclaimed_models
                WHERE node IS NULL AND status IN ('pending', 'in_progress') AND model > waiting.model
            )
            FROM waiting WHERE waiting.model IS NOT NULL
        )
        SELECT 1 FROM waiting
        WHERE model IS NOT NULL AND model NOT IN (SELECT value FROM json_each(:excluded))
        LIMIT 1
        """

    static let heartbeat = """
        INSERT INTO nodes (name, seen_at) VALUES (:node, :now)
        ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
        """

    /// Nodes that hold unfinished tasks and have not been heard of; steps from node to node in the index, however many
    /// tasks each of them holds.
    static let silentNodes = """
        WITH RECURSIVE held (node) AS (
            SELECT min(node) FROM tasks INDEXED BY tasks_held
            WHERE node IS NOT NULL AND status IN ('pending', 'in_progress')
            UNION ALL
            SELECT (
                SELECT min(node) FROM tasks INDEXED BY tasks_held
                WHERE node > held.node AND status IN ('pending', 'in_progress')
            )
            FROM held WHERE held.node IS NOT NULL
        )
        SELECT node FROM held
        WHERE node IS NOT NULL AND node <> :node
            AND NOT EXISTS (SELECT 1 FROM nodes WHERE name = held.node AND seen_at >= :silent_since)
        """

    /// Unfinished tasks of one node, oldest first.
    static let held = """
        SELECT id, version, body FROM tasks INDEXED BY tasks_held
        WHERE node = :node AND status IN ('pending', 'in_progress') AND id > :after
        ORDER BY id LIMIT :limit
        """

    static let heldNames = """
        SELECT id FROM tasks INDEXED BY tasks_held
        WHERE node = :node AND status IN ('pending', 'in_progress') AND id < :bound
        ORDER BY id LIMIT :limit
        """

    static let unclaimedNames = """
        SELECT id FROM tasks INDEXED BY tasks_unclaimed
        WHERE node IS NULL AND status IN ('pending', 'in_progress') AND id < :bound
        ORDER BY id LIMIT :limit
        """

    static let forgetNodes = "DELETE FROM nodes"

    static let waiting = "SELECT waiting FROM queue"

    // MARK: Claims and limits

    static let claimOfKey = """
        SELECT task, request, expires_at FROM claims WHERE owner = :owner AND key = :key AND expires_at > :now
        """

    static let insertClaim = """
        INSERT OR REPLACE INTO claims (owner, key, task, request, expires_at)
        VALUES (:owner, :key, :task, :request, :expires_at)
        """

    static let removeClaims = """
        DELETE FROM claims WHERE (owner, key) IN (
            SELECT owner, key FROM claims INDEXED BY claims_by_expiry
            WHERE expires_at < :moment ORDER BY expires_at LIMIT :limit
        )
        """

    static let unfinishedOfOwner = """
        SELECT COUNT(*) FROM (
            SELECT 1 FROM tasks INDEXED BY tasks_by_owner_status
            WHERE owner = :owner AND status IN ('pending', 'in_progress') LIMIT :limit
        )
        """

    // MARK: Places in the queue

    static let isUnclaimed = """
        SELECT 1 FROM tasks INDEXED BY tasks_unclaimed
        WHERE id = :id AND node IS NULL AND status IN ('pending', 'in_progress')
        """

    /// How many tasks wait behind `:mark`, `:id` included.
    static let unclaimedBetween = """
        SELECT COUNT(*) FROM tasks INDEXED BY tasks_unclaimed
        WHERE node IS NULL AND status IN ('pending', 'in_progress') AND id > :mark AND id <= :id
        """

    /// The first waiting task, and each `:stride`-th behind it.
    static let everyUnclaimed = """
        SELECT id FROM (
            SELECT id, row_number() OVER (ORDER BY id) AS place FROM tasks INDEXED BY tasks_unclaimed
            WHERE node IS NULL AND status IN ('pending', 'in_progress')
        ) WHERE (place - 1) % :stride = 0
        """

    // MARK: Objects that are still to be deleted

    /// An object is on the list once; what is announced anew is no longer leased.
    static let announce = """
        INSERT INTO deletions (key, task, due_at, tries, is_leased) VALUES (:key, :task, :due, 0, 0)
        ON CONFLICT (key) DO UPDATE SET task = excluded.task, due_at = excluded.due_at, tries = 0, is_leased = 0
        """

    static let keep = "DELETE FROM deletions WHERE key = :key"

    /// What is due, except what belongs to an unfinished task: that may still be written or needed.
    static let handOut = """
        UPDATE deletions SET due_at = :until, tries = tries + 1, is_leased = 1
        WHERE key IN (
            SELECT key FROM deletions INDEXED BY deletions_due
            WHERE due_at <= :now AND NOT EXISTS (
                SELECT 1 FROM tasks WHERE id = deletions.task AND status IN ('pending', 'in_progress')
            )
            ORDER BY due_at LIMIT :limit
        )
        RETURNING key, task, tries
        """

    static let done = "DELETE FROM deletions WHERE key = :key AND due_at = :due AND tries = :tries"

    static let putBack = """
        UPDATE deletions SET due_at = :next, is_leased = 0 WHERE key = :key AND due_at = :due AND tries = :tries
        """

    static let endLeases =
        "UPDATE deletions INDEXED BY deletions_leased SET due_at = 0, is_leased = 0 WHERE is_leased = 1"

    static let finishedBefore = """
        SELECT id, body FROM tasks INDEXED BY tasks_by_completion
        WHERE completed_at < :moment ORDER BY completed_at LIMIT :limit
        """

    // MARK: Lists

    static let isCursor = "SELECT 1 FROM tasks WHERE id = :id AND owner = :owner"

    /// A page of an owner's tasks; without status and model it is merged from a list for each status.
    ///
    /// `:after`, `:status` and `:model` appear only where they are asked for, so that each form has its index.
    static func list(_ query: TaskQuery, isContinued: Bool) -> String {
        var conditions = ["owner = :owner"]
        if query.status != nil { conditions.append("status = :status") }
        if query.model != nil { conditions.append("model = :model") }
        if isContinued { conditions.append(query.ascending ? "id > :after" : "id < :after") }
        let one = "SELECT id, version, body FROM tasks WHERE \(conditions.joined(separator: " AND "))"
        let isMerged = query.status == nil && query.model == nil
        let all = isMerged ? ImageTask.Status.allCases.map { "\(one) AND status = '\($0.rawValue)'" } : [one]
        return """
            \(all.joined(separator: " UNION ALL "))
            ORDER BY id \(query.ascending ? "ASC" : "DESC") LIMIT :limit
            """
    }

    // MARK: Transactions

    static let begin = "BEGIN IMMEDIATE"
    static let commit = "COMMIT"
    static let openSavepoint = "SAVEPOINT operation"
    static let releaseSavepoint = "RELEASE operation"
    static let rollbackToSavepoint = "ROLLBACK TO operation"
}
