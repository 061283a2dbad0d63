// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// The errors Google's services answer with, whatever the model; none of them is billed except one.
enum GoogleFault: String, Sendable, CaseIterable {
    case badKey = "bad-key"
    case expiredKey = "expired-key"
    case noKey = "no-key"
    case unauthenticated
    case leakedKey = "leaked-key"
    case blockedKey = "blocked-key"
    case serviceDisabled = "service-disabled"
    case billingDisabled = "billing-disabled"
    case suspended
    case location
    case noBilling = "no-billing"
    case badImage = "bad-image"
    case invalidImage = "invalid-image"
    case lostFile = "file-gone"
    case badArgument = "bad-argument"
    case noAspectRatio = "aspect-ratio-disabled"
    case tooLarge = "too-large"
    case unknownModel = "model-unknown"
    case retiredModel = "model-retired"
    case closedModel = "model-closed"
    case noEntity = "entity-not-found"
    case rateLimit = "rate-limit"
    case dailyQuota = "daily-quota"
    case noQuota = "no-quota"
    case prepaid
    case exhausted
    case cancelled
    case internalError = "internal"
    case badGateway = "bad-gateway"
    case unavailable
    case overloaded
    case unavailableInArray = "array-error"
    case deadline
    case deadlineBilled = "deadline-billed"

    /// What the fault is about.
    struct Scene: Sendable {
        var model: String
        var version: String
        var method: String
    }

    /// What is answered.
    func answer(_ scene: Scene) -> EmulatedAnswer {
        switch self {
        case .badGateway:
            .html(
                .badGateway,
                "Error 502 (Server Error)!!1",
                "The server encountered a temporary error and could not complete your request. "
                    + "Please try again in 30 seconds."
            )
        case .tooLarge:
            .html(
                .contentTooLarge,
                "Error 413 (Request Entity Too Large)!!1",
                "Your client issued a request that was too large."
            )
        case .unavailableInArray: failure(scene).answerInArray
        default: failure(scene).answer
        }
    }

    private func failure(_ scene: Scene) -> GoogleFailure {
        switch self {
        case .badKey, .expiredKey, .noKey, .unauthenticated, .leakedKey, .blockedKey, .serviceDisabled,
            .billingDisabled,
            .suspended:
            credential
        case .rateLimit, .dailyQuota, .noQuota, .prepaid, .exhausted: quota(scene.model)
        case .unknownModel: .unknownModel(scene.model, version: scene.version, method: scene.method)
        case .retiredModel: .retiredModel(scene.model)
        case .closedModel: .closedModel(scene.model)
        case .noEntity: GoogleFailure(404, "NOT_FOUND", "Requested entity was not found.")
        case .location: GoogleFailure(400, "FAILED_PRECONDITION", "User location is not supported for the API use.")
        case .noBilling:
            GoogleFailure(
                400,
                "FAILED_PRECONDITION",
                "Gemini API free tier is not available in your country. "
                    + "Please enable billing on your project in Google AI Studio."
            )
        case .badImage: .unreadablePicture
        case .invalidImage: .invalidPicture
        case .lostFile: .lostFile("abc123")
        case .badArgument: .invalid("Request contains an invalid argument.")
        case .noAspectRatio: .invalid("Aspect ratio is not enabled for this model")
        default: server
        }
    }

    private var credential: GoogleFailure {
        func denied(_ message: String, _ reason: String?) -> GoogleFailure {
            GoogleFailure(
                403,
                "PERMISSION_DENIED",
                message,
                details: reason.map { [GoogleFailure.errorInfo($0)] } ?? []
            )
        }
        switch self {
        case .noKey: return .noKey
        case .unauthenticated: return .unauthenticated
        case .expiredKey: return .badKey("API key expired. Please renew the API key.")
        case .leakedKey: return denied("Your API key was reported as leaked. Please use another API key.", nil)
        case .blockedKey:
            return denied(
                "Requests to this API generativelanguage.googleapis.com method GenerateContent are blocked.",
                "API_KEY_SERVICE_BLOCKED"
            )
        case .serviceDisabled:
            return denied(
                "Generative Language API has not been used in this project before or it is disabled.",
                "SERVICE_DISABLED"
            )
        case .billingDisabled: return denied("This API method requires billing to be enabled.", "BILLING_DISABLED")
        case .suspended: return denied("Permission denied: Consumer has been suspended.", "CONSUMER_SUSPENDED")
        default: return .badKey()
        }
    }

