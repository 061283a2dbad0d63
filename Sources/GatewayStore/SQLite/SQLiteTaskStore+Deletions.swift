// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore

extension SQLiteTaskStore {
    /// Removes a task's row; what lies in the object store for it is on the list in the same commit.
    @discardableResult
    public func delete(_ id: TaskID, owner: String?, now: Timestamp) async throws(StoreError) -> Bool {
        try await write { db in
            try DeletionRow.remove(id, owner: owner, now: now, in: db)
        } whenDurable: { [recent] isRemoved in
            if isRemoved { recent.forget(id) }
        }
    }

    /// Removes rows of tasks that were finished long ago; a row whose body is damaged goes, too.
    public func removeTasks(
        finishedBefore moment: Timestamp,
        limit: Int,
        now: Timestamp
    ) async throws(StoreError) -> Int {
        let removed = try await write { db in
            try DeletionRow.removeTasks(finishedBefore: moment, limit: limit, now: now, in: db)
        } whenDurable: { [recent] removed in
            for id in removed { recent.forget(id) }
        }
        return removed.count
    }

    /// Puts objects on the list of what is to be deleted, or changes when they are due.
    public func announce(_ deletions: [Deletion]) async throws(StoreError) {
        guard !deletions.isEmpty else { return }
        try await write { try DeletionRow.announce(deletions, in: $0) }
    }

    /// Hands out what is due; leases of an earlier process ended when the file was opened.
    public func dueDeletions(limit: Int, now: Timestamp, lease: Duration) async throws(StoreError) -> [Deletion] {
        let until = now.advanced(by: lease)
        return try await write { try DeletionRow.handOut(limit: limit, now: now, until: until, in: $0) }
    }

    /// Takes what is done from the list and puts back what is not.
    public func settle(_ report: DeletionReport) async throws(StoreError) {
        try await write { try DeletionRow.settle(report, in: $0) }
    }
}
