// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// One portion of a task from where it is to its pictures: asks vendor after vendor until one delivers.
struct PortionRun: Sendable {
    let index: Int
    let live: LiveTask
    let candidates: [ProviderRouter.Candidate]
    let inputs: TaskInputs
    let parts: EngineParts
    let logger: Logger

    /// Runs to the end.
    ///
    /// - Returns: The pictures; `nil` if the portion was given up, which the row says then.
    /// - Throws: Only what ends the whole task: a lost row, cancellation.
    func run() async throws -> CheckedPortion? {
        do {
            if let remote { return try await collected(CheckedPortion(index: index, remote: remote)) }
            return try await bought()
        } catch let loss as LostPictures {
            try await live.record(.portionFailed(portion: index, loss.failure))
            return nil
        }
    }

    /// Asks vendor after vendor.
    private func bought() async throws -> CheckedPortion? {
        let fits = fits
        guard !fits.isEmpty else {
            try await live.record(.portionFailed(portion: index, unfit))
            return nil
        }
        var hall = WaitingHall(portion: self, models: fits.map { ($0.member, $0.candidate.vendorModel) })
        var (failover, step) = try await beginning(fits, hall)
        var made: CheckedPortion?
        while true {
            try Task.checkCancellation()
            switch step {
            case .giveUp(let failure):
                // Nobody could be asked: after a failed attempt its end and this one are written in one step.
                if !live.task.portions[index].stage.isFinal {
                    try await live.record(.portionFailed(portion: index, failure))
                }
                return nil
            case .wait(let pause):
                try await hall.wait(pause)
                step = failover.next(hall.situation)
            case .submit(let place, let delay):
                if delay > .zero { try await hall.pause(delay) }
                let fit = fits[place]
                do throws(ProviderError) {
                    made = try await attempt(fit, avoiding: hall.avoided(place))
                    // Without any, its turn passed while it waited for room.
                    if made == nil { step = failover.next(hall.situation) }
                } catch {
                    if let interruption = error.cause as? Interruption { throw interruption.error }
                    var error = error
                    // Whether or not the vendor gave the money back: the operator wants to know what it said.
                    if error.code == .failed, fit.member.provider.failedTask == .report { error.recovery = .report }
                    if error.spoilsKey { hall.avoid(live.task.attempts.last { $0.portion == index }?.key, at: place) }
                    let mayRepeat = failover.mayRepeat(after: error, by: fit.member.provider) && live.takeRepeat()
                    step = failover.step(after: error, isRepeatGranted: mayRepeat, hall.situation)
                    try await note(error, by: fit, next: step)
                }
                if let made { return try await collected(made) }
            }
        }
    }

    /// A candidate with the request fitted to it; a reference, because every step of an attempt has it at hand.
    final class Fit: Sendable {
        let candidate: ProviderRouter.Candidate
        let member: ProviderPool.Member
        let fit: ModelFit

        init(candidate: ProviderRouter.Candidate, member: ProviderPool.Member, fit: ModelFit) {
            self.candidate = candidate
            self.member = member
            self.fit = fit
        }
    }

    private var fits: [Fit] {
        var fits = candidates.compactMap { fit($0, parts.parameterMode) }
        if let holder, !fits.contains(where: { $0.candidate.provider == holder.candidate.provider }) {
            fits.insert(holder, at: 0)
        }
        return fits
    }

    private func fit(_ candidate: ProviderRouter.Candidate, _ mode: ParameterMode) -> Fit? {
        guard let member = parts.pool[candidate.provider],
            let fit = try? ModelFit(
                live.task.request,
                vendorModel: candidate.vendorModel,
                capabilities: candidate.capabilities,
                count: live.task.portions[index].count,
                mode: mode,
                transcodes: parts.transcoder != nil
            )
        else { return nil }
        return Fit(candidate: candidate, member: member, fit: fit)
    }

    /// The vendor that has the work already: it is asked, whether or not it would be a candidate today.
    private var holder: Fit? {
        job.flatMap { fit(of: $0.attempt) }
    }

