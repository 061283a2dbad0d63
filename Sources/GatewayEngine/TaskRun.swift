// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// One task from its claim to its final state, top to bottom.
struct TaskRun: Sendable {
    let live: LiveTask
    let parts: EngineParts
    let logger: Logger

    /// Runs until the task is final, lost to somebody else, or handed back because this process stops.
    func run() async {
        do {
            try await withDeadline()
        } catch let error as StoreError where error.code == .conflict {
            logger.info("A task was changed by somebody else; its run ends here.")
        } catch is CancellationError {
            await handBack()
        } catch let failure as TaskFailure {
            await giveUp(failure)
        } catch {
            logger.error("A task's run failed.", metadata: ["error": "\(type(of: error))"])
            await giveUp(TaskFailure(.taskFailed, "The gateway could not finish the task."))
        }
        parts.board.settled(live.task.id)
        report()
    }

    private struct TimeIsOver: Error {}

    private func withDeadline() async throws {
        let left = parts.time.now.duration(to: live.task.createdAt.advanced(by: parts.taskTimeout))
        guard left > .zero else { throw Self.timeout }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await work() }
                group.addTask {
                    try await parts.time.sleep(for: left)
                    throw TimeIsOver()
                }
                _ = try await group.next()
                group.cancelAll()
            }
        } catch is TimeIsOver {
            throw Self.timeout
        }
    }

    private static let timeout = TaskFailure(.taskTimeout, "The task was not finished in time.")

    private func work() async throws {
        if live.task.status == .pending {
            try await live.record(.claimed(node: parts.node, portions: parts.router.portions(of: live.task.request)))
        }
        let candidates = parts.router.candidates(for: live.task.request.model)
        let open = live.task.portions.indices.filter { !live.task.portions[$0].stage.isFinal }
        let mayHandOver = !live.task.needsLink
        let made = try await withThrowingTaskGroup(of: CheckedPortion?.self) { group in
            for index in open {
                let portion = PortionRun(index: index, live: live, candidates: candidates, parts: parts, logger: logger)
                group.addTask {
                    guard case .made(let made) = try await portion.run() else { return nil }
                    if mayHandOver { return made }
                    try await store(made)
                    return nil
                }
            }
            return try await group.reduce(into: [CheckedPortion]()) { if let made = $1 { $0.append(made) } }
        }
        try await finish(made.sorted { $0.index < $1.index })
    }

    /// Hands the pictures to the caller who waits, or stores them if nobody does any more.
    private func finish(_ made: [CheckedPortion]) async throws {
        guard !made.isEmpty else { return }
        guard let caller = parts.board.takeCaller(of: live.task.id) else {
            for portion in made { try await store(portion) }
            return
        }
        let pictures = made.flatMap(\.pictures)
        let base64 = pictures.compactMap { picture in
            picture.base64.map { DeliveredPicture(base64: $0, revisedPrompt: picture.revisedPrompt) }
        }
        do {
            let task = try await live.record(
                made.map { portion in
                    .delivered(
                        portion: portion.index,
                        headers: portion.pictures.map(\.header),
                        usage: portion.usage,
                        warnings: portion.warnings
                    )
                }
            )
            caller.give(Delivery(task: task, pictures: base64))
        } catch {
            caller.dismiss()
            throw error
        }
    }

    private func store(_ made: CheckedPortion) async throws {
        let task = live.task
        let firstIndex = task.portions.prefix(made.index).reduce(0) { $0 + $1.count }
        do {
            let pictures = try await parts.workers.withSlot {
                try await parts.keeper.keep(made.pictures, of: task, firstIndex: firstIndex)
            }
            try await live.record(
                .stored(portion: made.index, pictures: pictures, usage: made.usage, warnings: made.warnings)
            )
        } catch let failure as TaskFailure {
            try await live.record(.portionFailed(portion: made.index, failure))
        }
    }

    // MARK: The ends that are no success

    /// Writes even though this task may be cancelled: the row must not stay behind.
    private func giveUp(_ failure: TaskFailure) async {
        await finally("A task could not be given up.") { try await live.record(.gaveUp(failure)) }
    }

    private func handBack() async {
        guard !live.task.status.isFinal else { return }
        await finally("A task could not be handed back.") { try await live.record(.released) }
    }

    private func finally(_ complaint: Logger.Message, _ write: @escaping @Sendable () async throws -> Void) async {
        do {
            // A task of its own, because the cancellation that led here would end this write too; it is awaited here.
            try await Task { try await write() }.value
        } catch {
            logger.error(complaint, metadata: ["error": "\(error)"])
        }
    }

    private func report() {
        let task = live.task
        guard task.status.isFinal else { return }
        logger.info(
            "task finished",
            metadata: [
                "status": "\(task.status.rawValue)", "code": "\(task.failure?.code.rawValue ?? "-")",
                "model": "\(task.request.model)", "attempts": "\(task.attempts.count)",
                "provider": "\(task.attempts.last?.provider ?? "-")",
                "took": "\(task.createdAt.duration(to: task.completedAt ?? task.createdAt).milliseconds)ms",
            ]
        )
    }
}
