// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Synchronization

/// How fast each caller asks, in this process.
final class CallerPaces: Sendable {
    /// How a caller stands after a request.
    struct Standing: Sendable {
        /// How many requests a minute it may make.
        var limit: Int
        /// How many it may make at once now.
        var remaining: Int
        /// How long until it may make as many as ever.
        var untilFull: Duration
        /// How long it has to wait; zero if the request may go.
        var wait: Duration

        /// The headers by which the official clients tell it.
        var headers: HTTPFields {
            [
                .rateLimit: String(limit), .rateRemaining: String(remaining),
                .rateReset: Self.text(untilFull),
            ]
        }

        /// `1m30s`, `6s`, `120ms`: the form of the official API.
        static func text(_ duration: Duration) -> String {
            let milliseconds = max(0, duration.milliseconds)
            guard milliseconds >= 1000 else { return "\(milliseconds)ms" }
            // Rounded up: whoever comes then is not too early.
            let seconds = (milliseconds + 999) / 1000
            return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
        }
    }

    private struct Pace {
        var limit: Int
        var rate: RateLimit
    }

    private let paces = Mutex<[String: Pace]>([:])

    /// Takes a turn if there is one; `nil` for a caller without a limit.
    func take(_ caller: Caller, at now: Timestamp) -> Standing? {
        guard let limit = caller.limits.requestsPerMinute else { return nil }
        return paces.withLock { paces in
            // There are as many entries as keys.
            var pace = paces[caller.name] ?? Pace(limit: limit, rate: RateLimit(bucketOf: limit))
            if pace.limit != limit { pace = Pace(limit: limit, rate: RateLimit(bucketOf: limit)) }
            pace.rate.notice(now)
            let wait = pace.rate.wait(at: now)
            if wait == .zero { _ = pace.rate.take(at: now) }
            paces[caller.name] = pace
            return Standing(
                limit: limit,
                remaining: pace.rate.remaining(at: now),
                untilFull: pace.rate.untilFull(at: now),
                wait: wait
            )
        }
    }
}

extension HTTPField.Name {
    static let rateLimit = HTTPField.Name("x-ratelimit-limit-requests") ?? .via
    static let rateRemaining = HTTPField.Name("x-ratelimit-remaining-requests") ?? .via
    static let rateReset = HTTPField.Name("x-ratelimit-reset-requests") ?? .via
}