    private func quota(_ model: String) -> GoogleFailure {
        let exceeded = "You exceeded your current quota, please check your plan and billing details."
        let quota = "GenerateRequestsPer"
        switch self {
        case .dailyQuota:
            return .quota(exceeded, model: model, id: quota + "DayPerProjectPerModel", value: "250")
        case .noQuota:
            let text = " Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: \(model)"
            let id = quota + "DayPerProjectPerModel-FreeTier"
            return .quota(exceeded + text, model: model, id: id, value: "0", retryAfter: "47s")
        case .prepaid:
            return .quota(
                "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.",
                model: model
            )
        case .exhausted:
            return .quota("Resource has been exhausted (e.g. check quota).", model: model)
        default:
            let delay = "2.158753737s"
            let id = quota + "MinutePerProjectPerModel"
            return .quota("\(exceeded) Please retry in \(delay).", model: model, id: id, value: "20", retryAfter: delay)
        }
    }

    private var server: GoogleFailure {
        switch self {
        case .cancelled: GoogleFailure(499, "CANCELLED", "The operation was cancelled.")
        case .overloaded: GoogleFailure(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        case .unavailable, .unavailableInArray:
            GoogleFailure(
                503,
                "UNAVAILABLE",
                "This model is currently experiencing high demand. Spikes in demand are usually temporary. "
                    + "Please try again later."
            )
        case .deadline, .deadlineBilled:
            GoogleFailure(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
        default: GoogleFailure(500, "INTERNAL", "An internal error has occurred. Please retry.")
        }
    }
}

extension GoogleFault {
    /// What a caller sees, in one sentence.
    var summary: String {
        switch self {
        case .badKey: "400: the key is not valid."
        case .expiredKey: "400: the key has expired."
        case .noKey: "403: no key arrived."
        case .unauthenticated: "401: a token where a key belongs."
        case .leakedKey: "403: the key was reported as leaked."
        case .blockedKey: "403: the key may not use this API."
        case .serviceDisabled: "403: the API is not enabled for the project."
        case .billingDisabled: "403: the project's billing is off."
        case .suspended: "403: the project is suspended."
        case .location: "400: the caller's location is not supported."
        case .noBilling: "400: the project has no paid plan where one is needed."
        case .badImage: "400: an input image cannot be read."
        case .invalidImage: "400: an input image is not valid."
        case .lostFile: "403: a file that was uploaded is gone, or somebody else's."
        case .badArgument: "400: an argument is invalid, without saying which."
        case .noAspectRatio: "400: the model takes no aspect ratio."
        case .tooLarge: "413: the request is too large, as an HTML page."
        case .unknownModel: "404: the model is not found, or not supported for the method."
        case .retiredModel: "404: the model is no longer available."
        case .closedModel: "404: the model is no longer available to new users."
        case .noEntity: "404: the requested entity was not found."
        case .rateLimit: "429: the limit per minute, with a delay of about two seconds."
        case .dailyQuota: "429: the limit per day, without a delay."
        case .noQuota: "429: the limit is 0, the project has no right to the model."
        case .prepaid: "429: the prepaid credits are used up; permanent although it looks like a limit."
        case .exhausted: "429: the bare text of exhausted shared capacity."
        case .cancelled: "499: the operation was cancelled."
        case .internalError: "500: an internal error."
        case .badGateway: "502: an HTML page of the front end."
        case .unavailable: "503: high demand."
        case .overloaded: "503: the model is overloaded."
        case .unavailableInArray: "503: high demand, the error wrapped in a list."
        case .deadline: "504: the deadline expired; nothing is billed."
        case .deadlineBilled: "504: the deadline expired; the picture was made and is billed."
        }
    }
}
