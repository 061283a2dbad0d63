// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import Synchronization

/// A job in a vendor's hands, asked for now and then until it is done; between two questions it is these few values.
final class JobRun: Sendable {
    private struct State {
        var job: ProviderJob
        var key: Secret
        var due: Duration
        var strikes = Strikes()
        var result: Result<ProviderResult, any Error>?
    }

    private let member: ProviderPool.Member
    /// The key that submitted the job.
    private let firstKey: ProviderKey
    private let parts: EngineParts
    private let logger: Logger
    private let state: Mutex<State>

    /// How to write down that the vendor gave the job another name or address.
    typealias Record = (ProviderJob) async throws -> Void

    /// - Parameters:
    ///   - job: As the vendor, or the row, has it.
    ///   - isResumed: Whether an earlier process began it: the first questions of many such are spread over one distance.
    ///   - member: Whom to ask.
    ///   - key: The key that submitted it.
    ///   - parts: The clock, and room for questions.
    ///   - logger: Where to tell what goes wrong.
    init(
        _ job: ProviderJob,
        isResumed: Bool,
        member: ProviderPool.Member,
        key: ProviderKey,
        parts: EngineParts,
        logger: Logger
    ) {
        let pause = Self.pause(job, member.provider) * Double.random(in: isResumed ? 0...1 : Self.jitter)
        self.member = member
        firstKey = key
        self.parts = parts
        self.logger = logger
        state = Mutex(State(job: job, key: key.secret, due: parts.time.elapsed + pause))
    }

    /// When to ask next, by the clock that only moves forward.
    var due: Duration { state.withLock(\.due) }

    /// Whether it has ended; `nil` while there is more to ask, whether with pictures if not.
    var hasDelivered: Bool? {
        state.withLock { state in
            switch state.result {
            case .success: true
            case .failure: false
            case nil: nil
            }
        }
    }

    /// Gives away how it ended, once: pictures in it are nobody else's afterwards.
    func takeResult() -> Result<ProviderResult, any Error>? { state.withLock { $0.result.take() } }

    /// Asks once, and sets when to ask next unless this was the end.
    func ask(_ record: Record) async {
        let (job, key) = state.withLock { ($0.job, $0.key) }
        let usual = Self.jittered(Self.pause(job, member.provider))
        do {
            switch try await progress(of: job, key) {
            case .done(let result): end(.success(result))
            case .waiting(let next):
                if next.id != job.id || next.pollURL != job.pollURL { try await record(next) }
                let pause = Self.jittered(Self.pause(next, member.provider))
                state.withLock { state in
                    state.strikes = Strikes()
                    state.job = next
                    state.due = parts.time.elapsed + pause
                }
            }
        } catch let error as ProviderError {
            failed(error, usual: usual)
        } catch is CancellationError {
            // Broken off: whoever did so knows why, and the vendor goes on.
        } catch {
            end(.failure(error))
        }
    }

    private func end(_ result: Result<ProviderResult, any Error>) {
        state.withLock { $0.result = result }
    }

    /// A question that failed says nothing about the work; only the task's own deadline ends it.
    private func failed(_ error: ProviderError, usual: Duration) {
        guard !Self.endsJobs.contains(error.code) else { return end(.failure(error)) }
        let isLost = state.withLock { $0.strikes.areOut(after: error.code, at: parts.time.now) }
        guard !isLost else { return end(.failure(Self.lost)) }
        logger.debug(
            "A poll failed.",
            metadata: ["provider": "\(member.provider.name)", "code": "\(error.code)"]
        )
        let pause = max(usual, min(error.recovery.delay, Self.longestDelay))
        state.withLock { $0.due = parts.time.elapsed + pause }
    }

    /// Asks with the key that was right until now; with the other keys too if the vendor does not accept it any more.
    private func progress(of job: ProviderJob, _ key: Secret) async throws -> ProviderProgress {
        do {
            return try await poll(job, key)
        } catch let error as ProviderError where error.code == .credential {
            for other in member.keys(first: firstKey).map(\.secret) where other != key {
                do {
                    let progress = try await poll(job, other)
                    state.withLock { $0.key = other }
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
        try await parts.workers.withSlot { try await member.provider.adapter.poll(job, key: key) }
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

    /// The distance to the next question: as the vendor says, but neither sooner than the operator allows nor much later.
    private static func pause(_ job: ProviderJob, _ provider: EngineProvider) -> Duration {
        let usual = provider.pollInterval
        guard let asked = job.pollAfter else { return usual }
        return min(max(.milliseconds(asked), usual), usual * 3)
    }

    private static let jitter = 0.9...1.1

    private static func jittered(_ pause: Duration) -> Duration { pause * Double.random(in: jitter) }
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
