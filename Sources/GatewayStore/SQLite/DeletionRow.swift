// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// The list of objects that are still to be deleted, in a transaction of the caller's.
enum DeletionRow {
    /// Does what the writing of a task demands.
    static func follow(_ task: ImageTask, in db: Database) throws {
        let objects = task.objects
        try announce(objects.due, in: db)
        guard !objects.kept.isEmpty else { return }
        let statement = try db.cachedStatement(sql: SQLiteQueries.keep)
        for key in objects.kept { try statement.execute(arguments: ["key": key.description]) }
    }

    static func announce(_ deletions: [Deletion], in db: Database) throws {
        guard !deletions.isEmpty else { return }
        let statement = try db.cachedStatement(sql: SQLiteQueries.announce)
        for deletion in deletions {
            try statement.execute(arguments: [
                "key": deletion.key.description, "task": deletion.task.description, "due": deletion.due.milliseconds,
            ])
        }
    }

    static func handOut(limit: Int, now: Timestamp, until lease: Timestamp, in db: Database) throws -> [Deletion] {
        let statement = try db.cachedStatement(sql: SQLiteQueries.handOut)
        let rows = try Row.fetchCursor(
            statement,
            arguments: ["now": now.milliseconds, "until": lease.milliseconds, "limit": limit]
        )
        var deletions: [Deletion] = []
        while let row = try rows.next() {
            // Only what these types wrote is in the table.
            guard let key = ObjectKey(row[0]), let task = TaskID(row[1]) else { continue }
            deletions.append(Deletion(key: key, task: task, due: lease, tries: row[2]))
        }
        return deletions
    }

    static func settle(_ report: DeletionReport, in db: Database) throws {
        let done = try db.cachedStatement(sql: SQLiteQueries.done)
        for deletion in report.done { try done.execute(arguments: lease(deletion)) }
        let putBack = try db.cachedStatement(sql: SQLiteQueries.putBack)
        for (deletion, next) in report.open {
            try putBack.execute(arguments: lease(deletion) + ["next": next.milliseconds])
        }
    }

    private static func lease(_ deletion: Deletion) -> StatementArguments {
        ["key": deletion.key.description, "due": deletion.due.milliseconds, "tries": deletion.tries]
    }

    /// Removes a task's row and puts what lies in the object store for it on the list.
    ///
    /// - Returns: `false` if there is no such task.
    static func remove(_ id: TaskID, owner: String?, now: Timestamp, in db: Database) throws -> Bool {
        guard let body = try TaskRow.body(of: id, owner: owner, in: db) else { return false }
        // Of a row that cannot be read nobody knows what it kept; it can be removed all the same.
        let task = TaskRow.task(from: body)
        try db.cachedStatement(sql: SQLiteQueries.delete).execute(arguments: ["id": id.description])
        try announce(task?.deletions(removedAt: now, endsLinks: true) ?? [], in: db)
        return true
    }

    /// Removes rows of tasks that were finished long ago.
    ///
    /// - Returns: Which.
    static func removeTasks(
        finishedBefore moment: Timestamp,
        limit: Int,
        now: Timestamp,
        in db: Database
    ) throws -> [TaskID] {
        var removed: [TaskID] = []
        var due: [Deletion] = []
        let old = try Row.fetchCursor(
            db.cachedStatement(sql: SQLiteQueries.finishedBefore),
            arguments: ["moment": moment.milliseconds, "limit": limit]
        )
        while let row = try old.next() {
            let task = try row.withUnsafeData(atIndex: 1) { $0.flatMap(TaskRow.task(from:)) }
            due += task?.deletions(removedAt: now, endsLinks: false) ?? []
            if let id = TaskID(row[0]) { removed.append(id) }
        }
        let delete = try db.cachedStatement(sql: SQLiteQueries.delete)
        for id in removed { try delete.execute(arguments: ["id": id.description]) }
        try announce(due, in: db)
        return removed
    }
}
