// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

extension TaskRow {
    /// How many rows are read at once while looking for tasks: bounds the memory of a long list.
    static let pageLength = 256

    /// Reads the body of one row; with an owner, only of a row of that owner.
    static func body(of id: TaskID, owner: String?, in db: Database) throws -> Data? {
        guard let owner else {
            return try Data.fetchOne(
                db.cachedStatement(sql: SQLiteQueries.read),
                arguments: ["id": id.description]
            )
        }
        return try Data.fetchOne(
            db.cachedStatement(sql: SQLiteQueries.readOfOwner),
            arguments: ["id": id.description, "owner": owner]
        )
    }

    /// Reads a page of a list, in a transaction of the caller's.
    static func page(_ query: TaskQuery, knowing recent: RecentTasks, in db: Database) throws -> TaskPage {
        if let after = query.after {
            let isKnown = try Bool.fetchOne(
                db.cachedStatement(sql: SQLiteQueries.isCursor),
                arguments: ["id": after.description, "owner": query.owner]
            )
            guard isKnown == true else {
                throw StoreError(.unknownCursor, "The cursor \(after) is no task of this key.")
            }
        }
        guard query.limit > 0 else { return TaskPage(tasks: [], hasMore: false) }
        var tasks: [ImageTask] = []
        var last = query.after?.description
        var hasMore = false
        while !hasMore {
            let count = min(pageLength, query.limit - tasks.count)
            let rows = try slice(of: query, after: last, atMost: count, knowing: recent, in: db)
            for row in rows.fetched {
                guard let task = row.task else { continue }
                hasMore = tasks.count == query.limit
                if hasMore { break }
                tasks.append(task)
            }
            last = rows.fetched.last?.id
            if rows.isLast { break }
        }
        return TaskPage(tasks: tasks, hasMore: hasMore)
    }

    /// A row of a slice; the task is `nil` if its body is damaged.
    private struct Found {
        let id: String
        let task: ImageTask?
    }

    /// Reads one row more than asked for, so that the page knows whether it is the last.
    private static func slice(
        of query: TaskQuery,
        after last: String?,
        atMost count: Int,
        knowing recent: RecentTasks,
        in db: Database
    ) throws -> (fetched: [Found], isLast: Bool) {
        var arguments: StatementArguments = ["owner": query.owner, "limit": count + 1]
        if let last { arguments += ["after": last] }
        if let status = query.status { arguments += ["status": status.rawValue] }
        if let model = query.model { arguments += ["model": model] }
        let statement = try db.cachedStatement(sql: SQLiteQueries.list(query, isContinued: last != nil))
        let found = try found(statement, arguments, knowing: recent)
        return (found, found.count <= count)
    }

    /// Whether any task waits for a model besides the excluded ones, a list in JSON.
    static func isWaitedFor(besides excluded: String, in db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: SQLiteQueries.isWaitedForOthers)
        return try Bool.fetchOne(statement, arguments: ["excluded": excluded]) == true
    }

    /// Changes unclaimed tasks until `limit` are changed or there are no more; `change` gives `nil` to pass one over.
    static func takeUnclaimed(
        limit: Int,
        excluded: String,
        knowing recent: RecentTasks,
        in db: Database,
        change: (ImageTask) -> ImageTask?
    ) throws -> [TaskRow] {
        let statement = try db.cachedStatement(sql: SQLiteQueries.unclaimed)
        return try take(limit: limit, in: db, change: change) { last, count in
            try found(statement, ["after": last, "excluded": excluded, "limit": count], knowing: recent)
        }
    }

    /// Changes tasks held by a node until `limit` are changed or there are no more; `change` gives `nil` to pass one
    /// over.
    static func takeHeld(
        by node: String,
        limit: Int,
        knowing recent: RecentTasks,
        in db: Database,
        change: (ImageTask) -> ImageTask?
    ) throws -> [TaskRow] {
        let statement = try db.cachedStatement(sql: SQLiteQueries.held)
        return try take(limit: limit, in: db, change: change) { last, count in
            try found(statement, ["node": node, "after": last, "limit": count], knowing: recent)
        }
    }

    /// Walks on from slice to slice, so that rows that are passed over do not stand in the way of those behind them.
    private static func take(
        limit: Int,
        in db: Database,
        change: (ImageTask) -> ImageTask?,
        next: (_ last: String, _ count: Int) throws -> [Found]
    ) throws -> [TaskRow] {
        var taken: [TaskRow] = []
        var last = ""
        while taken.count < limit {
            let count = min(pageLength, limit - taken.count)
            let rows = try next(last, count)
            for task in rows.compactMap(\.task) {
                guard let changed = change(task) else { continue }
                let row = try TaskRow(changed)
                try row.update(from: task.version, in: db)
                taken.append(row)
            }
            guard rows.count == count, let end = rows.last else { break }
            last = end.id
        }
        return taken
    }

    /// Reads rows of name, version and body; of those that are known, only the first two.
    private static func found(
        _ statement: Statement,
        _ arguments: StatementArguments,
        knowing recent: RecentTasks
    ) throws -> [Found] {
        var found: [Found] = []
        let rows = try Row.fetchCursor(statement, arguments: arguments)
        while let row = try rows.next() {
            let id: String = row[0]
            let task =
                try recent.find(id, version: row[1])
                ?? row.withUnsafeData(atIndex: 2) { $0.flatMap(TaskRow.task(from:)) }
            found.append(Found(id: id, task: task))
        }
        return found
    }
}
