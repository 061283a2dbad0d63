// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// One task from its claim to its final state, top to bottom.
struct TaskRun: Sendable {
    let live: LiveTask
    /// The pictures that came with the request, as far as they are in memory.
    let uploads: [InputPicture]
    let parts: EngineParts
    let logger: Logger
    private let basket = Basket()

    /// How long pictures that are paid for keep the end of a run waiting, once its time is over.
    private static let lastPatience = Duration.seconds(5)

    init(live: LiveTask, uploads: [InputPicture] = [], parts: EngineParts, logger: Logger) {
        self.live = live
        self.uploads = uploads
        self.parts = parts
        self.logger = logger
    }

    /// Runs until the task is final, lost to somebody else, or handed back because this process stops.
    func run() async {
        // What is received for this task stays on one account until its pictures are where they belong.
        await ByteBudget.Account.$current.withValue(parts.memory.open()) { await untilRevoked() }
    }

    /// Follows the task, but no longer than its row is this run's business.
    private func untilRevoked() async {
        let (revocation, revoke) = AsyncStream<Void>.makeStream()
        parts.board.runBegan(live.task.id) {
            basket.revoke()
            revoke.finish()
        }
        parts.book?.began(live) { revoke.finish() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await follow()
                revoke.finish()
            }
            for await _ in revocation {}
            group.cancelAll()
        }
        parts.board.runEnded(live.task.id)
    }

    private func follow() async {
        do {
            try await withDeadline()
        } catch let error as StoreError where error.code == .conflict {
            logger.info("A task was changed by somebody else; its run ends here.")
        } catch is CancellationError where basket.isRevoked {
            logger.info("A task was ended by its caller; its run ends here.")
            await discard(basket.contents.flatMap { basket.kept(of: $0.index) })
        } catch is CancellationError {
            await finally("A task could not be handed back.") { try await handBack() }
        } catch let failure as TaskFailure {
            await finally("A task could not be given up.") { try await giveUp(failure) }
        } catch {
            logger.error("A task's run failed.", metadata: ["error": "\(type(of: error))"])
            let failure = TaskFailure(.taskFailed, "The gateway could not finish the task.")
            await finally("A task could not be given up.") { try await giveUp(failure) }
        }
        parts.board.settled(live.task.id)
        report()
    }

    private func withDeadline() async throws {
        let left = parts.time.now.duration(to: live.task.createdAt.advanced(by: parts.taskTimeout))
        guard left > .zero else { throw Self.timeout }
        do {
            try await within(left, by: parts.time) { try await work() }
        } catch is TimeIsOver {
            throw Self.timeout
        }
    }

    private static let timeout = TaskFailure(.taskTimeout, "The task was not finished in time.")

    /// What is not bought: a picture that nobody could ever get.
    private func checkUse() throws {
        guard !parts.hasStorage, !parts.board.isAwaited(live.task.id) else { return }
        if live.task.nothingWasSent { throw TaskFailure.callerGone }
        let code: TaskFailure.Code = live.task.lostPurchases > 0 ? .outcomeUnknown : .storageError
        throw TaskFailure(code, "Nobody waits for the pictures any more, and this gateway stores none.")
    }

    private func work() async throws {
        try checkUse()
        if live.task.status == .pending {
            // Written with the first attempt: until then nothing happened that another process would have to know.
            try await live.note(.claimed(node: parts.node, portions: parts.router.portions(of: live.task.request)))
        }
        let candidates = parts.router.candidates(for: live.task.request.model, task: live.task.id)
        let open = live.task.portions.indices.filter { !live.task.portions[$0].stage.isFinal }
        let mayHandOver = !live.task.needsLink
        let inputs = TaskInputs(of: live.task, uploads: uploads, parts: parts, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in open {
                let portion = PortionRun(
                    index: index,
                    live: live,
                    candidates: candidates,
                    inputs: inputs,
                    parts: parts,
                    logger: logger
                )
                group.addTask {
                    do {
                        guard let made = try await portion.run() else { return }
                        basket.put(made)
                        if !mayHandOver { try await store(made) }
                    } catch is LeftForOthers {
                        // What is on its way for the others goes on to its end.
                    }
                }
            }
            try await group.waitForAll()
        }
        try await finish()
        // A portion was left for others: so is the task.
        guard live.task.status.isFinal else { throw CancellationError() }
    }

    /// Hands the pictures to the caller who waits, or stores them if nobody does any more.
    ///
    /// - Parameter failure: What becomes of the portions that have no pictures, when the task ends here.
    private func finish(_ failure: TaskFailure? = nil) async throws {
        let made = basket.contents
        guard !made.isEmpty else { return }
        guard let caller = parts.board.takeCaller(of: live.task.id) else {
            for portion in made { try await store(portion) }
            return
        }
        do {
            var events = made.map { portion -> TaskEvent in
                .delivered(
                    portion: portion.index,
                    headers: portion.pictures.map(\.header),
                    usage: portion.usage,
                    warnings: portion.warnings
                )
            }
            if let failure, !openPortions.isEmpty { events.append(.gaveUp(failure)) }
            let task = try await live.record(events)
            basket.empty()
            let pictures = made.flatMap(\.pictures).compactMap { picture in
                picture.base64.map { DeliveredPicture(base64: $0, revisedPrompt: picture.revisedPrompt) }
            }
            caller.give(Delivery(task: task, pictures: pictures))
        } catch {
            caller.dismiss()
            throw error
        }
    }

    /// The portions that have no pictures, and no end.
    private var openPortions: [Int] {
        let made = Set(basket.contents.map(\.index))
        let portions = live.task.portions
        return portions.indices.filter { !portions[$0].stage.isFinal && !made.contains($0) }
    }

    private func store(_ made: CheckedPortion) async throws {
        let task = live.task
        let firstIndex = task.portions.prefix(made.index).reduce(0) { $0 + $1.count }
        basket.empty(keptOf: made.index)
        do {
            let missing = try await parts.keeper.keep(made, of: task, firstIndex: firstIndex) { picture in
                basket.put(kept: picture, of: made.index)
            }
            let pictures = basket.kept(of: made.index)
            var made = made
            if let remote = made.remote {
                made.warnings = task.request.deviations(in: pictures.map(\.header), told: remote.told)
            }
            if let first = missing.first { made.warnings.append(first.warning(about: missing.count, of: made.count)) }
            try await record(made, pictures)
        } catch let failure as TaskFailure {
            try await live.record(Self.lost(made, failure))
        }
        basket.remove(made.index)
    }

    private func record(_ made: CheckedPortion, _ pictures: [StoredPicture]) async throws {
        do {
            try await live.record(
                .stored(portion: made.index, pictures: pictures, usage: made.usage, warnings: made.warnings)
            )
        } catch let error as StoreError where error.code == .conflict {
            await discard(pictures)
            throw error
        }
    }

    /// Has the pictures of a task that was cancelled or deleted meanwhile deleted: they are nobody's.
    ///
    /// Those of a task that another process has taken over stay: it stores the same keys. If this fails, they are deleted
    /// later: they were announced before they were stored.
    private func discard(_ pictures: [StoredPicture]) async {
        var kept: Set<String> = []
        do throws(StoreError) {
            if let row = try await parts.store.task(live.task.id, owner: nil) {
                guard row.status.isFinal else { return }
                kept = Set(row.pictures.map(\.key))
            }
        } catch {
            return
        }
        let nobodys = pictures.map(\.key).filter { !kept.contains($0) }.compactMap { ObjectKey($0) }
        await parts.keeper.discard(nobodys, of: live.task)
    }

    /// What is written of pictures whose time is over: those that are in the store already are not given up.
    private func ended(_ made: CheckedPortion, _ failure: TaskFailure) -> [TaskEvent] {
        let kept = basket.kept(of: made.index)
        guard !kept.isEmpty else { return Self.lost(made, failure) }
        let missing = made.count - kept.count
        let warnings = made.warnings + (missing > 0 ? [failure.warning(about: missing, of: made.count)] : [])
        return [.stored(portion: made.index, pictures: kept, usage: made.usage, warnings: warnings)]
    }

    /// What is written when pictures were made, and billed, and cannot be kept.
    private static func lost(_ made: CheckedPortion, _ failure: TaskFailure) -> [TaskEvent] {
        let end = TaskEvent.portionFailed(portion: made.index, failure)
        // Of pictures that stayed at the vendor, the row knows already that they were made.
        return made.remote != nil ? [end] : [.generated(portion: made.index, urls: [], usage: made.usage), end]
    }
}

