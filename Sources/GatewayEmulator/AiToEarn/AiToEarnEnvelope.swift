// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// An error of AiToEarn's, by its code.
struct AiToEarnFailure: Error, Sendable, Equatable {
    var code: Int
    var english: String
    var chinese: String
    var data: JSON = [:]

    init(_ code: Int, _ english: String, _ chinese: String, data: JSON = [:]) {
        self.code = code
        self.english = english
        self.chinese = chinese
        self.data = data
    }

    /// A request that fails validation; the code is what builds differ in.
    static func invalid(_ code: Int, _ sentence: String? = nil) -> AiToEarnFailure {
        code == 400
            ? AiToEarnFailure(400, sentence ?? "Bad request", sentence ?? "Bad request")
            : AiToEarnFailure(code, sentence ?? "Validation failed", sentence ?? "参数验证失败")
    }

    static let noSuchTask = AiToEarnFailure(404, "任务不存在", "任务不存在")
    static let unauthorized = AiToEarnFailure(401, "Unauthorized", "Unauthorized")
    static let noCredit = AiToEarnFailure(12001, "Insufficient user credits", "用户Credits不足")
    static let noModel = AiToEarnFailure(12300, "Invalid AI model", "无效的 AI 模型")

    /// Every error that a fault can bring about.
    static let all: [AiToEarnFailure] = [
        .invalid(400), unauthorized, AiToEarnFailure(403, "Forbidden", "Forbidden"),
        AiToEarnFailure(404, "Cannot POST /api/ai/image/generate/async", "Cannot POST /api/ai/image/generate/async"),
        AiToEarnFailure(429, "Too many requests", "Too many requests", data: ["ttl": 2]),
        AiToEarnFailure(500, "Internal server error", "Internal server error"),
        .invalid(10002), AiToEarnFailure(10003, "Too many requests", "请求过于频繁"),
        AiToEarnFailure(10100, "S3 download failed", "S3 下载失败"),
        AiToEarnFailure(10101, "S3 upload failed", "S3 上传失败"),
        AiToEarnFailure(12000, "User not found", "用户未找到"), noCredit,
        AiToEarnFailure(12002, "User storage exceeded", "用户存储空间超限"),
        AiToEarnFailure(12003, "User status error", "用户状态错误"), noModel,
        AiToEarnFailure(12301, "AI call failed: 503 Service Unavailable", "AI 调用失败：503 Service Unavailable"),
        AiToEarnFailure(12302, "Invalid AI task ID", "无效的 AI 任务 ID"),
        AiToEarnFailure(12303, "AI log not found", "AI 日志未找到"),
        AiToEarnFailure(12750, "Asset not found", "素材不存在"),
        AiToEarnFailure(12751, "Asset upload failed", "素材上传失败"),
        AiToEarnFailure(12752, "Asset too large", "素材过大"),
        AiToEarnFailure(19000, "Invalid API key", "API Key 无效"),
        AiToEarnFailure(19001, "Relay server unavailable", "中转服务器不可用"),
        AiToEarnFailure(99999, "Something new", "新的错误"),
    ]
}

/// How answers are wrapped: HTTP 200 whatever they say, the caller's request id in body and header.
struct AiToEarnEnvelope: Sendable {
    let requestID: String
    let isChinese: Bool

    init(_ request: Request) {
        let given = HTTPField.Name("x-request-id").flatMap { request.headers[$0] } ?? ""
        requestID = (1...128).contains(given.utf8.count) ? given : Self.newID()
        isChinese = (request.headers[.acceptLanguage] ?? "").hasPrefix("zh")
    }

    /// An answer, without the request id if a fault has it so.
    func success(_ data: JSON, hasID: Bool = true) -> EmulatedAnswer {
        answer(
            JSON(present: [
                "data": data, "code": 0, "message": "请求成功", "requestId": hasID ? JSON(requestID) : nil,
            ])
        )
    }

    func failure(_ failure: AiToEarnFailure, at now: Timestamp) -> EmulatedAnswer {
        answer([
            "data": failure.data, "code": JSON(failure.code),
            "message": JSON(isChinese ? failure.chinese : failure.english), "requestId": JSON(requestID),
            "timestamp": JSON(now.milliseconds),
        ])
    }

    private func answer(_ body: JSON) -> EmulatedAnswer {
        var answer = EmulatedAnswer.json(body)
        if let name = HTTPField.Name("x-request-id"), !requestID.contains(where: \.isNewline) {
            answer.headers[name] = requestID
        }
        return answer
    }

    /// A random UUID.
    private static func newID() -> String {
        var random = SystemRandomNumberGenerator()
        let digits = (0..<4).map { _ in hex(random.next() >> 32, 8) }.joined()
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return parts.map { String(digits.dropFirst($0.lowerBound).prefix($0.count)) }.joined(separator: "-")
    }

    /// A number as so many hexadecimal digits.
    static func hex(_ number: UInt64, _ count: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, count - text.count)) + text.suffix(count)
    }
}
