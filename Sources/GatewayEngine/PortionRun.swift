// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// What a portion's run ended with.
enum PortionResult: Sendable {
    /// Everything is in the row.
    case recorded
    /// The pictures are here; whether they are stored or handed over is decided for the whole task.
    case made(CheckedPortion)
}

/// The pictures of a portion, and what the row will say about them.
struct CheckedPortion: Sendable {
    var index: Int
    var pictures: [CheckedPicture]
    var usage: Usage?
    var warnings: [String]
}

/// One portion of a task from where it is to its pictures: asks vendor after vendor until one delivers.
struct PortionRun: Sendable {
    let index: Int
    let live: LiveTask
    let candidates: [ProviderRouter.Candidate]
    let parts: EngineParts
    let logger: Logger

    /// Runs to the end.
    ///
    /// - Throws: Only what ends the whole task: a lost row, cancellation.
    func run() async throws -> PortionResult {
        let portion = live.task.portions[index]
        let fits = fits(count: portion.count)
        guard !fits.isEmpty else {
            try await live.record(.portionFailed(portion: index, unfit))
            return .recorded
        }
        var (failover, step) = try await beginning(fits)
        while true {
            switch step {
            case .giveUp(let failure):
                try await live.record(.portionFailed(portion: index, failure))
                return .recorded
            case .submit(let place, let delay):
                if delay > .zero { try await parts.time.sleep(for: delay) }
                let fit = fits[place]
                do throws(ProviderError) {
                    return .made(try await attempt(fit))
                } catch {
                    if let interruption = error.cause as? Interruption { throw interruption.error }
                    try await note(error, by: fit)
                    let policy = fit.member.provider.resubmitUnknown
                    step = failover.step(after: error, lostPurchases: live.task.lostPurchases, policy: policy)
                }
            }
        }
    }

    /// A candidate with the request fitted to it.
    private struct Fit {
        var candidate: ProviderRouter.Candidate
        var member: ProviderPool.Member
        var fit: ModelFit
    }

    private func fits(count: Int) -> [Fit] {
        candidates.compactMap { candidate in
            guard let member = parts.pool[candidate.provider],
                let fit = try? ModelFit(
                    live.task.request,
                    vendorModel: candidate.vendorModel,
                    capabilities: candidate.capabilities,
                    count: count,
                    mode: parts.parameterMode
                )
            else { return nil }
            return Fit(candidate: candidate, member: member, fit: fit)
        }
    }

    private var unfit: TaskFailure {
        candidates.isEmpty
            ? Failover.nobody
            : TaskFailure(.unsupportedParameter, "No provider of this model can honor the request as it is.")
    }

    /// Where to begin: at the front, or where an earlier process stopped.
    private func beginning(_ fits: [Fit]) async throws -> (Failover, Failover.Step) {
        let task = live.task
        let last = task.attempts.last { $0.portion == index }
        let place = last.flatMap { last in fits.firstIndex { $0.candidate.provider == last.provider } }
        var failover = Failover(candidates: fits.count, place: place ?? 0)
        guard let last else { return (failover, failover.first()) }
        if case .waiting = task.portions[index].stage {
            // Only the vendor that has the work can be asked for it.
            if place != nil { return (failover, failover.first()) }
            try await live.record(.attemptFailed(portion: index, outcome: .unknown, error: Self.unreachableJob))
        } else if last.outcome != .unknown {
            failover = Failover(candidates: fits.count)
            return (failover, failover.first())
        }
        let policy = parts.pool[last.provider]?.provider.resubmitUnknown ?? .never
        let lost = ProviderError(.outcomeUnknown, last.error ?? Self.unreachableJob)
        let step = failover.step(after: lost, lostPurchases: live.task.lostPurchases, policy: policy)
        return (failover, step)
    }

    private static let unreachableJob = "The outcome of a submission is not known."
}

