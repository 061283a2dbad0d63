// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Why a vendor gave no picture: what happened, what may be tried next, one sentence for a person, and the cause.
public struct ProviderError: Error, Sendable {
    /// What happened.
    public var code: Code
    /// What the engine may try next.
    public var recovery: Recovery
    /// What became of the call, which decides whether another may be made.
    public var outcome: Attempt.Outcome
    /// What else the failure says about key or model, so that the next call does not run into it again.
    public var consequence: Consequence?
    /// One sentence for the caller: without credentials, vendor names, hosts or raw bodies.
    public var message: String
    /// The vendor's own words, at most 500 characters, for the operator's debug log only.
    public var detail: String?
    /// The lower-level error this one was made from.
    public var cause: (any Error)?

    /// Creates an error whose recovery, outcome and consequence follow from its code unless they are given.
    public init(
        _ code: Code,
        _ message: String,
        recovery: Recovery? = nil,
        outcome: Attempt.Outcome? = nil,
        consequence: Consequence? = nil,
        detail: String? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.recovery = recovery ?? code.defaultRecovery
        self.outcome = outcome ?? code.defaultOutcome
        self.consequence = consequence ?? code.defaultConsequence
        self.detail = detail.map { String($0.prefix(500)) }
        self.cause = cause
    }
}

extension ProviderError {
    /// What happened; more can be added, so compare, do not switch.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Name: String {
            case invalidRequest, refused, credential, outOfCredit, modelUnavailable, rateLimited, overloaded
            case unreachable, noImage, badPicture, outcomeUnknown, jobNotFound, failed, notUnderstood
        }

        private let name: Name

        /// The vendor says the request is wrong; another vendor would probably say so too.
        public static let invalidRequest = Code(name: .invalidRequest)
        /// The vendor's content policy forbids it: final, and no sign of ill health.
        public static let refused = Code(name: .refused)
        /// The key is wrong, revoked, expired or not allowed here.
        public static let credential = Code(name: .credential)
        /// The account has no money or quota left; waiting does not help.
        public static let outOfCredit = Code(name: .outOfCredit)
        /// The model is gone, or this account cannot see it.
        public static let modelUnavailable = Code(name: .modelUnavailable)
        /// Too many calls; waiting helps.
        public static let rateLimited = Code(name: .rateLimited)
        /// The vendor is overloaded or answers with a 5xx; the call did nothing.
        public static let overloaded = Code(name: .overloaded)
        /// The call never left: no name, no route, no TLS.
        public static let unreachable = Code(name: .unreachable)
        /// The vendor answered without a picture and without a refusal.
        public static let noImage = Code(name: .noImage)
        /// What the vendor delivered as a picture is none that can be used: made, and probably billed.
        public static let badPicture = Code(name: .badPicture)
        /// Sent, and no answer: it may have run and may be billed.
        public static let outcomeUnknown = Code(name: .outcomeUnknown)
        /// The vendor does not know the job it is asked for: not yet, or not any more.
        public static let jobNotFound = Code(name: .jobNotFound)
        /// The vendor says that the work it had accepted failed.
        public static let failed = Code(name: .failed)
        /// The vendor answered in a way its description does not have.
        public static let notUnderstood = Code(name: .notUnderstood)

        /// The code's name, for logs.
        public var description: String { name.rawValue }

        var defaultRecovery: Recovery {
            switch name {
            case .invalidRequest, .refused, .outcomeUnknown, .jobNotFound: .report
            case .credential, .outOfCredit, .modelUnavailable, .rateLimited, .unreachable, .failed: .failOver
            case .overloaded: .failOver
            case .noImage, .badPicture, .notUnderstood: .failOver
            }
        }

        var defaultOutcome: Attempt.Outcome {
            switch name {
            case .invalidRequest, .credential, .outOfCredit, .modelUnavailable, .rateLimited, .overloaded: .rejected
            case .unreachable: .notSent
            case .refused: .refused
            case .noImage: .noImage
            case .outcomeUnknown, .badPicture, .jobNotFound, .notUnderstood: .unknown
            case .failed: .failed
            }
        }

        var defaultConsequence: Consequence? {
            switch name {
            case .credential, .outOfCredit: .disableKey
            case .modelUnavailable: .disableModel
            case .rateLimited: .coolDown(.seconds(5))
            default: nil
            }
        }
    }

    /// What the engine may try after a failure.
    public struct Recovery: Sendable, Hashable {
        /// How often the same vendor may be asked again first.
        public var retries: Int
        /// How long to wait before that.
        public var delay: Duration
        /// Whether the next vendor may be asked when the retries are used up.
        public var failsOver: Bool

        /// Report it, try nothing else.
        public static let report = Recovery(retries: 0, delay: .zero, failsOver: false)
        /// This vendor cannot serve the request now: try the next.
        public static let failOver = Recovery(retries: 0, delay: .zero, failsOver: true)

        /// The same vendor will probably serve it if asked again.
        ///
        /// - Parameters:
        ///   - times: How often.
        ///   - delay: How long to wait before each.
        ///   - failsOver: Whether the next vendor comes after that.
        public static func retry(_ times: Int, after delay: Duration = .zero, thenFailOver failsOver: Bool) -> Recovery
        {
            Recovery(retries: times, delay: delay, failsOver: failsOver)
        }
    }

    /// What a failure means for the calls after it.
    public enum Consequence: Sendable, Hashable {
        /// Do not use this key again, but for a call now and then that finds out whether it works again.
        case disableKey
        /// Do not ask this vendor for this model again, but for a call now and then.
        case disableModel
        /// Do not ask for this model with this key again: the account cannot have it, another may.
        case disableModelForKey
        /// Leave this key alone for a while.
        case coolDown(Duration)
    }
}