// MARK: The ends that are no success

extension TaskRun {
    private func giveUp(_ failure: TaskFailure) async throws {
        if !basket.contents.isEmpty {
            try? await within(Self.lastPatience, by: parts.time) { try await finish(failure) }
        }
        guard !live.task.status.isFinal else { return }
        let end = openPortions.isEmpty && !live.task.portions.isEmpty ? [] : [TaskEvent.gaveUp(failure)]
        try await live.insist(basket.contents.flatMap { ended($0, Self.unkept($0)) } + end)
    }

    /// Whom the caller is told that pictures wait for, when the time for keeping them is over.
    private static func unkept(_ made: CheckedPortion) -> TaskFailure {
        guard let remote = made.remote, !remote.trouble.liesWithStorage else {
            return TaskFailure(.storageError, "The picture was made, but could not be stored in time.")
        }
        return TaskFailure(.upstreamError, "The picture was made, but could not be fetched from the provider in time.")
    }

    private func handBack() async throws {
        if !basket.contents.isEmpty {
            // A task of its own, because this one is cancelled; it is awaited here, and not for long.
            try? await Task {
                try await within(Self.lastPatience, by: parts.time) {
                    for made in basket.contents { try await store(made) }
                }
            }.value
        }
        guard !live.task.status.isFinal else { return }
        try await live.insist([.released])
    }

    private func finally(_ complaint: Logger.Message, _ write: () async throws -> Void) async {
        do {
            try await write()
        } catch let error as StoreError where error.code == .conflict {
            logger.info("A task was changed by somebody else; its run ends here.")
        } catch {
            logger.error(complaint, metadata: ["error": "\(error)"])
        }
    }

    private func report() {
        let task = live.task
        guard task.status.isFinal else { return }
        let took = task.createdAt.duration(to: task.completedAt ?? task.createdAt)
        var metadata: Logger.Metadata = [
            "status": "\(task.status.rawValue)", "model": "\(task.request.model)",
            "attempts": .stringConvertible(task.attempts.count), "took_ms": .stringConvertible(took.milliseconds),
        ]
        // What there is not is left out: a line is data.
        if let failure = task.failure { metadata["code"] = "\(failure.code.rawValue)" }
        if let attempt = task.attempts.last { metadata["provider"] = "\(attempt.provider)" }
        logger.info("task finished", metadata: metadata)
    }
}
