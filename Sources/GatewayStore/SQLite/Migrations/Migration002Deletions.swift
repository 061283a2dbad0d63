// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// The list of objects that are still to be deleted.
enum Migration002Deletions {
    static let name = "002_deletions"

    /// A row that was handed out is leased until `due_at`.
    ///
    /// `tries` tells one lease from the next, so that nobody reports on somebody else's.
    static let sql = """
        CREATE TABLE deletions (
            key TEXT NOT NULL PRIMARY KEY,
            task TEXT NOT NULL,
            due_at INTEGER NOT NULL,
            tries INTEGER NOT NULL,
            is_leased INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX deletions_due ON deletions (due_at);
        CREATE INDEX deletions_leased ON deletions (is_leased) WHERE is_leased = 1;
        """

    /// Tasks that were completed before there was a list put on it what they would have put there.
    static func fill(_ db: Database) throws {
        let completed = "SELECT body FROM tasks WHERE status = 'completed'"
        let bodies = try Data.fetchCursor(db, sql: completed)
        while let body = try bodies.next() {
            guard let task = TaskRow.task(from: body) else { continue }
            try DeletionRow.follow(task, in: db)
        }
    }
}
