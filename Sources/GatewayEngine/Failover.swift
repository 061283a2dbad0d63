// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Whom to ask for one portion, and what to do after a failed attempt: pure, values in and a step out.
///
/// The rule that outranks all others: a submission that may have bought a picture is followed by another only if the
/// provider that lost it allows that, and at most once for each task (``LiveTask/takeRepeat()`` grants it).
struct Failover: Sendable {
    /// What to do next.
    enum Step: Sendable, Equatable {
        /// Ask this candidate, no sooner than the delay.
        case submit(candidate: Int, after: Duration)
        /// Nobody can be asked now: look again after this time.
        case wait(Duration)
        /// Give the portion up.
        case giveUp(TaskFailure)
    }

    /// Whether a candidate can be asked.
    enum Standing: Sendable, Equatable {
        /// Now, or as soon as its pace allows.
        case ready(after: Duration)
        /// It is out, and may be back after this time.
        case returning(after: Duration)
        /// It is out until an operator does something.
        case gone
    }

    /// How everything stands at the moment of a step.
    struct Situation: Sendable {
        /// The candidates.
        var standings: [Standing]
        /// How much time the task has.
        var timeLeft: Duration
        /// How long the portion may wait for a provider to come back: the time left, or less while a caller waits.
        var patience: Duration
    }

    /// The candidates that may still be asked, in order.
    private var line: [Int]
    /// The one whose turn it is or was; `nil` when it was that of one who is a candidate no more.
    private var current: Int?
    private let onRefusal: OnRefusal
    private var retries = 0
    private var limits = 0
    /// The failure that tells the caller most, so far.
    private var told: ProviderError?

    /// - Parameters:
    ///   - candidates: How many there are.
    ///   - place: The one whose turn it is; `nil` when it was that of one who is a candidate no more.
    ///   - onRefusal: What the route says about refusals.
    init(candidates: Int, place: Int? = 0, onRefusal: OnRefusal = .report) {
        line = Array((place ?? 0)..<max(candidates, place ?? 0))
        current = place
        self.onRefusal = onRefusal
    }

    /// The longest pause before asking the same vendor again when there is another one.
    private static let patience = Duration.seconds(2)
    /// How often a portion comes back to providers that limit it; the pauses grow, so this is seldom reached.
    private static let mostLimits = 30

    /// Who is asked now.
    mutating func next(_ now: Situation) -> Step {
        var waits: [(place: Int, wait: Duration)] = []
        var returns: [Duration] = []
        for place in line {
            switch now.standings[place] {
            case .ready(let wait) where wait < now.timeLeft || wait == .zero: waits.append((place, wait))
            case .returning(let pause): returns.append(pause)
            default: break
            }
        }
        let prompt = waits.first { $0.wait <= Self.patience }
        let soonest = returns.filter { $0 < now.patience }.min()
        if let ready = prompt ?? waits.min(by: { $0.wait < $1.wait }),
            prompt != nil || ready.wait <= soonest ?? ready.wait
        {
            if current != ready.place { retries = 0 }
            current = ready.place
            return .submit(candidate: ready.place, after: .zero)
        }
        return soonest.map(Step.wait) ?? giveUp()
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
        case .failed: provider?.failedTask == .failOver && error.recovery.failsOver && hasOthers
        default: false
        }
    }

    /// The step after a failure.
    ///
    /// - Parameters:
    ///   - error: Why the last attempt gave nothing.
    ///   - isRepeatGranted: Whether one more submission may follow one that may have bought a picture.
    ///   - now: How everything stands, the failure's consequences included.
    mutating func step(after error: ProviderError, isRepeatGranted: Bool, _ now: Situation) -> Step {
        if told.map({ Self.weight(error) >= Self.weight($0) }) ?? true { told = error }
        if error.outcome.mayHaveBought {
            guard isRepeatGranted else { return giveUp() }
            retries = 0
            // The next provider if there is one, else the same: it goes to the end of the line.
            leave(forGood: error.outcome == .failed)
            return next(now)
        }
        if error.isAboutKey { return step(afterKeyFailure: error, now) }
        let failsOver = error.recovery.failsOver || (error.code == .refused && onRefusal == .failOver)
        let isReady = current.map { now.standings[$0].isReady } ?? false
        let delay = error.recovery.delay
        // Nobody waits for one vendor while another could draw.
        let isWorthWaiting = !(failsOver && othersAreReady(now)) || delay <= Self.patience
        if let current, isReady, retries < error.recovery.retries, isWorthWaiting, delay < now.patience {
            retries += 1
            return .submit(candidate: current, after: delay)
        }
        guard failsOver else { return giveUp() }
        leave(forGood: true)
        return next(now)
    }

    /// The next key of the same provider, else the next provider; one that only limits its callers is come back to.
    private mutating func step(afterKeyFailure error: ProviderError, _ now: Situation) -> Step {
        if let current, now.standings[current].isReady { return .submit(candidate: current, after: .zero) }
        limits += error.code == .rateLimited ? 1 : 0
        leave(forGood: error.code != .rateLimited || limits >= Self.mostLimits)
        return next(now)
    }

    /// Takes the candidate out of the line, or puts it at the end.
    private mutating func leave(forGood: Bool) {
        guard let current else { return }
        line.removeAll { $0 == current }
        if !forGood { line.append(current) }
    }

    private var hasOthers: Bool { line.contains { $0 != current } }

    private func othersAreReady(_ now: Situation) -> Bool {
        line.contains { $0 != current && now.standings[$0].isReady }
    }

    private func giveUp() -> Step { .giveUp(told.map(Self.failure) ?? Self.nobody) }

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

extension Failover.Standing {
    /// Whether it can be asked as soon as its pace allows.
    var isReady: Bool {
        if case .ready = self { true } else { false }
    }
}

extension ProviderError {
    /// Whether it lies with the key, or with what the key's account may have: another key may do better.
    var isAboutKey: Bool {
        switch code {
        case .credential, .outOfCredit, .modelUnavailable, .rateLimited: true
        default: consequence == .disableKey || consequence == .disableModelForKey
        }
    }

    /// Whether the portion that had it does not use that key again, whatever becomes of the key.
    var spoilsKey: Bool { isAboutKey && code != .rateLimited }
}
