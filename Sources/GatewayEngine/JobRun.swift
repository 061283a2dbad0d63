// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// Asks a vendor for a job until it is done; between two questions nothing is held but a timer.
struct JobRun: Sendable {
    let provider: EngineProvider
    /// The key that submitted the job, then the others.
    let keys: [ProviderKey]
    let parts: EngineParts
    let logger: Logger

    /// How to write down that the vendor gave the job another name or address.
    typealias Record = (ProviderJob) async throws -> Void

    /// Follows a job that has just begun.
    func run(_ job: ProviderJob, record: Record) async throws -> ProviderResult {
        try await follow(job, first: jittered(pause(job)), record)
    }

    /// Follows a job that an earlier process began; the first questions of many such are spread over one distance.
    func resume(_ job: ProviderJob, record: Record) async throws -> ProviderResult {
        try await follow(job, first: pause(job) * Double.random(in: 0...1), record)
    }

    private func follow(_ job: ProviderJob, first: Duration, _ record: Record) async throws -> ProviderResult {
        var job = job
        var pause = first
        var strikes = Strikes()
        var key = keys[0].secret
        while true {
            try await parts.time.sleep(for: pause)
            pause = jittered(self.pause(job))
            do {
                switch try await ask(job, &key) {
                case .done(let result): return result
                case .waiting(let next):
                    strikes = Strikes()
                    if next.id != job.id || next.pollURL != job.pollURL { try await record(next) }
                    job = next
                    pause = jittered(self.pause(job))
                }
            } catch let error as ProviderError {
                guard !Self.endsJobs.contains(error.code) else { throw error }
                if strikes.areOut(after: error.code, at: parts.time.now) { throw Self.lost }
                // A question that failed says nothing about the work; only the task's own deadline ends it.
                logger.debug("A poll failed.", metadata: ["provider": "\(provider.name)", "code": "\(error.code)"])
                pause = max(pause, min(error.recovery.delay, Self.longestDelay))
            }
        }
    }

    /// Asks once; with the other keys too if the vendor does not accept the one that was right until now.
    private func ask(_ job: ProviderJob, _ key: inout Secret) async throws -> ProviderProgress {
        let used = key
        do {
            return try await poll(job, used)
        } catch let error as ProviderError where error.code == .credential {
            for other in keys.map(\.secret) where other != used {
                do {
                    let progress = try await poll(job, other)
                    key = other
                    return progress
                } catch let failure as ProviderError where failure.code == .credential || failure.code == .jobNotFound {
                    // An account that did not submit the job knows nothing of it.
                    continue
                }
            }
            throw error
        }
    }

    private func poll(_ job: ProviderJob, _ key: Secret) async throws -> ProviderProgress {
        try await apart { try await parts.workers.withSlot { try await provider.adapter.poll(job, key: key) } }
    }

    /// The answers to a question that are about the work itself.
    private static let endsJobs: Set<ProviderError.Code> = [.failed, .refused, .noImage, .badPicture, .invalidRequest]

    /// What cannot be asked for any more may have been drawn, and billed.
    private static let lost = ProviderError(
        .jobNotFound,
        "The provider no longer gives account of work it had accepted."
    )

    /// How long a vendor may keep us from asking again.
    private static let longestDelay = Duration.seconds(60)

    /// When to ask next: as the vendor says, but neither sooner than the operator allows nor much later.
    private func pause(_ job: ProviderJob) -> Duration {
        let usual = provider.pollInterval
        guard let asked = job.pollAfter else { return usual }
        return min(max(.milliseconds(asked), usual), usual * 3)
    }

    private func jittered(_ pause: Duration) -> Duration { pause * Double.random(in: 0.9...1.1) }
}

/// Counts the answers in a row that say a job is out of reach: some vendors do not know their own work for a moment, so
/// neither one answer nor several within a short time are believed.
struct Strikes: Sendable {
    private var code: ProviderError.Code?
    private var count = 0
    private var since = Timestamp(milliseconds: 0)

    static let enough = 3
    static let shortest = Duration.seconds(30)

    /// Whether the job is lost.
    ///
    /// - Parameters:
    ///   - code: What the vendor answered this time; a failure of another kind says nothing and changes nothing.
    ///   - now: The moment.
    mutating func areOut(after code: ProviderError.Code, at now: Timestamp) -> Bool {
        guard code == .jobNotFound || code == .credential else { return false }
        if code != self.code { (self.code, count, since) = (code, 0, now) }
        count += 1
        return count >= Self.enough && since.duration(to: now) >= Self.shortest
    }
}