/// An error that ends the whole task, carried through a path that speaks of providers.
struct Interruption: Error {
    var error: any Error
}

extension PortionRun {
    /// Submits once, follows the work to its end, and looks at what came.
    private func attempt(_ fit: Fit) async throws(ProviderError) -> CheckedPortion {
        do {
            return try await fit.member.slots.withSlot {
                let result = try await purchase(fit)
                return try check(result, fit)
            }
        } catch let error as ProviderError {
            throw error
        } catch {
            throw ProviderError(.failed, "The work was interrupted.", cause: Interruption(error: error))
        }
    }

    private func purchase(_ fit: Fit) async throws -> ProviderResult {
        let key = fit.member.nextKey()
        let provider = fit.member.provider
        if case .waiting(_, let job) = live.task.portions[index].stage {
            return try await follow(job, provider, key)
        }
        let progress = try await parts.workers.withSlot {
            if live.task.attempts.isEmpty, parts.board.hasHungUp(live.task.id) {
                throw TaskFailure(.taskCancelled, "The caller hung up before anything was sent to a provider.")
            }
            try await live.record(
                .submitting(
                    portion: index,
                    provider: provider.name,
                    model: fit.candidate.vendorModel,
                    warnings: fit.fit.warnings
                )
            )
            return try await provider.adapter.submit(fit.fit.call, key: key)
        }
        switch progress {
        case .done(let result): return result
        case .waiting(let job):
            try await live.record(.accepted(portion: index, job: job))
            return try await follow(job, provider, key)
        }
    }

    /// Asks for a job until it is done; between two questions nothing is held but a timer.
    private func follow(_ job: ProviderJob, _ provider: EngineProvider, _ key: Secret) async throws -> ProviderResult {
        var job = job
        while true {
            let asked = job.pollAfter.map(Duration.milliseconds) ?? provider.pollInterval
            try await parts.time.sleep(for: asked * Double.random(in: 0.9...1.1))
            do {
                let current = job
                let progress = try await parts.workers.withSlot { try await provider.adapter.poll(current, key: key) }
                switch progress {
                case .done(let result): return result
                case .waiting(let next): job = next
                }
            } catch let error as ProviderError where !Self.endsJobs.contains(error.code) {
                // A question that failed says nothing about the work; only the task's own deadline ends it.
                logger.debug("A poll failed.", metadata: ["provider": "\(provider.name)", "code": "\(error.code)"])
            }
        }
    }

    /// The answers to a question that are about the work itself.
    private static let endsJobs: Set<ProviderError.Code> = [.failed, .refused, .noImage, .invalidRequest]

    private func check(_ result: ProviderResult, _ fit: Fit) throws(ProviderError) -> CheckedPortion {
        var pictures: [CheckedPicture] = []
        for image in result.images.prefix(fit.fit.call.count) {
            pictures.append(try CheckedPicture(image, revisedPrompt: result.revisedPrompt))
        }
        guard !pictures.isEmpty else {
            throw ProviderError(.noImage, "The answer has no picture.")
        }
        let deviations = live.task.request.deviations(in: pictures.map(\.header), told: fit.fit.adjusted)
        return CheckedPortion(
            index: index,
            pictures: pictures,
            usage: result.usage,
            warnings: deviations + result.missing
        )
    }

    private func note(_ error: ProviderError, by fit: Fit) async throws {
        logger.warning(
            "An attempt failed.",
            metadata: [
                "provider": "\(fit.candidate.provider)", "model": "\(fit.candidate.vendorModel)",
                "code": "\(error.code)", "outcome": "\(error.outcome.rawValue)",
            ]
        )
        if let detail = error.detail { logger.debug("The vendor said more.", metadata: ["detail": "\(detail)"]) }
        // A failure before anything was written down leaves no attempt to end.
        guard live.task.portions[index].stage.attempt != nil else { return }
        try await live.record(.attemptFailed(portion: index, outcome: error.outcome, error: error.message))
    }
}
