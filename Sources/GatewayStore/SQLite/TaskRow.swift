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
            try db.cachedStatement(sql: SQLiteQueries.create).execute(arguments: [
                "id": task.id.description, "owner": task.owner, "model": task.request.model,
                "status": task.status.rawValue, "node": task.node, "version": task.version,
                "created_at": task.createdAt.milliseconds, "completed_at": task.completedAt?.milliseconds, "body": body,
            ])
        } catch ResultCode.SQLITE_CONSTRAINT_PRIMARYKEY {
            throw StoreError(.conflict, "Task \(task.id) exists already.")
        }
        try DeletionRow.follow(task, in: db)
        try WebhookRow.follow(task, in: db)
    }

    func update(from version: Int, in db: Database) throws {
        try db.cachedStatement(sql: SQLiteQueries.update).execute(arguments: [
            "id": task.id.description, "status": task.status.rawValue, "node": task.node, "version": task.version,
            "completed_at": task.completedAt?.milliseconds, "body": body, "expected": version,
        ])
        guard db.changesCount == 1 else {
            throw StoreError(.conflict, "Task \(task.id) is not at version \(version) any more, or is gone.")
        }
        try DeletionRow.follow(task, in: db)
        try WebhookRow.follow(task, in: db)
    }
}
