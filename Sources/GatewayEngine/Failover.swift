// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What to do after a failed attempt of one portion: pure, values in and a step out.
///
/// The rule that outranks all others: a submission that may have bought a picture is followed by another only if the
/// provider that lost it allows that, and at most once for each task (``LiveTask/takeRepeat()`` grants it).
struct Failover: Sendable {
    /// What to do next.
    enum Step: Sendable, Equatable {
        /// Ask this candidate, no sooner than the delay.
        case submit(candidate: Int, after: Duration)
        /// Give the portion up.
        case giveUp(TaskFailure)
    }

    /// How many candidates there are.
    let candidates: Int
    /// The candidate whose turn it is.
    private(set) var place: Int
    private var retries = 0
    /// The failure that tells the caller most, so far.
    private var told: ProviderError?

    /// - Parameters:
    ///   - candidates: How many there are.
    ///   - place: The one whose turn it is; -1 when it was that of one who is a candidate no more.
    init(candidates: Int, place: Int = 0) {
        self.candidates = candidates
        self.place = place
    }

    /// The longest pause before asking the same vendor again when there is another one.
    private static let patience = Duration.seconds(2)

    /// The first step.
    func first() -> Step {
        candidates > 0 ? .submit(candidate: place, after: .zero) : .giveUp(Self.nobody)
    }

    /// Whether a failure may be followed by another submission although it may have bought a picture, provided that the
    /// task has not had its one repeat yet.
    ///
    /// - Parameters:
    ///   - error: Why the last attempt gave nothing.
    ///   - provider: Who made it; `nil` if the configuration does not have it any more.
    func mayRepeat(after error: ProviderError, by provider: EngineProvider?) -> Bool {
        switch error.outcome {
        case .unknown: provider?.resubmitUnknown == .once
        case .failed: provider?.failedTask == .failOver && error.recovery.failsOver && hasNext
        default: false
        }
    }

    /// The step after a failure.
    ///
    /// - Parameters:
    ///   - error: Why the last attempt gave nothing.
    ///   - isRepeatGranted: Whether one more submission may follow one that may have bought a picture.
    mutating func step(after error: ProviderError, isRepeatGranted: Bool) -> Step {
        if told.map({ Self.weight(error) >= Self.weight($0) }) ?? true { told = error }
        let failure = Self.failure(for: told ?? error)
        if error.outcome.mayHaveBought {
            guard isRepeatGranted else { return .giveUp(failure) }
            if hasNext { place += 1 }
            retries = 0
            return .submit(candidate: place, after: .zero)
        }
        let failsOver = error.recovery.failsOver && hasNext
        // Nobody waits for one vendor while another could draw.
        let isWorthWaiting = !failsOver || error.recovery.delay <= Self.patience
        if retries < error.recovery.retries, isWorthWaiting {
            retries += 1
            return .submit(candidate: place, after: error.recovery.delay)
        }
        guard failsOver else { return .giveUp(failure) }
        place += 1
        retries = 0
        return .submit(candidate: place, after: .zero)
    }

    private var hasNext: Bool { place + 1 < candidates }

    /// A failure that lies with the request, or with money that may be spent, tells the caller more than one that lies
    /// with a vendor.
    private static func weight(_ error: ProviderError) -> Int {
        if error.outcome == .unknown { return 3 }
        return switch error.code {
        case .refused: 3
        case .invalidRequest: 2
        case .noImage: 1
        default: 0
        }
    }

    /// The caller's view of a vendor's failure.
    static func failure(for error: ProviderError) -> TaskFailure {
        if error.code == .badPicture { return TaskFailure(.invalidImage, error.message) }
        if error.outcome == .unknown { return TaskFailure(.outcomeUnknown, error.message) }
        return switch error.code {
        case .refused: TaskFailure(.contentPolicyViolation, error.message)
        case .invalidRequest: TaskFailure(.unsupportedParameter, error.message)
        case .noImage: TaskFailure(.noImageGenerated, error.message)
        case .credential, .outOfCredit, .modelUnavailable, .unreachable, .rateLimited:
            TaskFailure(.providerUnavailable, error.message)
        default: TaskFailure(.upstreamError, error.message)
        }
    }

    static let nobody = TaskFailure(.providerUnavailable, "No provider can serve this model now.")
}
