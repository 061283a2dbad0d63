// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Keeps calls away from a model of a provider that fails again and again, and finds out with one call at a time whether
/// it works again: pure, the time comes in.
///
/// It counts failures in a row, of submissions and of accepted work apart: a vendor that finishes old work while it
/// takes nothing new is down. Five in a row come about by chance once in three million calls where one in twenty fails,
/// and at once where a vendor is down.
struct Breaker: Sendable {
    /// What a call has shown.
    enum Signal: Sendable, Equatable {
        /// The vendor gave pictures, or answered as only a working model does.
        case works
        /// A submission failed in a way that speaks against the vendor.
        case failedToSubmit
        /// Work that the vendor had accepted failed or was lost.
        case failedAtWork
        /// The vendor took a submission; whether it can do the work is still open.
        case accepted
        /// Nothing either way.
        case nothing
    }

    /// Permission for one call, to be given back with what it has shown.
    struct Pass: Sendable, Equatable {
        fileprivate var epoch: Int
        fileprivate(set) var isProbe: Bool
    }

    /// What the operator is told.
    enum Change: Sendable, Equatable {
        case opened(until: Timestamp), reopened(until: Timestamp), closed
    }

    enum Phase: Sendable, Equatable {
        case closed
        case open(until: Timestamp)
        /// Waits for a probe, or for what it shows; a probe without an end does not keep others away for ever.
        case halfOpen(probeUntil: Timestamp?)
    }

    /// How many failures in a row open it.
    static let threshold = 5
    static let shortestPause = Duration.seconds(30)
    static let longestPause = Duration.seconds(300)
    /// How long a probe may take before another is allowed.
    static let probeTime = Duration.seconds(120)

    private(set) var phase = Phase.closed
    private var submissions = 0
    private var works = 0
    private var openings = 0
    /// Grows with every change of the phase: what was sent before tells nothing about now.
    private var epoch = 0

    /// How long until a call may be made, as far as is known; zero for now.
    func pause(at now: Timestamp) -> Duration {
        switch phase {
        case .closed, .halfOpen(nil): .zero
        case .open(let until): max(.zero, now.duration(to: until))
        case .halfOpen(let until?): max(.zero, now.duration(to: until))
        }
    }

    /// Whether the result of a probe is waited for, which may come at any moment.
    func isProbing(at now: Timestamp) -> Bool {
        guard case .halfOpen = phase else { return false }
        return pause(at: now) > .zero
    }

    /// Lets a call through; `nil` if none may go now.
    mutating func admit(at now: Timestamp) -> Pass? {
        guard pause(at: now) == .zero else { return nil }
        if phase == .closed { return Pass(epoch: epoch, isProbe: false) }
        enter(.halfOpen(probeUntil: now.advanced(by: Self.probeTime)))
        return Pass(epoch: epoch, isProbe: true)
    }

    /// A pass for work that is in the vendor's hands already.
    func following() -> Pass { Pass(epoch: epoch, isProbe: false) }

    /// Takes note of what a call has shown.
    ///
    /// - Parameters:
    ///   - signal: What it has shown.
    ///   - pass: Its permission.
    ///   - now: The moment.
    ///   - jitter: About 1: keeps processes that failed together from coming back together.
    mutating func note(_ signal: Signal, _ pass: Pass, at now: Timestamp, jitter: Double = 1) -> Change? {
        guard pass.epoch == epoch else { return nil }
        if pass.isProbe { return judge(signal, at: now, jitter) }
        guard phase == .closed else { return nil }
        switch signal {
        case .nothing: break
        case .accepted: submissions = 0
        case .works: (submissions, works) = (0, 0)
        case .failedToSubmit: submissions += 1
        case .failedAtWork: works += 1
        }
        guard max(submissions, works) >= Self.threshold else { return nil }
        return .opened(until: open(at: now, jitter))
    }

    private mutating func judge(_ signal: Signal, at now: Timestamp, _ jitter: Double) -> Change? {
        switch signal {
        case .accepted: return nil
        case .nothing:
            enter(.halfOpen(probeUntil: nil))
            return nil
        case .works:
            openings = 0
            enter(.closed)
            return .closed
        case .failedToSubmit, .failedAtWork: return .reopened(until: open(at: now, jitter))
        }
    }

    private mutating func open(at now: Timestamp, _ jitter: Double) -> Timestamp {
        let pause = min(Self.shortestPause * (1 << min(openings, 10)), Self.longestPause)
        let until = now.advanced(by: pause * jitter)
        openings += 1
        enter(.open(until: until))
        return until
    }

    private mutating func enter(_ phase: Phase) {
        self.phase = phase
        (submissions, works) = (0, 0)
        epoch += 1
    }
}

extension ProviderError {
    /// What a failure says about the health of a model.
    ///
    /// - Parameter isAccepted: Whether the vendor had taken the submission.
    func signal(isAccepted: Bool) -> Breaker.Signal {
        switch code {
        case .overloaded, .unreachable, .outcomeUnknown, .notUnderstood, .badPicture, .failed, .jobNotFound:
            isAccepted ? .failedAtWork : .failedToSubmit
        // Only a vendor that works looks at what it is asked to draw.
        case .refused: .works
        // The request's fault, the key's fault, or an answer of a front end that says nothing of the model behind.
        default: .nothing
        }
    }
}
