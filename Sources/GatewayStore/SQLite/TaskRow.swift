// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// A task as a row: the JSON of its body, and the columns that queries look at.
struct TaskRow: Sendable {
    let task: ImageTask
    /// The JSON.
    let body: [UInt8]

    private static let decoder = JSONDecoder()

    init(_ task: ImageTask) throws(StoreError) {
        do {
            body = try TaskText.bytes(of: task)
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
        let statement = try KeptStatement(SQLiteQueries.create, in: db)
        statement.bind(Int64(task.version), at: 6)
        statement.bind(task.createdAt.milliseconds, at: 7)
        statement.bind(task.completedAt?.milliseconds, at: 8)
        do {
            try statement.lend(task.id.description, at: 1) {
                try statement.lend(task.owner, at: 2) {
                    try statement.lend(task.request.model, at: 3) {
                        try runWithState(statement, from: 4, body: 9, in: db)
                    }
                }
            }
        } catch ResultCode.SQLITE_CONSTRAINT_PRIMARYKEY {
            throw StoreError(.conflict, "Task \(task.id) exists already.")
        }
        try follow(in: db)
    }

    func update(from version: Int, in db: Database) throws {
        let statement = try KeptStatement(SQLiteQueries.update, in: db)
        statement.bind(Int64(task.version), at: 3)
        statement.bind(task.completedAt?.milliseconds, at: 4)
        statement.bind(Int64(version), at: 7)
        try statement.lend(task.id.description, at: 6) { try runWithState(statement, from: 1, body: 5, in: db) }
        guard db.changesCount == 1 else {
            throw StoreError(.conflict, "Task \(task.id) is not at version \(version) any more, or is gone.")
        }
        try follow(in: db)
    }

    /// Runs a statement with status and node, which stand side by side in it, and the body.
    private func runWithState(_ statement: KeptStatement, from place: Int32, body: Int32, in db: Database) throws {
        try statement.lend(task.status.rawValue, at: place) {
            try statement.lend(task.node, at: place + 1) {
                try statement.lend(self.body, at: body) { try statement.run(in: db) }
            }
        }
    }

    /// Does what else the writing of a task demands.
    private func follow(in db: Database) throws {
        try DeletionRow.follow(task, in: db)
        try WebhookRow.follow(task, in: db)
    }
}
