// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// An error of Google's, in its envelope.
struct GoogleFailure: Error, Sendable, Equatable {
    var code: Int
    var status: String
    var message: String
    var details: [JSON] = []

    init(_ code: Int, _ status: String, _ message: String, details: [JSON] = []) {
        self.code = code
        self.status = status
        self.message = message
        self.details = details
    }

    /// A request that cannot be served as it is.
    static func invalid(_ message: String, details: [JSON] = []) -> GoogleFailure {
        GoogleFailure(400, "INVALID_ARGUMENT", message, details: details)
    }

    /// The error as it is sent.
    var answer: EmulatedAnswer {
        .json(json, status: HTTPResponse.Status(code: code))
    }

    /// The error as some of Google's surfaces send it: in a list.
    var answerInArray: EmulatedAnswer {
        .json(.array([json]), status: HTTPResponse.Status(code: code))
    }

    private var json: JSON {
        [
            "error": JSON(present: [
                "code": JSON(code),
                "message": JSON(message),
                "status": JSON(status),
                "details": details.isEmpty ? nil : .array(details),
            ])
        ]
    }
}

extension GoogleFailure {
    static func errorInfo(_ reason: String, _ metadata: KeyValuePairs<String, JSON?> = [:]) -> JSON {
        var members: [JSON.Member] = [.init("service", "generativelanguage.googleapis.com")]
        members += JSON(present: metadata).members ?? []
        return [
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": JSON(reason), "domain": "googleapis.com",
            "metadata": .object(members),
        ]
    }

    static func badRequest(_ violations: [(field: String, description: String)]) -> JSON {
        let list = violations.map { violation in
            JSON(present: [
                "field": violation.field.isEmpty ? nil : JSON(violation.field),
                "description": JSON(violation.description),
            ])
        }
        return ["@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": .array(list)]
    }

    /// An input picture that cannot be decoded.
    static var unreadablePicture: GoogleFailure {
        .invalid("Unable to process input image. Please retry or report the problem.")
    }

    /// An input picture that is not what the request says it is.
    static var invalidPicture: GoogleFailure { .invalid("Provided image is not valid.") }

    /// A file that expired, or is somebody else's.
    static func lostFile(_ name: String) -> GoogleFailure {
        GoogleFailure(
            403,
            "PERMISSION_DENIED",
            "You do not have permission to access the File \(name) or it may not exist."
        )
    }

    /// A key that does not exist, or no longer.
    static func badKey(_ message: String = "API key not valid. Please pass a valid API key.") -> GoogleFailure {
        let localized: JSON = [
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": JSON(message),
        ]
        return .invalid(message, details: [errorInfo("API_KEY_INVALID"), localized])
    }

    /// No key at all.
    static var noKey: GoogleFailure {
        GoogleFailure(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). "
                + "Please use API Key or other form of API consumer identity to call this API."
        )
    }

    /// A bearer token where a key belongs.
    static var unauthenticated: GoogleFailure {
        GoogleFailure(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                + "valid authentication credential.",
            details: [errorInfo("ACCESS_TOKEN_TYPE_UNSUPPORTED")]
        )
    }

    /// A model that is unknown, shut down, or has no such method.
    static func unknownModel(_ model: String, version: String, method: String) -> GoogleFailure {
        GoogleFailure(
            404,
            "NOT_FOUND",
            "models/\(model) is not found for API version \(version), or is not supported for \(method). "
                + "Call ListModels to see the list of available models and their supported methods."
        )
    }

    /// A model that was there once.
    static func retiredModel(_ model: String, successor: String? = nil) -> GoogleFailure {
        let instead = successor.map { "models/\($0)" } ?? "a newer model"
        return GoogleFailure(
            404,
            "NOT_FOUND",
            "This model models/\(model) is no longer available. Please update your code to use \(instead) "
                + "for the latest features and improvements."
        )
    }

    /// A model that is only for those who used it before.
    static func closedModel(_ model: String) -> GoogleFailure {
        GoogleFailure(
            404,
            "NOT_FOUND",
            "This model models/\(model) is no longer available to new users. Please update your code to use a newer "
                + "model for the latest features and improvements."
        )
    }

    /// Too many requests, tokens or pictures, for one of several reasons.
    static func quota(
        _ message: String,
        model: String,
        id: String? = nil,
        value: String = "",
        retryAfter: String? = nil
    ) -> GoogleFailure {
        var details: [JSON] = []
        if let id {
            let violation: JSON = [
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
                "quotaId": JSON(id),
                "quotaDimensions": ["model": JSON(model), "location": "global"],
                "quotaValue": JSON(value),
            ]
            details.append(["@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]])
            details.append([
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [
                    [
                        "description": "Learn more about Gemini API quotas",
                        "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
                    ]
                ],
            ])
        }
        if let retryAfter {
            details.append(["@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": JSON(retryAfter)])
        }
        return GoogleFailure(429, "RESOURCE_EXHAUSTED", message, details: details)
    }
}
