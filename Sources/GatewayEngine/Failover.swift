// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What to do after a failed attempt of one portion: pure, values in and a step out.
///
/// The rule that outranks all others: a submission that may have bought a picture is followed by another only if the
/// provider that lost it allows that, and at most once for each task.
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

    /// The step after a failure.
    ///
    /// - Parameters:
    ///   - error: Why the last attempt gave nothing.
    ///   - lostPurchases: How many attempts of the whole task may have bought a picture that never came, this one included.
    ///   - policy: What the provider of the last attempt allows.
    mutating func step(after error: ProviderError, lostPurchases: Int, policy: ResubmitUnknown) -> Step {
        if told.map({ Self.weight(error.code) >= Self.weight($0.code) }) ?? true { told = error }
        if error.outcome.mayHaveBought {
            guard policy == .once, lostPurchases <= 1 else { return .giveUp(Self.failure(for: error)) }
            place = place + 1 < candidates ? place + 1 : place
            retries = 0
            return .submit(candidate: place, after: .zero)
        }
        let hasNext = error.recovery.failsOver && place + 1 < candidates
        // Nobody waits for one vendor while another could draw.
        let isWorthWaiting = !hasNext || error.recovery.delay <= Self.patience
        if retries < error.recovery.retries, isWorthWaiting {
            retries += 1
            return .submit(candidate: place, after: error.recovery.delay)
        }
        guard hasNext else { return .giveUp(Self.failure(for: told ?? error)) }
        place += 1
        retries = 0
        return .submit(candidate: place, after: .zero)
    }

    /// A failure that lies with the request tells the caller more than one that lies with a vendor.
    private static func weight(_ code: ProviderError.Code) -> Int {
        switch code {
        case .refused: 3
        case .outcomeUnknown: 3
        case .invalidRequest: 2
        case .noImage: 1
        default: 0
        }
    }

    /// The caller's view of a vendor's failure.
    static func failure(for error: ProviderError) -> TaskFailure {
        switch error.code {
        case .refused: TaskFailure(.contentPolicyViolation, error.message)
        case .invalidRequest: TaskFailure(.unsupportedParameter, error.message)
        case .noImage: TaskFailure(.noImageGenerated, error.message)
        case .outcomeUnknown: TaskFailure(.outcomeUnknown, error.message)
        case .credential, .outOfCredit, .modelUnavailable, .unreachable, .rateLimited:
            TaskFailure(.providerUnavailable, error.message)
        default: TaskFailure(.upstreamError, error.message)
        }
    }

    static let nobody = TaskFailure(.providerUnavailable, "No provider can serve this model now.")
}
