// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The outbox: who is still to hear that a task is finished.
enum Migration004Webhooks {
    static let name = "004_webhooks"

    /// A delivery goes with its task.
    ///
    /// `webhook_endpoints` are those of the configuration, so that whoever writes a final
    /// task knows them; a row that was handed out is leased until `due_at`, and `claims` tells one lease from the next.
    static let sql = """
        CREATE TABLE webhook_endpoints (
            name TEXT NOT NULL PRIMARY KEY
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE webhooks (
            id TEXT NOT NULL PRIMARY KEY,
            task TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
            owner TEXT NOT NULL,
            endpoint TEXT,
            event TEXT NOT NULL,
            lane TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
            created_at INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            ended_at INTEGER,
            claims INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            is_leased INTEGER NOT NULL,
            log TEXT NOT NULL
        ) STRICT;

        CREATE INDEX webhooks_of_task ON webhooks (task, id);
        CREATE INDEX webhooks_by_state ON webhooks (state, id);
        CREATE INDEX webhooks_due ON webhooks (due_at) WHERE state = 'pending';
        CREATE INDEX webhooks_by_lane ON webhooks (lane, due_at) WHERE state = 'pending';
        CREATE INDEX webhooks_given_up ON webhooks (ended_at) WHERE state = 'failed';
        CREATE INDEX webhooks_leased ON webhooks (is_leased) WHERE is_leased = 1;
        """
}
