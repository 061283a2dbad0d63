// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// A task as a row: the JSON of its body, and the columns that queries look at.
struct TaskRow: Sendable {
    let task: ImageTask
    let body: String

    private static let decoder = JSONDecoder()

    init(_ task: ImageTask) throws(StoreError) {
        do {
            body = try RowEncoder.encode(task)
            self.task = task
        } catch {
            throw StoreError(.unavailable, "Task \(task.id) cannot be written as JSON.")
        }
    }

    /// Reads a body; `nil` if it is damaged or was written by a version that knew more.
    static func task(from body: Data) -> ImageTask? {
        try? decoder.decode(ImageTask.self, from: body)
    }

    func insert(in db: Database) throws {
        do {
            // In the order of the statement: names would be looked up each time.
            try db.cachedStatement(sql: SQLiteQueries.create).execute(arguments: [
                task.id.description, task.owner, task.request.model, task.status.rawValue, task.node, task.version,
                task.createdAt.milliseconds, task.completedAt?.milliseconds, body,
            ])
        } catch ResultCode.SQLITE_CONSTRAINT_PRIMARYKEY {
            throw StoreError(.conflict, "Task \(task.id) exists already.")
        }
        try DeletionRow.follow(task, in: db)
        try WebhookRow.follow(task, in: db)
    }

    func update(from version: Int, in db: Database) throws {
        try db.cachedStatement(sql: SQLiteQueries.update).execute(arguments: [
            task.status.rawValue, task.node, task.version, task.completedAt?.milliseconds, body, task.id.description,
            version,
        ])
        guard db.changesCount == 1 else {
            throw StoreError(.conflict, "Task \(task.id) is not at version \(version) any more, or is gone.")
        }
        try DeletionRow.follow(task, in: db)
        try WebhookRow.follow(task, in: db)
    }
}
