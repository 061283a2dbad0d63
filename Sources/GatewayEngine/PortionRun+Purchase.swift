// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// A portion whose pictures a vendor is working on, and everything to go on with when they are there.
final class JobWait: Sendable {
    let portion: PortionRun
    let course: PortionRun.Course
    /// Whose turn it is.
    let place: Int
    let job: JobRun
    let hold: Hold

    init(portion: PortionRun, course: PortionRun.Course, place: Int, job: JobRun, hold: Hold) {
        self.portion = portion
        self.course = course
        self.place = place
        self.job = job
        self.hold = hold
    }

    /// Whether the moment to ask has come; clocks do not tell times apart that are closer than this.
    var isDue: Bool { job.due <= portion.parts.time.elapsed + .milliseconds(1) }

    /// Asks the vendor; afterwards the job has ended, or has another moment to be asked.
    func ask() async {
        await job.ask(portion.recordJob)
    }

    /// Asks the vendor if the moment has come.
    func askIfDue() async {
        if isDue { await ask() }
    }
}

/// An error that ends the whole task, carried through a path that speaks of providers.
struct Interruption: Error {
    var error: any Error
}

extension PortionRun {
    /// What became of a submission.
    enum Purchase: Sendable {
        /// The vendor answered with pictures, or addresses of such.
        case made(CheckedPortion)
        /// It has begun to work.
        case job(JobRun, Hold)
    }

    /// Submits once, and looks at what came; work in the vendor's hands already is taken up.
    ///
    /// - Returns: `nil` if nothing was submitted, because the provider went out while there was no room.
    func attempt(_ fit: Fit, avoiding keys: Set<String>) async throws(ProviderError) -> Purchase? {
        do {
            // What a vendor has in its hands already is there, whether it fits or not.
            let isSeized = job != nil && parts.pool.redeem(of: live.task.id, at: fit.candidate.provider)
            if !isSeized { try await fit.member.slots.take(evenIfFull: job != nil) }
            let hold = Hold(of: fit.member, time: parts.time, logger: logger)
            if let job { return .job(taken(job, hold), hold) }
            return try await settling(hold) { try await purchase(fit, keys, hold) }
        } catch {
            throw Self.carried(error)
        }
    }

    /// The pictures of a job that has ended.
    func concluded(_ wait: JobWait) async throws(ProviderError) -> CheckedPortion {
        do {
            return try await settling(wait.hold) {
                do {
                    guard let result = try wait.job.takeResult()?.get() else { throw CancellationError() }
                    let made = try await take(result, wait.course.fits[wait.place])
                    wait.hold.settle(.delivered)
                    return made
                } catch var error as ProviderError {
                    // A job that ends without a picture may be billed all the same: it counts as lost, not as nothing.
                    if error.code == .noImage { error.outcome = .unknown }
                    throw error
                }
            }
        } catch {
            throw Self.carried(error)
        }
    }

    private static func carried(_ error: any Error) -> ProviderError {
        error as? ProviderError
            ?? ProviderError(.failed, "The work was interrupted.", cause: Interruption(error: error))
    }

    private func taken(_ job: (job: ProviderJob, attempt: Attempt), _ hold: Hold) -> JobRun {
        let permit = hold.member.following(job.attempt.model, key: job.attempt.key, at: parts.time.now)
        hold.take(permit)
        return JobRun(job.job, isResumed: true, member: hold.member, key: permit.key, parts: parts, logger: logger)
    }

    private func purchase(_ fit: Fit, _ avoided: Set<String>, _ hold: Hold) async throws -> Purchase? {
        // Before anything is taken up that others may be waiting for.
        let call = try await filled(fit)
        guard let permit = try await admission(fit, avoided) else {
            hold.settle(.abandoned)
            return nil
        }
        hold.take(permit)
        switch try await submit(call, fit, permit.key) {
        case .done(let result):
            let made = try await take(result, fit)
            hold.settle(.delivered)
            return .made(made)
        case .waiting(let job):
            fit.member.accepted(permit, at: parts.time.now, logger: logger)
            try await recordJob(job)
            return .job(
                JobRun(job, isResumed: false, member: fit.member, key: permit.key, parts: parts, logger: logger),
                hold
            )
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

    private func submit(_ call: ProviderCall, _ fit: Fit, _ key: ProviderKey) async throws -> ProviderProgress {
        try await parts.workers.withSlot {
            try dropIfAbandoned()
            let event = TaskEvent.submitting(
                portion: index,
                provider: fit.candidate.provider,
                model: fit.candidate.vendorModel,
                key: key.id,
                warnings: fit.fit.warnings
            )
            if let book = parts.book {
                try await book.submitting(live.task.id) { try await live.record(event) }
            } else {
                try await live.record(event)
            }
            // What is certainly not sent shall not pass for lost.
            guard !Task.isCancelled else {
                throw ProviderError(.unreachable, "The work was stopped before it was sent.")
            }
            return try await fit.member.provider.adapter.submit(call, key: key.secret)
        }
    }

    /// Writes down what a vendor has begun, even if this process stops now: nobody else could ask for it.
    func recordJob(_ job: ProviderJob) async throws {
        try await live.insist([.accepted(portion: index, job: job)])
    }

    /// Writes down how an attempt ended, in one step with the end of the portion if that is its end.
    func note(_ error: ProviderError, by fit: Fit, next: Failover.Step) async throws {
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
