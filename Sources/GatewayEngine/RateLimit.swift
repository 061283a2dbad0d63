// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Spreads submissions over a minute: the generic cell rate algorithm, pure, the time comes in.
///
/// No minute, wherever it begins, has more than the limit: what a burst takes at once is taken from the pace.
struct RateLimit: Sendable {
    private let interval: Duration
    private let burst: Int
    /// When the next turn would be due if every turn came at the pace, from the beginning of the clock on: finer than the
    /// clock, so that nothing is lost by rounding.
    private var due = Duration.zero

    /// - Parameter perMinute: How many a minute; 0 for no limit.
    init(perMinute: Int) {
        burst = perMinute > 0 ? max(1, min(5, perMinute / 20)) : 0
        // The quotient is cut off: a little more, or one turn too many fits into the minute.
        interval = perMinute > 0 ? .seconds(60) / (perMinute - burst + 1) + .nanoseconds(1) : .zero
    }

    /// How long the next turn would have to wait.
    func wait(at now: Timestamp) -> Duration {
        burst > 0 ? max(.zero, due - .milliseconds(now.milliseconds) - interval * (burst - 1)) : .zero
    }

    /// Takes the next turn, and tells how long to wait for it.
    mutating func take(at now: Timestamp) -> Duration {
        let wait = wait(at: now)
        due = max(due, .milliseconds(now.milliseconds)) + interval
        return wait
    }
}
