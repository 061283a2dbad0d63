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

    /// What a portion came to.
    enum Outcome: Sendable {
        /// The pictures.
        case made(CheckedPortion)
        /// It was given up, which the row says.
        case gaveUp
        /// A vendor works on it: there is nothing to do until it is asked.
        case waits(JobWait)
    }

    /// Begins, and goes as far as it can.
    ///
    /// - Throws: Only what ends the whole task: a lost row, cancellation.
    func run() async throws -> Outcome {
        try await endingWithLoss {
            if let remote { return .made(try await collected(CheckedPortion(index: index, remote: remote))) }
            let fits = fits
            guard !fits.isEmpty else {
                try await live.record(.portionFailed(portion: index, unfit))
                return .gaveUp
            }
            let hall = WaitingHall(portion: self, models: fits.map { ($0.member, $0.candidate.vendorModel) })
            let (failover, step) = try await beginning(fits, hall)
            return try await bought(Course(fits: fits, hall: hall, failover: failover), step)
        }
    }

    /// Goes on after a vendor's job has ended, and goes as far as it can.
    ///
    /// - Throws: As ``run()``.
    func resume(_ wait: JobWait) async throws -> Outcome {
        guard wait.job.hasDelivered != nil else {
            try Task.checkCancellation()
            return .waits(wait)
        }
        return try await endingWithLoss {
            let made: CheckedPortion
            do throws(ProviderError) {
                made = try await concluded(wait)
            } catch {
                var course = wait.course
                let step = try await self.step(after: error, at: wait.place, &course)
                return try await bought(course, step)
            }
            return .made(try await collected(made))
        }
    }

    private func endingWithLoss(_ work: () async throws -> Outcome) async throws -> Outcome {
        do {
            return try await work()
        } catch let loss as LostPictures {
            try await live.record(.portionFailed(portion: index, loss.failure))
            return .gaveUp
        }
    }

    /// Where a portion stands among its candidates.
    struct Course: Sendable {
        let fits: [Fit]
        var hall: WaitingHall
        var failover: Failover
    }

    /// Asks vendor after vendor.
    private func bought(_ course: Course, _ first: Failover.Step) async throws -> Outcome {
        var (course, step) = (course, first)
        while true {
            try Task.checkCancellation()
            switch step {
            case .giveUp(let failure):
                // Nobody could be asked: after a failed attempt its end and this one are written in one step.
                if !live.task.portions[index].stage.isFinal {
                    try await live.record(.portionFailed(portion: index, failure))
                }
                return .gaveUp
            case .wait(let pause):
                try await course.hall.wait(pause)
                step = course.failover.next(course.hall.situation)
            case .submit(let place, let delay):
                if delay > .zero { try await course.hall.pause(delay) }
                let purchase: Purchase?
                do throws(ProviderError) {
                    purchase = try await attempt(course.fits[place], avoiding: course.hall.avoided(place))
                } catch {
                    step = try await self.step(after: error, at: place, &course)
                    continue
                }
                switch purchase {
                case .made(let made): return .made(try await collected(made))
                case .job(let job, let hold):
                    return .waits(JobWait(portion: self, course: course, place: place, job: job, hold: hold))
                // Its turn passed while it waited for room.
                case nil: step = course.failover.next(course.hall.situation)
                }
            }
        }
    }

    /// What to do after an attempt that gave nothing; its end is written down.
    private func step(
        after error: ProviderError,
        at place: Int,
        _ course: inout Course
    ) async throws -> Failover.Step {
        if let interruption = error.cause as? Interruption { throw interruption.error }
        let fit = course.fits[place]
        var error = error
        // Whether or not the vendor gave the money back: the operator wants to know what it said.
        if error.code == .failed, fit.member.provider.failedTask == .report { error.recovery = .report }
        if error.spoilsKey { course.hall.avoid(live.task.attempts.last { $0.portion == index }?.key, at: place) }
        let mayRepeat = course.failover.mayRepeat(after: error, by: fit.member.provider) && live.takeRepeat()
        let step = course.failover.step(after: error, isRepeatGranted: mayRepeat, course.hall.situation)
        try await note(error, by: fit, next: step)
        return step
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
    var job: (job: ProviderJob, attempt: Attempt)? {
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
