// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// Asks a vendor for a job until it is done; between two questions nothing is held but a timer.
struct JobRun: Sendable {
    let provider: EngineProvider
    let key: Secret
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
        while true {
            try await parts.time.sleep(for: pause)
            pause = jittered(self.pause(job))
            do {
                let current = job
                switch try await parts.workers.withSlot({ try await provider.adapter.poll(current, key: key) }) {
                case .done(let result): return result
                case .waiting(let next):
                    if next.id != job.id || next.pollURL != job.pollURL { try await record(next) }
                    job = next
                    pause = jittered(self.pause(job))
                }
            } catch let error as ProviderError {
                guard !Self.endsJobs.contains(error.code) else { throw error }
                // A question that failed says nothing about the work; only the task's own deadline ends it.
                logger.debug("A poll failed.", metadata: ["provider": "\(provider.name)", "code": "\(error.code)"])
                pause = max(pause, min(error.recovery.delay, Self.longestDelay))
            }
        }
    }

    /// The answers to a question that are about the work itself.
    private static let endsJobs: Set<ProviderError.Code> = [.failed, .refused, .noImage, .invalidRequest]

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
