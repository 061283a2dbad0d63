// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// An answer that is no success: the vendor's own, by its code, or that of something in front of it, by its status.
struct AiToEarnFault: Sendable {
    /// The envelope's code; `nil` if the answer had no envelope, and so is not the vendor's own.
    let code: Int?
    /// The HTTP status, which says nothing if there is a code.
    let status: Int
    /// The vendor's words, in whatever language.
    let message: String
    /// How long to wait, if the answer said so.
    let delay: Duration?

    init(_ rejection: VendorAPI.Rejection) {
        code = rejection.body?["code"]?.integer.flatMap { $0 == 0 ? nil : $0 }
        status = rejection.status
        message = rejection.body?["message"]?.beginning(2000) ?? ""
        let seconds =
            rejection.body?["data"]?["ttl"]?.double ?? rejection.headers[.retryAfter].flatMap { Double($0) }
        delay = seconds.flatMap { (0..<1e6).contains($0) ? .seconds($0) : nil }
    }

    /// An error with the vendor's words for the debug log.
    func error(
        _ kind: ProviderError.Code,
        _ message: String,
        recovery: ProviderError.Recovery? = nil,
        outcome: Attempt.Outcome? = nil,
        consequence: ProviderError.Consequence? = nil
    ) -> ProviderError {
        let source = code.map { "code \($0)" } ?? "HTTP \(status)"
        return ProviderError(
            kind,
            message,
            recovery: recovery,
            outcome: outcome,
            consequence: consequence,
            detail: source + (self.message.isEmpty ? "" : ": \(self.message)")
        )
    }
}

/// What the vendor's codes mean, and the statuses of what stands in front of it.
enum AiToEarnErrors {
    private static let longestDelay = Duration.seconds(60)
    private static let credentials = "The provider does not accept the gateway's credentials."

    // MARK: Submissions

    /// The error of an answer to a submission, or to a question for the lists.
    static func ofSubmission(_ fault: AiToEarnFault) -> ProviderError {
        guard let code = fault.code else { return ofFrontEnd(fault) }
        switch code {
        case 400, 10002, 12750, 12752: return fault.error(.invalidRequest, invalid)
        case 401, 403, 12000, 12003, 19000: return fault.error(.credential, credentials)
        case 429, 10003: return limited(fault)
        case 12001: return fault.error(.outOfCredit, "The gateway's account at the provider has no credit.")
        case 12002: return fault.error(.outOfCredit, "The gateway's account at the provider has no room left.")
        case 12300: return fault.error(.modelUnavailable, "The provider does not offer this model.")
        case 12301: return upstream(fault)
        case 10100, 10101:
            // Its storage comes last: there may be a picture by then.
            return fault.error(.outcomeUnknown, "The provider could not keep the picture it may have made.")
        case 500, 12751, 19001: return overloaded(fault)
        default: return unexpected(fault)
        }
    }

    private static let invalid = "The provider says that the request is invalid."

    private static func overloaded(_ fault: AiToEarnFault) -> ProviderError {
        let recovery = ProviderError.Recovery.retry(1, after: .seconds(1), thenFailOver: true)
        return fault.error(.overloaded, "The provider is overloaded or out of order.", recovery: recovery)
    }

    /// An answer that its description does not have, or a wrong address: it did nothing.
    private static func unexpected(_ fault: AiToEarnFault) -> ProviderError {
        let isAddress = fault.code == 404 || fault.code == nil
        return fault.error(
            .notUnderstood,
            "The provider answered in an unexpected way.",
            recovery: isAddress ? .failOver : .retry(1, after: .seconds(1), thenFailOver: true),
            outcome: .rejected
        )
    }

    private static func limited(_ fault: AiToEarnFault) -> ProviderError {
        let delay = min(max(fault.delay ?? .seconds(5), .seconds(1)), longestDelay)
        return fault.error(
            .rateLimited,
            "The provider limits the gateway's calls.",
            recovery: .retry(1, after: delay, thenFailOver: true),
            consequence: .coolDown(delay)
        )
    }

    /// An error from upstream, wrapped: the words behind the colon are what counts.
    private static func upstream(_ fault: AiToEarnFault) -> ProviderError {
        let words = fault.message.replacing(/^[^:：]*[:：]\s*/, with: "", maxReplacements: 1)
        return switch AiToEarnReasons.reason(of: AiToEarnReasons.bare(words)) {
        case .content: fault.error(.refused, AiToEarnReasons.refusal)
        case .request: fault.error(.invalidRequest, AiToEarnReasons.misfit)
        case .account, .trouble, .other: overloaded(fault)
        }
    }

    /// What stands in front of the vendor answers in HTML; the vendor itself may have had the request by then.
    private static func ofFrontEnd(_ fault: AiToEarnFault) -> ProviderError {
        switch fault.status {
        case 401: fault.error(.credential, credentials)
        case 403:
            // Some filter on the way may have said so; the key is not proved bad.
            fault.error(.credential, credentials, consequence: .coolDown(longestDelay))
        case 413: fault.error(.invalidRequest, "The request is larger than the provider takes.")
        case 429: limited(fault)
        case 499, 502, 504, 520, 522, 524:
            fault.error(.outcomeUnknown, "The provider took too long; it may have taken the request all the same.")
        case 408, 500...599: overloaded(fault)
        default: unexpected(fault)
        }
    }

    // MARK: Polls

    /// The error of an answer to a poll: none says what became of the task, which goes on whether or not it can be seen.
    static func ofPoll(_ fault: AiToEarnFault) -> ProviderError {
        var error = pollError(fault)
        error.outcome = .unknown
        return error
    }

    private static func pollError(_ fault: AiToEarnFault) -> ProviderError {
        guard let code = fault.code else { return frontEndPollError(fault) }
        // A wrong address is called 404 as well.
        if code == 404, fault.message.hasPrefix("Cannot ") { return unexpected(fault) }
        switch code {
        case 404, 12302, 12303: return fault.error(.jobNotFound, "The provider does not know the task.")
        case 400, 10002:
            // The same name would be refused again and again.
            return fault.error(.jobNotFound, "The provider does not take the name it gave its task.")
        case 401, 403, 12000, 12003, 19000: return fault.error(.credential, credentials, recovery: .report)
        case 429, 10003: return limited(fault)
        default: return overloaded(fault)
        }
    }

    private static func frontEndPollError(_ fault: AiToEarnFault) -> ProviderError {
        switch fault.status {
        case 401: fault.error(.credential, credentials, recovery: .report)
        case 429: limited(fault)
        case 400..<500: unexpected(fault)
        default: overloaded(fault)
        }
    }
}
