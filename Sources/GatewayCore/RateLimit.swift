// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Spreads turns over a minute: the generic cell rate algorithm, pure, the time comes in.
public struct RateLimit: Sendable {
    private let interval: Duration
    private let burst: Int
    /// When the next turn would be due if every turn came at the pace, from the beginning of the clock on: finer than the
    /// clock, so that nothing is lost by rounding.
    private var due = Duration.zero

    /// A limit for what this process sends: no minute, wherever it begins, has more, because what a burst takes at once is
    /// taken from the pace.
    ///
    /// - Parameter perMinute: How many a minute; 0 for no limit.
    public init(perMinute: Int) {
        burst = perMinute > 0 ? max(1, min(5, perMinute / 20)) : 0
        // The quotient is cut off: a little more, or one turn too many fits into the minute.
        interval = perMinute > 0 ? .seconds(60) / (perMinute - burst + 1) + .nanoseconds(1) : .zero
    }

    /// A limit for what callers send: a bucket that holds the turns of a minute, which may be taken at once, and fills up
    /// evenly.
    ///
    /// - Parameter bucketOf: How many a minute; 0 for no limit.
    public init(bucketOf perMinute: Int) {
        burst = max(0, perMinute)
        interval = perMinute > 0 ? .seconds(60) / perMinute : .zero
    }

    /// Notes that a bucket is looked at: where the clock was set back meanwhile, it is empty, and fills up from then on.
    public mutating func notice(_ now: Timestamp) {
        due = min(due, .milliseconds(now.milliseconds) + interval * burst)
    }

    /// How long the next turn would have to wait.
    public func wait(at now: Timestamp) -> Duration {
        burst > 0 ? max(.zero, due - .milliseconds(now.milliseconds) - interval * (burst - 1)) : .zero
    }

    /// Takes the next turn, and tells how long to wait for it.
    public mutating func take(at now: Timestamp) -> Duration {
        let wait = wait(at: now)
        due = max(due, .milliseconds(now.milliseconds)) + interval
        return wait
    }

    /// How long until everything that was taken has come back.
    public func untilFull(at now: Timestamp) -> Duration {
        max(.zero, due - .milliseconds(now.milliseconds))
    }

    /// How many turns can be taken at once.
    public func remaining(at now: Timestamp) -> Int {
        guard burst > 0 else { return 0 }
        // The quotient is not exact: what is a hair more than a whole number of turns is that number.
        let taken = Int((untilFull(at: now) / interval - 1e-6).rounded(.up))
        return max(0, burst - taken)
    }
}
