// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// Where tasks come from: the store's queue, and what dead processes held.
extension Engine {
    /// Claims and runs what waits in the store, as much as fits.
    func claimTasks() async {
        await withDiscardingTaskGroup { group in
            var (nextAdoption, nextInspection) = (parts.time.now, parts.time.now)
            let inspection = Inspection(parts: parts, outages: outages)
            for await _ in parts.board.queueSignals {
                let now = parts.time.now
                if now >= nextAdoption {
                    // All of them before anything new is claimed: what they have in vendors' hands takes room there.
                    while true {
                        let adopted = await adopted()
                        begin(adopted, in: &group)
                        guard adopted.count == Self.adoptionLimit, !load.isClosed else { break }
                    }
                    // Nodes fall silent seldom: this question goes with the heartbeat, not with every new task.
                    nextAdoption = now.advanced(by: settings.heartbeat / 2)
                }
                if now >= nextInspection {
                    begin(await inspection.forgotten(), in: &group)
                    await inspection.endOverdue()
                    nextInspection = now.advanced(by: settings.nodeTimeout)
                }
                while let bite = load.bite() {
                    guard let claimed = await claimed(bite) else { break }
                    begin(claimed, in: &group)
                    guard claimed.count == bite.tasks else {
                        // Only now: what was claimed has its room.
                        load.foundEmpty(besides: bite.fullModels)
                        break
                    }
                }
            }
        }
    }

    private func begin(_ tasks: [ImageTask], in group: inout DiscardingTaskGroup) {
        for task in tasks {
            load.begin(task)
            parts.pool.seizeSlots(for: task)
            group.addTask { await runCounted(task) }
        }
    }

    /// Runs a task that the load counts.
    func runCounted(_ task: ImageTask) async {
        await run(task) {
            if load.rests($0) { parts.board.signalQueue() }
        } ended: {
            parts.pool.forfeitSlots(of: task.id)
            if load.end(task.id) { parts.board.signalQueue() }
        }
    }

    /// Claims; `nil` if the store does not let itself be asked.
    private func claimed(_ bite: EngineLoad.Bite) async -> [ImageTask]? {
        do {
            let router = parts.router
            let tasks = try await parts.store.claim(
                node: parts.node,
                limit: bite.tasks,
                excluding: bite.fullModels,
                now: parts.time.now,
                divide: { router.portions(of: $0) }
            )
            outages.worked(.claiming, parts.logger)
            return tasks
        } catch {
            outages.failed(.claiming, error.message, parts.logger)
            return nil
        }
    }

    private static let adoptionLimit = 256

    private func adopted() async -> [ImageTask] {
        do {
            let silentSince = parts.time.now.advanced(by: .zero - settings.nodeTimeout)
            let tasks = try await parts.store.adopt(
                node: parts.node,
                silentSince: silentSince,
                limit: Self.adoptionLimit,
                now: parts.time.now
            )
            outages.worked(.adopting, parts.logger)
            if !tasks.isEmpty {
                let count = Logger.MetadataValue.stringConvertible(tasks.count)
                parts.logger.notice("Took over tasks of a process that is gone.", metadata: ["count": count])
                parts.board.signalQueue()
            }
            return tasks
        } catch {
            outages.failed(.adopting, error.message, parts.logger)
            return []
        }
    }
}
