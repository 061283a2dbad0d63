// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Tasks, the running processes, and the length of the queue.
enum Migration001Tasks {
    static let name = "001_tasks"

    /// `body` holds the whole task as JSON; the other columns are copies of what queries look at.
    ///
    /// `queue` counts the tasks that wait to be claimed, kept by triggers: counting them anew for every created task
    /// would make a long queue slow just when it is long. The body comes last, so that reading the other columns of a
    /// row never touches its overflow pages.
    static let sql = """
        CREATE TABLE tasks (
            id TEXT NOT NULL PRIMARY KEY,
            owner TEXT NOT NULL,
            model TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed', 'failed')),
            node TEXT,
            version INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            completed_at INTEGER,
            body TEXT NOT NULL
        ) STRICT;

        CREATE INDEX tasks_by_owner ON tasks (owner, id);
        CREATE INDEX tasks_by_owner_status ON tasks (owner, status, id);
        CREATE INDEX tasks_by_owner_model ON tasks (owner, model, id);
        CREATE INDEX tasks_unclaimed ON tasks (id, model)
            WHERE node IS NULL AND status IN ('pending', 'in_progress');
        CREATE INDEX tasks_unclaimed_models ON tasks (model)
            WHERE node IS NULL AND status IN ('pending', 'in_progress');
        CREATE INDEX tasks_held ON tasks (node, id)
            WHERE node IS NOT NULL AND status IN ('pending', 'in_progress');
        CREATE INDEX tasks_by_completion ON tasks (completed_at)
            WHERE completed_at IS NOT NULL;

        CREATE TABLE nodes (
            name TEXT NOT NULL PRIMARY KEY,
            seen_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE queue (
            waiting INTEGER NOT NULL
        ) STRICT;
        INSERT INTO queue (waiting) VALUES (0);

        CREATE TRIGGER queue_created AFTER INSERT ON tasks
        WHEN new.node IS NULL AND new.status IN ('pending', 'in_progress')
        BEGIN
            UPDATE queue SET waiting = waiting + 1;
        END;

        CREATE TRIGGER queue_changed AFTER UPDATE OF node, status ON tasks
        WHEN (old.node IS NULL AND old.status IN ('pending', 'in_progress'))
            <> (new.node IS NULL AND new.status IN ('pending', 'in_progress'))
        BEGIN
            UPDATE queue SET waiting = waiting
                + (new.node IS NULL AND new.status IN ('pending', 'in_progress'))
                - (old.node IS NULL AND old.status IN ('pending', 'in_progress'));
        END;

        CREATE TRIGGER queue_deleted AFTER DELETE ON tasks
        WHEN old.node IS NULL AND old.status IN ('pending', 'in_progress')
        BEGIN
            UPDATE queue SET waiting = waiting - 1;
        END;
        """
}
