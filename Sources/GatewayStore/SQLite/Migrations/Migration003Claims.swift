// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The names under which callers' requests were taken.
enum Migration003Claims {
    static let name = "003_claims"

    /// A claim goes with its task, however that goes.
    ///
    /// The index of the queue gets every column that its questions name: places in it are counted without reading a row.
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

        DROP INDEX tasks_unclaimed;
        CREATE INDEX tasks_unclaimed ON tasks (id, model, node, status)
            WHERE node IS NULL AND status IN ('pending', 'in_progress');
        """
}
