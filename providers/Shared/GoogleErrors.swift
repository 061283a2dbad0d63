// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What the HTTP errors of Google's APIs mean.
///
/// The status alone does not tell: a bad key is a 400, an empty purse a 429.
enum GoogleErrors {
    /// Google asks for more now and then; a key left alone longer than this would be missed.
    private static let longestDelay = Duration.seconds(60)
    /// When a daily quota returns, in seconds of a day in UTC, with a minute for clocks that differ.
    ///
    /// Midnight in California is at seven in summer and at eight in winter; asked an hour too early, the vendor says so
    /// at no cost.
    private static let quotaResets = [7 * 3600 + 60, 8 * 3600 + 60]
    /// A quota can be raised before it returns by itself; a key left alone longer than this would be missed.
    private static let longestQuotaDelay = 6 * 3600

    static func error(_ fault: GoogleFault) -> ProviderError {
        switch fault.status {
        case 400: badRequest(fault)
        case 401: fault.error(.credential, credentials)
        case 402: outOfCredit(fault)
        case 403: forbidden(fault)
        case 404: notFound(fault)
        case 408: overloaded(fault, retries: 1)
        case 413: fault.error(.invalidRequest, "The request is larger than the provider takes.")
        case 429: exhausted(fault)
        case 499, 504, 524:
            fault.error(.outcomeUnknown, "The provider took too long; it may have done the work all the same.")
        case 503: overloaded(fault, retries: 2)
        case 500...599: overloaded(fault, retries: 1)
        default: unexpected(fault)
        }
    }

    private static let credentials = "The provider does not accept the gateway's credentials."

    private static func overloaded(_ fault: GoogleFault, retries: Int) -> ProviderError {
        let recovery = ProviderError.Recovery.retry(retries, after: .seconds(1), thenFailOver: true)
        return fault.error(.overloaded, "The provider is overloaded or out of order.", recovery: recovery)
    }

    private static func outOfCredit(_ fault: GoogleFault) -> ProviderError {
        fault.error(.outOfCredit, "The gateway's account at the provider has no credit left.")
    }

    /// An answer that is not in Google's manner, from a front end or a wrong address: it did nothing.
    private static func unexpected(_ fault: GoogleFault) -> ProviderError {
        let message = "The provider's address answered in an unexpected way (HTTP \(fault.status))."
        return fault.error(.notUnderstood, message, recovery: .failOver, outcome: .rejected)
    }

    private static func badRequest(_ fault: GoogleFault) -> ProviderError {
        guard fault.hasEnvelope else { return unexpected(fault) }
        if fault.gives("API_KEY_INVALID") || fault.says("api key not valid", "api key expired", "api key not found") {
            return fault.error(.credential, credentials)
        }
        if fault.says("location is not supported") {
            // No key is at fault, and the way out of this network may change.
            let message = "The provider does not serve the place the gateway calls from."
            return fault.error(.credential, message, consequence: .coolDown(.seconds(300)))
        }
        if fault.says("free tier is not available", "enable billing", "billing account", "billed users") {
            return fault.error(.credential, "The gateway's account at the provider has no billing.")
        }
        if fault.says("aspect ratio is not enabled") {
            let message = "The provider's model cannot be told an aspect ratio."
            return fault.error(.notUnderstood, message, recovery: .failOver, outcome: .rejected)
        }
        if fault.says("unknown name", "multiple candidates", "thought_signature", "thought signature") {
            // The gateway's own mistake: another call would make it again, and the caller cannot mend it.
            let message = "The provider does not accept the form of the gateway's request."
            return fault.error(.notUnderstood, message, recovery: .report, outcome: .rejected)
        }
        if fault.says("unable to process input image", "provided image is not valid", "unsupported mime type") {
            return fault.error(.invalidRequest, "The provider cannot read an input picture.")
        }
        if fault.says("payload size", "exceeds the limit", "request size") {
            return fault.error(.invalidRequest, "The request is larger than the provider takes.")
        }
        return fault.error(.invalidRequest, "The provider says that the request is invalid.")
    }

    private static func forbidden(_ fault: GoogleFault) -> ProviderError {
        guard fault.hasEnvelope else {
            // Some box on the way may have said so; the key is not proved bad.
            return fault.error(.credential, credentials, consequence: .coolDown(longestDelay))
        }
        if fault.says("files/", "access the file") {
            return fault.error(.invalidRequest, "The provider no longer has an input picture.")
        }
        if fault.says("reported as leaked") {
            return fault.error(.credential, "The provider has revoked the gateway's credentials.")
        }
        return fault.error(.credential, credentials)
    }

    private static func notFound(_ fault: GoogleFault) -> ProviderError {
        guard fault.hasEnvelope else { return unexpected(fault) }
        if fault.says("to new users") {
            // Another key of the pool may belong to an older account.
            let message = "The provider offers this model to older accounts only."
            return fault.error(.modelUnavailable, message, consequence: .disableModelForKey)
        }
        if fault.says("requested entity was not found") {
            let message = "The provider does not have this model, or not for the gateway's account."
            return fault.error(.modelUnavailable, message, consequence: .disableModelForKey)
        }
        return fault.error(.modelUnavailable, "The provider does not offer this model any more.")
    }

    private static func exhausted(_ fault: GoogleFault) -> ProviderError {
        if fault.says("prepayment credits", "prepay credit", "credits are depleted") { return outOfCredit(fault) }
        let isFreeTier = fault.quotas.contains { $0.contains("free_tier") || $0.contains("freetier") }
        if isFreeTier || fault.hasQuotaOfZero || fault.says("free_tier") {
            // The account has no right to this model, which a paid account has.
            let message = "The gateway's account at the provider has no quota for this model."
            return fault.error(.outOfCredit, message, consequence: .disableModelForKey)
        }
        if fault.quotas.contains(where: { $0.contains("perday") || $0.contains("per_day") }) {
            let message = "The gateway's quota at the provider is used up for today."
            return fault.error(.outOfCredit, message, consequence: .coolDown(untilQuotaReset(fault.timeOfDay)))
        }
        if fault.delay == nil, fault.quotas.isEmpty, fault.says("resource has been exhausted") {
            // Capacity shared with everybody: it comes back within seconds, for any key.
            return fault.error(
                .rateLimited,
                "The provider has no free capacity.",
                recovery: .retry(2, after: .seconds(2), thenFailOver: true),
                consequence: .coolDown(.seconds(2))
            )
        }
        let delay = min(max(fault.delay ?? .seconds(5), .seconds(1)), longestDelay)
        return fault.error(
            .rateLimited,
            "The provider limits the gateway's calls.",
            recovery: .retry(1, after: delay, thenFailOver: true),
            consequence: .coolDown(delay)
        )
    }

    private static func untilQuotaReset(_ timeOfDay: Int?) -> Duration {
        guard let timeOfDay else { return .seconds(3600) }
        let seconds = quotaResets.map { $0 > timeOfDay ? $0 - timeOfDay : $0 - timeOfDay + 86_400 }.min()
        return .seconds(min(seconds ?? longestQuotaDelay, longestQuotaDelay))
    }
}
