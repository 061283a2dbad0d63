// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB

/// The steps that build the schema, in order.
///
/// A step that has been released never changes; a change of the schema is a new step with the next number.
enum SQLiteMigrations {
    static let all: [(name: String, sql: String)] = [
        (Migration001Tasks.name, Migration001Tasks.sql)
    ]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for step in all {
            migrator.registerMigration(step.name) { try $0.execute(sql: step.sql) }
        }
        return migrator
    }
}
