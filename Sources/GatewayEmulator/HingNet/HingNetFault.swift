// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// The errors a call is answered with, whatever the model.
enum HingNetFault: String, Sendable, CaseIterable {
    case badRequest = "bad-request"
    case badParameter = "bad-parameter"
    case makerError = "maker-error"
    case badImage = "bad-image"
    case refuse
    case refuseInput = "refuse-input"
    case refuseMaker = "refuse-maker"
    case badKey = "bad-key"
    case expiredKey = "expired-key"
    case spentKey = "spent-key"
    case noBalance = "no-balance"
    case noBalance403 = "no-balance-403"
    case noBalance429 = "no-balance-429"
    case noReserve429 = "no-reserve-429"
    case forbidden
    case notDeployed = "not-deployed"
    case tooLarge = "too-large"
    case rateLimit = "rate-limit"
    case upstreamLimit = "upstream-limit"
    case retriesOver = "retries-over"
    case emptyLimit = "empty-limit"
    case noRoute = "no-route"
    case noRoute429 = "no-route-429"
    case unknownModel = "model-unknown"
    case noChannel = "no-channel"
    case panic
    case quotaFailure = "quota-failure"
    case lostInside = "lost-inside"
    case undecodable
    case noImage = "no-image-generated"
    case noAddress = "no-address"
    case upstream503 = "upstream-503"
    case upstream401 = "upstream-401"
    case badGateway = "bad-gateway"
    case gatewayTimeout = "gateway-timeout"
    case gatewayTimeoutBilled = "gateway-timeout-billed"
    case originTimeout = "origin-timeout"
    case errorInSuccess = "error-in-200"
    case brokenJSON = "broken-json"

    static let aliases: [String: String] = [
        "400": "bad-request", "401": "bad-key", "402": "no-balance", "403": "forbidden", "404": "not-deployed",
        "413": "too-large", "422": "refuse-input", "429": "rate-limit", "500": "panic", "502": "bad-gateway",
        "503": "no-route", "504": "gateway-timeout", "524": "origin-timeout", "no-image": "no-image-generated",
    ]

    /// Whether a picture was made before the error.
    var isBilled: Bool {
        [.lostInside, .undecodable, .noAddress, .gatewayTimeoutBilled, .originTimeout, .brokenJSON].contains(self)
    }

    /// What is answered.
    func answer(model: String, path: String, requestID: String) -> EmulatedAnswer {
        switch self {
        case .tooLarge: Self.page(.contentTooLarge)
        case .badGateway: Self.page(.badGateway)
        case .gatewayTimeout, .gatewayTimeoutBilled: Self.page(.gatewayTimeout)
        case .originTimeout: Self.page(HTTPResponse.Status(code: 524, reasonPhrase: "A Timeout Occurred"))
        case .emptyLimit: EmulatedAnswer(status: .tooManyRequests, body: [])
        case .brokenJSON:
            EmulatedAnswer(
                status: .ok,
                headers: [.contentType: "application/json; charset=utf-8"],
                body: [ByteBuffer(string: #"{"created":1767340855,"data":[{"b64_json":"iVBORw0KGg"#)]
            )
        default: failure(model: model, path: path).answer(requestID)
        }
    }

    /// A page of the proxy in front.
    private static func page(_ status: HTTPResponse.Status) -> EmulatedAnswer {
        let title = "\(status.code) \(status.reasonPhrase)"
        let page = "<html><head><title>\(title)</title></head><body><center><h1>\(title)</h1></center></body></html>"
        return EmulatedAnswer(
            status: status,
            headers: [.contentType: "text/html"],
            body: [ByteBuffer(string: page)]
        )
    }

    private func failure(model: String, path: String) -> HingNetFailure {
        switch self {
        case .badRequest: .malformed("field Prompt is required")
        case .badParameter: .unsupported("emulated")
        case .makerError: .ofMaker("Request contains an invalid argument.")
        case .badImage: .unreadableImage
        case .noAddress: .noAddress
        case .notDeployed: .unknownPath("POST \(path)")
        case .unknownModel: .unknownModel(model)
        case .noChannel: .cannotDoImages
        case .refuse, .refuseInput, .refuseMaker: refusal
        case .badKey, .expiredKey, .spentKey, .noBalance, .noBalance403, .noBalance429, .noReserve429, .forbidden:
            account
        case .rateLimit, .upstreamLimit, .retriesOver, .noRoute, .noRoute429: limit
        default: internalFailure
        }
    }

    private var refusal: HingNetFailure {
        switch self {
        case .refuseInput:
            HingNetFailure(
                422,
                "InputImageSensitiveContentDetected",
                "The request failed because the input may contain sensitive information.",
                type: "upstream_error"
            )
        case .refuseMaker: .ofMaker("The prompt was blocked by safety settings.")
        default:
            HingNetFailure(
                400,
                "content_policy_violation",
                "Your request was rejected by the safety system.",
                type: "upstream_error"
            )
        }
    }

    private var account: HingNetFailure {
        let saturated = "上游负载已饱和，请稍后再试"
        return switch self {
        case .expiredKey: HingNetFailure(401, nil, "令牌已过期")
        case .spentKey: HingNetFailure(401, nil, "令牌额度已用尽")
        case .noBalance: HingNetFailure(402, "insufficient_user_quota", "user quota is not enough")
        case .noBalance403: HingNetFailure(403, "insufficient_user_quota", "user quota is not enough")
        case .noBalance429: HingNetFailure(429, "insufficient_user_quota", saturated, type: "system_error")
        case .noReserve429: HingNetFailure(429, "pre_consume_token_quota_failed", saturated, type: "system_error")
        case .forbidden: HingNetFailure(403, nil, "分组 vip 不存在")
        default: .badKey
        }
    }

    private var limit: HingNetFailure {
        switch self {
        case .upstreamLimit: HingNetFailure(429, "rate_limit", "当前分组上游负载已饱和，请稍后再试")
        case .retriesOver: HingNetFailure(429, "system_error", "重试超时，上游负载已饱和，请稍后再试")
        case .noRoute, .noRoute429:
            HingNetFailure(
                self == .noRoute ? 503 : 429,
                "MODEL_GROUP_ALL_UNAVAILABLE",
                "no channel of the group accepted the call",
                type: "model_routing_error"
            )
        default: HingNetFailure(429, nil, "您的速率达到上限，请稍后再试。")
        }
    }

    private var internalFailure: HingNetFailure {
        func upstream(_ status: Int) -> HingNetFailure {
            let message = "bad response status code \(status)"
            return HingNetFailure(
                status,
                "bad_response_status_code",
                message,
                type: "upstream_error",
                param: "\(status)"
            )
        }
        return switch self {
        case .quotaFailure: HingNetFailure(500, "get_user_quota_failed", "record not found", type: "system_error")
        case .lostInside: HingNetFailure(500, "http_request_failed", "do request failed", type: "system_error")
        case .undecodable: HingNetFailure(500, "decode_response_failed", "unexpected EOF", type: "system_error")
        case .noImage: HingNetFailure(500, "no_image_generated", "no image generated")
        case .upstream503: upstream(503)
        case .upstream401: upstream(401)
        case .errorInSuccess: HingNetFailure(200, "model_not_found", "The model does not exist")
        default: HingNetFailure(500, nil, "Panic detected, error: emulated", type: "one_hub_panic")
        }
    }
}