    /// The request as it was fitted for an attempt.
    func fit(of attempt: Attempt) -> Fit? {
        guard let member = parts.pool[attempt.provider] else { return nil }
        let descriptor = type(of: member.provider.adapter).descriptor
        let candidate = ProviderRouter.Candidate(
            provider: attempt.provider,
            vendorModel: attempt.model,
            capabilities: parts.router.capabilities(of: attempt.model, by: attempt.provider)
                ?? descriptor.capabilities(of: attempt.model)
        )
        return fit(candidate, .nearest)
    }

    /// The work in a vendor's hands, and the attempt that began it.
    private var job: (job: ProviderJob, attempt: Attempt)? {
        let task = live.task
        guard case .waiting(let attempt, let job) = task.portions[index].stage else { return nil }
        return (job, task.attempts[attempt])
    }

    private var unfit: TaskFailure {
        candidates.isEmpty
            ? Failover.nobody
            : TaskFailure(.unsupportedParameter, "No provider of this model can honor the request as it is.")
    }

    /// Where to begin: at the front, or where an earlier process stopped.
    private func beginning(_ fits: [Fit], _ hall: WaitingHall) async throws -> (Failover, Failover.Step) {
        let onRefusal = candidates.first?.onRefusal ?? .report
        var front = Failover(candidates: fits.count, onRefusal: onRefusal)
        guard let last = live.task.attempts.last(where: { $0.portion == index }) else {
            return (front, front.next(hall.situation))
        }
        let place = fits.firstIndex { $0.candidate.provider == last.provider }
        var failover = Failover(candidates: fits.count, place: place, onRefusal: onRefusal)
        var events: [TaskEvent] = []
        if job != nil {
            // Only the vendor that has the work can be asked for it.
            if let place { return (failover, .submit(candidate: place, after: .zero)) }
            events = [.attemptFailed(portion: index, outcome: .unknown, error: Self.unreachableJob)]
        } else if last.outcome?.mayHaveBought != true {
            return (front, front.next(hall.situation))
        }
        let code: ProviderError.Code = last.outcome == .failed ? .failed : .outcomeUnknown
        let lost = ProviderError(code, last.error ?? Self.unreachableJob)
        let mayRepeat = failover.mayRepeat(after: lost, by: parts.pool[last.provider]?.provider) && live.takeRepeat()
        let step = failover.step(after: lost, isRepeatGranted: mayRepeat, hall.situation)
        if case .giveUp(let failure) = step { events.append(.portionFailed(portion: index, failure)) }
        if !events.isEmpty { try await live.record(events) }
        return (failover, step)
    }

    private static let unreachableJob = "The outcome of a submission is not known."
}

/// An error that ends the whole task, carried through a path that speaks of providers.
private struct Interruption: Error {
    var error: any Error
}

extension PortionRun {
    /// Submits once, follows the work to its end, and looks at what came.
    ///
    /// - Returns: `nil` if nothing was submitted, because the provider went out while there was no room.
    private func attempt(_ fit: Fit, avoiding keys: Set<String>) async throws(ProviderError) -> CheckedPortion? {
        do {
            // What a vendor has in its hands already is there, whether it fits or not.
            let isSeized = job != nil && parts.pool.redeem(of: live.task.id, at: fit.candidate.provider)
            return try await fit.member.slots.withSlot(evenIfFull: job != nil, isSeized: isSeized) {
                try await purchase(fit, keys)
            }
        } catch let error as ProviderError {
            throw error
        } catch {
            throw ProviderError(.failed, "The work was interrupted.", cause: Interruption(error: error))
        }
    }

