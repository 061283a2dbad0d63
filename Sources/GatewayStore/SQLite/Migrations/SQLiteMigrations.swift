// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB

/// The steps that build the schema, in order.
///
/// A step that has been released never changes; a change of the schema is a new step with the next number.
enum SQLiteMigrations {
    static let all: [(name: String, sql: String, fill: @Sendable (Database) throws -> Void)] = [
        (Migration001Tasks.name, Migration001Tasks.sql, { _ in }),
        (Migration002Deletions.name, Migration002Deletions.sql, { try Migration002Deletions.fill($0) }),
        (Migration003Claims.name, Migration003Claims.sql, { _ in }),
        (Migration004Webhooks.name, Migration004Webhooks.sql, { _ in }),
        (Migration005Lists.name, Migration005Lists.sql, { _ in }),
    ]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for step in all {
            migrator.registerMigration(step.name) { db in
                try db.execute(sql: step.sql)
                try step.fill(db)
            }
        }
        return migrator
    }
}
