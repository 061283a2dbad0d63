// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The names under which callers' requests were taken.
enum Migration003Claims {
    static let name = "003_claims"

    /// A claim goes with its task, however that goes.
    static let sql = """
        CREATE TABLE claims (
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            task TEXT NOT NULL,
            request BLOB NOT NULL,
            expires_at INTEGER NOT NULL,
            PRIMARY KEY (owner, key)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX claims_by_task ON claims (task);
        CREATE INDEX claims_by_expiry ON claims (expires_at);

        CREATE TRIGGER claims_of_deleted AFTER DELETE ON tasks
        BEGIN
            DELETE FROM claims WHERE task = old.id;
        END;
        """
}