    private func purchase(_ fit: Fit, _ avoided: Set<String>) async throws -> CheckedPortion? {
        if let job {
            let permit = fit.member.following(job.attempt.model, key: job.attempt.key, at: parts.time.now)
            return try await settling(permit, fit) { try await follow(job.job, permit, fit, isResumed: true) }
        }
        // Before anything is taken up that others may be waiting for.
        let call = try await filled(fit)
        guard let permit = try await admission(fit, avoided) else { return nil }
        return try await settling(permit, fit) {
            switch try await apart({ try await submit(call, fit, permit.key) }) {
            case .done(let result): return try await take(result, fit)
            case .waiting(let job):
                fit.member.accepted(permit, at: parts.time.now, logger: logger)
                try await recordJob(job)
                return try await follow(job, permit, fit, isResumed: false)
            }
        }
    }

    /// The call with its pictures; what is wrong with them ends this portion only, because others may be paid for already.
    private func filled(_ fit: Fit) async throws -> ProviderCall {
        do {
            return try await inputs.filling(fit.fit.call, for: fit.candidate.capabilities)
        } catch let failure as TaskFailure {
            throw LostPictures(failure: failure)
        }
    }

    private func follow(
        _ job: ProviderJob,
        _ permit: ProviderPool.Member.Permit,
        _ fit: Fit,
        isResumed: Bool
    ) async throws -> CheckedPortion {
        let provider = fit.member.provider
        let keys = fit.member.keys(first: permit.key)
        let following = JobRun(provider: provider, keys: keys, parts: parts, logger: logger)
        return try await followed {
            let result =
                isResumed
                ? try await following.resume(job, record: recordJob) : try await following.run(job, record: recordJob)
            return try await take(result, fit)
        }
    }

    private func submit(_ call: ProviderCall, _ fit: Fit, _ key: ProviderKey) async throws -> ProviderProgress {
        try await parts.workers.withSlot {
            try dropIfAbandoned()
            if parts.book?.mayNotSubmit(for: live.task.id) == true { throw LeftForOthers() }
            try await live.record(
                .submitting(
                    portion: index,
                    provider: fit.candidate.provider,
                    model: fit.candidate.vendorModel,
                    key: key.id,
                    warnings: fit.fit.warnings
                )
            )
            // What is certainly not sent shall not pass for lost.
            guard !Task.isCancelled else {
                throw ProviderError(.unreachable, "The work was stopped before it was sent.")
            }
            return try await fit.member.provider.adapter.submit(call, key: key.secret)
        }
    }

    /// Writes down what a vendor has begun, even if this process stops now: nobody else could ask for it.
    private func recordJob(_ job: ProviderJob) async throws {
        try await live.insist([.accepted(portion: index, job: job)])
    }

    /// A job that ends without a picture may be billed all the same: it counts as lost, not as one that did nothing.
    private func followed(_ work: () async throws -> CheckedPortion) async throws -> CheckedPortion {
        do {
            return try await work()
        } catch var error as ProviderError {
            if error.code == .noImage { error.outcome = .unknown }
            throw error
        }
    }

    /// Writes down how an attempt ended, in one step with the end of the portion if that is its end.
    private func note(_ error: ProviderError, by fit: Fit, next: Failover.Step) async throws {
        logger.warning(
            "An attempt failed.",
            metadata: [
                "provider": "\(fit.candidate.provider)", "model": "\(fit.candidate.vendorModel)",
                "code": "\(error.code)", "outcome": "\(error.outcome.rawValue)",
            ]
        )
        if let detail = error.detail { logger.debug("The vendor said more.", metadata: ["detail": "\(detail)"]) }
        var events: [TaskEvent] = []
        // A failure before anything was written down leaves no attempt to end.
        if live.task.portions[index].stage.attempt != nil {
            events.append(.attemptFailed(portion: index, outcome: error.outcome, error: error.message))
        }
        let ended = events
        if case .giveUp(let failure) = next { events.append(.portionFailed(portion: index, failure)) }
        do {
            if !events.isEmpty { try await live.record(events) }
        } catch is CancellationError {
            // Another process goes on from here: it has to know what became of the attempt, and decides for itself.
            if !ended.isEmpty { try await live.insist(ended) }
            throw CancellationError()
        }
    }
}
