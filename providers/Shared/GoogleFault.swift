// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// An error of a Google API (`google.rpc.Status` in JSON), taken apart; every part may be missing.
struct GoogleFault: Sendable {
    /// The HTTP status.
    let status: Int
    /// Whether the body was Google's error envelope; a front end answers in HTML.
    let hasEnvelope: Bool
    /// Google's own words, for the debug log.
    let message: String
    /// The reasons of `ErrorInfo` details: `API_KEY_INVALID` and the like.
    let reasons: Set<String>
    /// The exceeded quotas' ids and metrics, in lower case.
    let quotas: [String]
    /// Whether a quota was exceeded whose limit is nothing.
    let hasQuotaOfZero: Bool
    /// How long Google asks to wait.
    let delay: Duration?
    /// The time of day at which Google answered, in seconds of a day in UTC; its own clock decides when quotas return.
    let timeOfDay: Int?

    private let folded: String

    init(_ rejection: VendorAPI.Rejection) {
        let body = rejection.body.flatMap { $0.array == nil ? $0 : $0[0] }
        let error = body?["error"]
        let details = error?["details"]?.array ?? []
        let violations = details.flatMap { $0["violations"]?.array ?? [] }

        status = rejection.status
        hasEnvelope = error?.members != nil
        message = error?["message"]?.beginning(4000) ?? error?.beginning(4000) ?? ""
        folded = message.lowercased()
        reasons = Set(details.compactMap { $0["reason"]?.string })
        quotas = violations.flatMap { [$0["quotaId"], $0["quotaMetric"]] }.compactMap { $0?.string?.lowercased() }
        hasQuotaOfZero =
            folded.firstMatch(of: /limit: 0(?![.0-9])/) != nil
            || violations.contains { $0["quotaValue"]?.string == "0" || $0["quotaValue"]?.integer == 0 }
        delay =
            details.compactMap { $0["retryDelay"]?.string.flatMap(Self.duration) }.max()
            ?? folded.firstMatch(of: /please retry in ([0-9.]+s)/).flatMap { Self.duration(String($0.1)) }
            ?? rejection.headers[.retryAfter].flatMap { Self.duration($0 + "s") }
        timeOfDay = rejection.headers[.date].flatMap(Self.timeOfDay)
    }

    /// Whether the message has one of these phrases, whatever their case.
    func says(_ phrases: String...) -> Bool {
        phrases.contains { folded.contains($0.lowercased()) }
    }

    /// Whether a reason or, where details are missing, the message has one of these words.
    func gives(_ names: String...) -> Bool {
        names.contains { reasons.contains($0) || folded.contains($0.lowercased()) }
    }

    /// An error with Google's words for the debug log.
    func error(
        _ code: ProviderError.Code,
        _ message: String,
        recovery: ProviderError.Recovery? = nil,
        outcome: Attempt.Outcome? = nil,
        consequence: ProviderError.Consequence? = nil
    ) -> ProviderError {
        ProviderError(
            code,
            message,
            recovery: recovery,
            outcome: outcome,
            consequence: consequence,
            detail: "HTTP \(status)" + (self.message.isEmpty ? "" : ": \(self.message)")
        )
    }

    /// Reads the time of an HTTP date, `Sat, 21 Nov 2026 15:45:00 GMT`.
    static func timeOfDay(_ date: String) -> Int? {
        guard let match = date.wholeMatch(of: /.{0,20} ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT/),
            let hour = Int(match.1), let minute = Int(match.2), let second = Int(match.3), hour < 24, minute < 60
        else { return nil }
        return hour * 3600 + minute * 60 + min(second, 59)
    }

    /// Reads a protobuf duration, `47s` or `10.158753737s`.
    static func duration(_ text: String) -> Duration? {
        guard text.hasSuffix("s"), let seconds = Double(text.dropLast()), seconds >= 0, seconds < 1e9 else {
            return nil
        }
        return .seconds(seconds)
    }
}
