// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// One task from its claim to its final state, or until it is lost to somebody else or handed back.
///
/// It goes as far as it can and then rests, if there is nothing to do but to wait for vendors' jobs: then nothing of it is
/// left but this object, a ``Rest``, and no task of the runtime. Whoever has it in hand resumes it when it is time.
final class TaskRun: Sendable {
    let live: LiveTask
    /// How the run is told to end.
    let summons = Summons()
    let parts: EngineParts
    let logger: Logger
    private let ended: @Sendable () -> Void
    private let inputs: TaskInputs
    let basket = Basket()
    /// What is received for this task stays on one account until its pictures are where they belong.
    private let account: ByteBudget.Account

    /// - Parameters:
    ///   - live: The task.
    ///   - uploads: The pictures that came with the request, as far as they are in memory.
    ///   - parts: What every run needs.
    ///   - logger: Where to tell what happens.
    ///   - ended: Called when the run is over.
    init(
        live: LiveTask,
        uploads: [InputPicture] = [],
        parts: EngineParts,
        logger: Logger,
        ended: @escaping @Sendable () -> Void = {}
    ) {
        self.live = live
        self.parts = parts
        self.logger = logger
        self.ended = ended
        inputs = TaskInputs(of: live.task, uploads: uploads, parts: parts, logger: logger)
        account = parts.memory.open()
    }

    /// What a run waits for.
    struct Rest: Sendable {
        let waits: [JobWait]
        /// When to resume it, by the clock that only moves forward.
        let due: Duration

        fileprivate init(_ waits: [JobWait], until end: Duration) {
            self.waits = waits
            due = waits.reduce(end) { min($0, $1.job.due) }
        }
    }

    /// Runs until the end, and rests where it is.
    func run() async {
        var rest = await begin()
        while let current = rest { rest = await resume(afterWaiting: current) }
    }

    /// Begins, and goes as far as it can.
    ///
    /// - Returns: What to wait for; `nil` when it is over.
    func begin() async -> Rest? {
        parts.board.runBegan(live.task.id) { [basket, summons] in
            basket.revoke()
            summons.call()
        }
        parts.book?.began(live) { [summons] in summons.call() }
        return await stint(nil)
    }

    /// Waits for the next moment of a resting run, here, and resumes it.
    func resume(afterWaiting rest: Rest) async -> Rest? {
        _ = await summons.obeyed(on: parts.time) { [parts] () -> Rest? in
            try? await parts.time.sleep(for: max(.zero, rest.due - parts.time.elapsed))
            return nil
        }
        return await resume(rest)
    }

    /// Asks the vendors whose moment has come, and goes as far as it can.
    ///
    /// - Returns: What to wait for; `nil` when it is over.
    func resume(_ rest: Rest) async -> Rest? {
        // Most rest for one job, which has nearly always to be asked again: that needs none of what a stint brings along.
        guard rest.waits.count == 1, let wait = rest.waits.first else { return await stint(rest) }
        _ = await summons.obeyed(for: max(.zero, timeLeft), on: parts.time) { [account] () -> Rest? in
            await ByteBudget.Account.$current.withValue(account) { await wait.askIfDue() }
            return nil
        }
        let mayRest = wait.job.hasDelivered == nil && !summons.isCalled && !Task.isCancelled && timeLeft > .zero
        return mayRest ? self.rest(rest.waits) : await stint(rest)
    }

    private func rest(_ waits: [JobWait]) -> Rest { Rest(waits, until: parts.time.elapsed + max(.zero, timeLeft)) }

    private var timeLeft: Duration {
        parts.time.now.duration(to: live.task.createdAt.advanced(by: parts.taskTimeout))
    }

    /// Goes from a rest to the next, or to the end; no longer than the row is this run's business.
    private func stint(_ rest: Rest?) async -> Rest? {
        let next = await summons.obeyed(on: parts.time) { [self] in
            await ByteBudget.Account.$current.withValue(account) { await follow(rest) }
        }
        if let next { return next }
        // What no portion came back to: whoever waits for a vendor's room need not wait for this object to go.
        for wait in rest?.waits ?? [] { wait.hold.settle(.abandoned) }
        parts.board.runEnded(live.task.id)
        ended()
        return nil
    }

    private func follow(_ rest: Rest?) async -> Rest? {
        do {
            if let rest = try await withDeadline(rest) { return rest }
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
        return nil
    }

    private func withDeadline(_ rest: Rest?) async throws -> Rest? {
        // Pictures that came with the last question are paid for.
        let hasPictures = rest?.waits.contains { $0.job.hasDelivered == true } ?? false
        let left = max(timeLeft, hasPictures ? Self.lastPatience : .zero)
        guard left > .zero else { throw Self.timeout }
        do {
            return try await within(left, by: parts.time) { [self] in try await work(rest) }
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

    private func work(_ rest: Rest?) async throws -> Rest? {
        let waits =
            if let rest {
                try await portions(from: rest.waits)
            } else {
                try await portions(beginning: try await opened())
            }
        guard waits.isEmpty else {
            try Task.checkCancellation()
            return self.rest(waits)
        }
        try await finish()
        // A portion was left for others: so is the task.
        guard live.task.status.isFinal else { throw CancellationError() }
        return nil
    }

    /// The portions that are to be made.
    private func opened() async throws -> [PortionRun] {
        try checkUse()
        if live.task.status == .pending {
            // Written with the first attempt: until then nothing happened that another process would have to know.
            try await live.note(.claimed(node: parts.node, portions: parts.router.portions(of: live.task.request)))
        }
        let task = live.task
        let candidates = parts.router.candidates(for: task.request.model, task: task.id)
        return task.portions.indices.filter { !task.portions[$0].stage.isFinal }.map { index in
            PortionRun(
                index: index,
                live: live,
                candidates: candidates,
                inputs: inputs,
                parts: parts,
                logger: logger
            )
        }
    }
}
