// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// What becomes of a task that was taken.
enum AiToEarnFate: String, Sendable, CaseIterable {
    case refuse
    case refuseInChinese = "refuse-zh"
    case badRequest = "task-400"
    case account = "task-401"
    case limited = "task-429"
    case upstream = "task-500"
    case timeout = "task-timeout"
    case badInput = "task-data-uri"
    case other = "task-failed"
    case unrefunded = "task-unrefunded"
    case stuck
    case lost

    /// The words of a failed task; `nil` if it does not fail.
    var words: String? {
        switch self {
        case .refuse: "400 Request rejected by the safety system. (已重试 1 次)"
        case .refuseInChinese: "内容违规，请修改后重试"
        case .badRequest: "400 Invalid value for this model."
        case .account: "401 Incorrect API key provided. (已重试 1 次)"
        case .limited: "429 Rate limit reached for images per minute. (已重试 1 次)"
        case .upstream: "500 The server had an error while processing your request. (已重试 1 次)"
        case .timeout: "Request timed out. (已重试 1 次)"
        case .badInput: "Invalid data URI"
        case .other, .unrefunded: "Something went wrong (已重试 3 次)"
        case .stuck, .lost: nil
        }
    }

    /// Whether the credits come back: those of a failed task do.
    var isRefunded: Bool { words != nil && self != .unrefunded }

    var summary: String {
        switch self {
        case .refuse, .refuseInChinese: "The task fails in the words of a content filter; refunded."
        case .badRequest: "The task fails with a 400 from upstream; refunded."
        case .account: "The task fails because the vendor's own account upstream does; refunded."
        case .limited: "The task fails with a 429 from upstream; refunded."
        case .upstream: "The task fails with a 500 from upstream; refunded."
        case .timeout: "The task fails because upstream took too long; refunded."
        case .badInput: "The task fails for an input that is no data URI; refunded."
        case .other: "The task fails for no clear reason; refunded."
        case .unrefunded: "The task fails, and keeps its points; billed."
        case .stuck: "The task is generating for ever; billed."
        case .lost: "The task is taken and billed, and nobody knows it afterwards: 404."
        }
    }
}

/// How answers are spelled, besides the plain way.
enum AiToEarnShape: String, Sendable, CaseIterable {
    case noRequestID = "no-request-id"
    case noPoints = "no-points"
    case noName = "no-log-id"
    case badName = "bad-log-id"
    case slowSubmit = "slow-submit"
    case newState = "unknown-state"
    case earlyImages = "early-images"
    case noImages = "no-images"
    case noURL = "null-url"
    case relativeURL = "relative-url"
    case otherList = "response-list"
    case base64 = "b64-images"
    case pollError = "poll-500"
    case pollPage = "poll-502"
    case pollLimit = "poll-429"
    case pollMissing = "poll-404"
    case pollKey = "poll-401"

    var summary: String {
        switch self {
        case .noRequestID: "Answers have no requestId."
        case .noPoints: "The task does not say how many points it cost."
        case .noName: "The submission is taken and billed, and its answer has no logId."
        case .badName: "The submission is taken and billed, and its logId is a path."
        case .slowSubmit: "The submission is answered after the time that `drip` says."
        case .newState: "The task is in a state nobody has heard of before it is done."
        case .earlyImages: "The task has pictures while it is generating, which are none."
        case .noImages: "The task succeeds with an empty list of pictures; billed."
        case .noURL: "The task succeeds with a picture whose url is null; billed."
        case .relativeURL: "The address of the picture is a path."
        case .otherList: "The pictures stand in response.list only."
        case .base64: "The picture comes as b64_json."
        case .pollError: "The first two polls are answered with code 500."
        case .pollPage: "The first two polls are answered with 502 as an HTML page."
        case .pollLimit: "The first poll is answered with code 429."
        case .pollMissing: "The first poll is answered with code 404."
        case .pollKey: "Every poll is answered with code 401."
        }
    }

    /// What is answered to a poll in place of the task.
    func answer(toPoll number: Int) -> Int? {
        switch self {
        case .pollError where number <= 2: 500
        case .pollLimit where number <= 1: 429
        case .pollMissing where number <= 1: 404
        case .pollKey: 401
        default: nil
        }
    }
}

/// What the front end answers in place of the vendor.
enum AiToEarnPage: String, Sendable, CaseIterable {
    case forbidden = "page-403"
    case tooLarge = "page-413"
    case limited = "page-429"
    case badGateway = "page-502"
    case badGatewayBilled = "page-502-billed"
    case unavailable = "page-503"
    case timeout = "page-504"
    case timeoutBilled = "page-504-billed"
    case slow = "page-524-billed"
    case welcome = "page-200"

    /// Whether the vendor had the request before.
    var isTaken: Bool { self == .badGatewayBilled || self == .timeoutBilled || self == .slow }

    var status: HTTPResponse.Status {
        switch self {
        case .forbidden: .forbidden
        case .tooLarge: .contentTooLarge
        case .limited: .tooManyRequests
        case .badGateway, .badGatewayBilled: .badGateway
        case .unavailable: .serviceUnavailable
        case .timeout, .timeoutBilled: .gatewayTimeout
        case .slow: HTTPResponse.Status(code: 524, reasonPhrase: "A Timeout Occurred")
        case .welcome: .ok
        }
    }

    var answer: EmulatedAnswer {
        let title = "\(status.code) \(status.reasonPhrase)"
        let page =
            "<html>\r\n<head><title>\(title)</title></head>\r\n<body>\r\n<center><h1>\(title)</h1></center>\r\n"
            + "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        var answer = EmulatedAnswer.json(.null, status: status)
        answer.headers[.contentType] = "text/html"
        answer.body = [ByteBuffer(string: page)]
        return answer
    }

    var summary: String {
        "\(status.code) as an HTML page" + (isTaken ? "; the task was created all the same, billed." : "; not billed.")
    }
}
