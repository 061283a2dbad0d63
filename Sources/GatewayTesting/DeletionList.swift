// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Objects that are still to be deleted.
struct DeletionList {
    private var entries: [ObjectKey: Deletion] = [:]

    var sorted: [Deletion] { entries.values.sorted { ($0.due, $0.key.description) < ($1.due, $1.key.description) } }

    /// Does what the writing of a task demands.
    mutating func follow(_ task: ImageTask) {
        let objects = task.objects
        for key in objects.kept { entries[key] = nil }
        announce(objects.due)
    }

    mutating func announce(_ deletions: [Deletion]) {
        for deletion in deletions {
            entries[deletion.key] = Deletion(key: deletion.key, task: deletion.task, due: deletion.due)
        }
    }

    mutating func handOut(
        _ limit: Int,
        _ now: Timestamp,
        until lease: Timestamp,
        isOver: (TaskID) -> Bool
    ) -> [Deletion] {
        let due = sorted.filter { $0.due <= now && isOver($0.task) }.prefix(limit)
        return due.map { deletion in
            var leased = deletion
            leased.due = lease
            leased.tries += 1
            entries[leased.key] = leased
            return leased
        }
    }

    mutating func settle(_ report: DeletionReport) {
        for deletion in report.done where entries[deletion.key] == deletion { entries[deletion.key] = nil }
        for (deletion, next) in report.open where entries[deletion.key] == deletion {
            entries[deletion.key]?.due = next
        }
    }
}
