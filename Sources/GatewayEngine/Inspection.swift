// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import Synchronization

/// Looks for tasks that nobody would ever come to: those that this node holds and does not work on, and those that
/// waited to be claimed until their time was over.
///
/// A row can be left so when a write was durable although the store said that it failed, or when a caller vanished
/// between the making of its task and its beginning. While this node lives no other takes over what it holds.
final class Inspection: Sendable {
    private let parts: EngineParts
    private let outages: Outages
    /// What was held and idle the last time; a single look may meet a task on its way into a run.
    private let suspects = Mutex<Set<TaskID>>([])

    /// How many tasks are ended at once whose time was over before anybody took them; many more than rows can be damaged.
    private static let overdueLimit = 4096

    init(parts: EngineParts, outages: Outages) {
        self.parts = parts
        self.outages = outages
    }

    // MARK: Held, and not worked on

    /// Takes up what this node holds and has not worked on since the last look.
    ///
    /// - Returns: The tasks, as they were written: to be run.
    func forgotten() async -> [ImageTask] {
        do throws(StoreError) {
            let bound = TaskID.lowest(at: parts.time.now)
            let held = try await parts.store.unfinished(of: parts.node, before: bound, limit: .max)
            let idle = Set(held).subtracting(parts.book?.running ?? [])
            let forgotten = suspects.withLock { suspects in
                defer { suspects = idle }
                return suspects.intersection(idle)
            }
            var taken: [ImageTask] = []
            for id in forgotten.sorted() {
                if let task = try await takeUp(id) { taken.append(task) }
            }
            outages.worked(.inspecting, parts.logger)
            if !taken.isEmpty {
                let count = Logger.MetadataValue.stringConvertible(taken.count)
                parts.logger.warning(
                    "Took up tasks that this process held and did not run.",
                    metadata: ["count": count]
                )
            }
            return taken
        } catch {
            outages.failed(.inspecting, error.message, parts.logger)
            return []
        }
    }

    private func takeUp(_ id: TaskID) async throws(StoreError) -> ImageTask? {
        guard let task = try await readable(id), task.node == parts.node else { return nil }
        return try await write(.adopted(node: parts.node), of: task)
    }

    // MARK: Waiting, and nobody takes them

    /// Ends tasks that waited to be claimed until their time was over: whatever is full, they have a final state.
    func endOverdue() async {
        let bound = TaskID.lowest(at: parts.time.now.advanced(by: .zero - parts.taskTimeout))
        do throws(StoreError) {
            let overdue = try await parts.store.unfinished(of: nil, before: bound, limit: Self.overdueLimit)
            for id in overdue {
                guard let task = try await readable(id), task.node == nil else { continue }
                guard let ended = try await write(.gaveUp(Self.waitedInVain), of: task) else { continue }
                parts.board.changed(ended.id)
                parts.logger.info(
                    "task finished",
                    metadata: ["task": "\(id)", "status": "failed", "code": "\(Self.waitedInVain.code.rawValue)"]
                )
            }
            outages.worked(.inspecting, parts.logger)
        } catch {
            outages.failed(.inspecting, error.message, parts.logger)
        }
    }

    private static let waitedInVain = TaskFailure(.taskTimeout, "The task waited for its turn until its time was over.")

    /// The task; `nil` if it is gone, or if its row cannot be read: that one stays, and is in nobody's way.
    private func readable(_ id: TaskID) async throws(StoreError) -> ImageTask? {
        do throws(StoreError) {
            return try await parts.store.task(id, owner: nil)
        } catch {
            guard error.code == .unreadable else { throw error }
            return nil
        }
    }

    /// - Returns: `nil` if somebody else was faster, or the task cannot change so any more.
    private func write(_ event: TaskEvent, of task: ImageTask) async throws(StoreError) -> ImageTask? {
        guard let changed = try? task.applying(event, at: parts.time.now) else { return nil }
        do throws(StoreError) {
            try await parts.store.update(changed, from: task.version)
            return changed
        } catch {
            guard error.code == .conflict else { throw error }
            return nil
        }
    }
}
