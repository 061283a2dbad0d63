// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// An error of HingNet's, in its envelope.
struct HingNetFailure: Error, Sendable, Equatable {
    var status: Int
    /// A text, a number, or nothing.
    var code: JSON?
    var message: String
    var type: String
    var param: String?

    init(_ status: Int, _ code: JSON?, _ message: String, type: String = "one_hub_error", param: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.type = type
        self.param = param
    }

    /// A field that is missing or malformed, found before anything was charged.
    static func malformed(_ message: String) -> HingNetFailure { HingNetFailure(400, "one_hub_error", message) }

    /// A field that the model does not take.
    static func unsupported(_ detail: String) -> HingNetFailure {
        HingNetFailure(
            400,
            "invalid_request_error",
            "parameters or model capability are not supported: \(detail)",
            type: "invalid_request_error"
        )
    }

    /// What Google refused, in the words it is passed on with.
    static func ofMaker(_ message: String, word: String = "INVALID_ARGUMENT") -> HingNetFailure {
        HingNetFailure(400, 400, "Provider API error: \(message)", type: "gemini_error", param: word)
    }

    static let badKey = HingNetFailure(401, nil, "无效的令牌")
    static let unreadableImage = HingNetFailure(400, "token_error", "failed to read the image")
    static let cannotDoImages = HingNetFailure(503, "channel_error", "channel not implemented")

    static func unknownModel(_ model: String) -> HingNetFailure {
        HingNetFailure(503, "one_hub_error", "当前分组 default 下对于模型 \(model.prefix(100)) 无可用渠道")
    }

    static func unknownPath(_ path: String) -> HingNetFailure {
        HingNetFailure(404, "", "Invalid URL (\(path.prefix(200)))", type: "invalid_request_error")
    }

    static let unknownTask = HingNetFailure(404, "task_not_found", "task not found", type: "invalid_request_error")

    static func storageOff(_ status: Int) -> HingNetFailure {
        HingNetFailure(status, "storage_not_configured", "object storage is not configured")
    }

    static let noAddress = HingNetFailure(500, "image_url_not_available", "image url is not available")

    /// The error as it is sent.
    ///
    /// - Parameter requestID: What the answer's header has as well.
    func answer(_ requestID: String) -> EmulatedAnswer {
        // An empty purse that is disguised as overload says nothing of the request.
        let isDisguised = type == "system_error" && message.hasPrefix("上游负载")
        return .json(
            [
                "error": JSON(present: [
                    "code": code,
                    "message": JSON(isDisguised ? message : "\(message) (request id: \(requestID))"),
                    "type": JSON(type),
                    "param": param.map { JSON($0) },
                ])
            ],
            status: HTTPResponse.Status(code: status)
        )
    }
}
