// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// An error of the vendor's, taken apart; every part may be missing, and `code` may be a text, a number or nothing.
struct HingNetFault: Sendable {
    /// The HTTP status.
    let status: Int
    /// The error's own code in lower case; empty if it is a number, empty or absent.
    let code: String
    /// The code as a number, which errors of the models' makers have.
    let number: Int?
    /// Who says so: `one_hub_error`, `gemini_error` and so on, in lower case.
    let type: String
    /// The maker's own word or status for it.
    let param: String
    /// The vendor's own words, mostly Chinese, for the debug log.
    let message: String
    /// Whether there was an error in JSON; a proxy answers with pages, or with nothing.
    let hasEnvelope: Bool
    /// How long the vendor asks to wait.
    let delay: Duration?

    private let folded: String
    private let requestID: String?

    init(_ rejection: VendorAPI.Rejection) {
        self.init(rejection.body, status: rejection.status, headers: rejection.headers)
    }

    /// The error inside a task that failed: the call that asked for it succeeded.
    init(failed task: JSON, _ word: String) {
        self.init(task["error"] == nil ? ["error": ["code": JSON(word)]] : task, status: 200, headers: [:])
    }

    private init(_ body: JSON?, status: Int, headers: HTTPFields) {
        // Errors of proxies in the same family stand there without the envelope.
        let error = body?["error"] ?? (body?["message"] == nil ? nil : body)
        self.status = status
        code = error?["code"]?.beginning(200)?.lowercased() ?? ""
        number = error?["code"]?.integer
        type = error?["type"]?.beginning(200)?.lowercased() ?? ""
        param = error?["param"]?.beginning(200) ?? error?["param"]?.integer.map { "\($0)" } ?? ""
        message = error?["message"]?.beginning(4000) ?? error?.beginning(4000) ?? ""
        hasEnvelope = error?.members != nil
        folded = message.lowercased()
        delay = headers[.retryAfter].flatMap { Double($0) }.flatMap { (0...86_400).contains($0) ? .seconds($0) : nil }
        requestID = HTTPField.Name("x-oneapi-request-id").flatMap { headers[$0] }
    }

    /// Whether the message has one of these phrases.
    func says(_ phrases: String...) -> Bool { phrases.contains { folded.contains($0) } }

    /// Whether the code is one of these.
    func isCalled(_ codes: String...) -> Bool { codes.contains(code) }

    /// Whether somebody behind the vendor said it: then it is not about the gateway's key or money.
    var isPassedOn: Bool { type == "gemini_error" || type == "upstream_error" || code == "bad_response_status_code" }

    /// The status of whoever said it, as far as it is told.
    var statusPassedOn: Int {
        let told = Int(param) ?? number ?? status
        return (400..<600).contains(told) ? told : status
    }

    /// Whether it is about what the prompt or the picture shows.
    var isRefusal: Bool {
        let words = ["policy", "sensitive", "moderation", "safety"]
        if words.contains(where: { code.contains($0) || type.contains($0) }) { return true }
        guard [200, 400, 422, 451, 500].contains(status) else { return false }
        if says(
            "content policy",
            "content_policy",
            "safety filter",
            "safety system",
            "safety setting",
            "blocked by safety",
            "responsible ai",
            "sensitive word",
            "sensitive content",
            "moderation",
            "prohibited content",
            "violates our",
            "violate our",
            "usage policies",
            "敏感",
            "违规",
            "违反",
            "内容安全",
            "内容审核",
            "安全审核"
        ) {
            return true
        }
        // Input and output are what was shown to the models' filters, unless the code says how they are spelled.
        let isSpelling = ["invalid", "missing", "unsupported", "unknown"].contains { code.hasPrefix($0) }
        return [400, 422].contains(status) && !isSpelling
            && ["content", "input", "output"].contains { code.contains($0) }
    }

    /// An error with the vendor's words, and its number of the request, for the debug log.
    func error(
        _ code: ProviderError.Code,
        _ message: String,
        recovery: ProviderError.Recovery? = nil,
        outcome: Attempt.Outcome? = nil,
        consequence: ProviderError.Consequence? = nil,
        cause: (any Error)? = nil
    ) -> ProviderError {
        let name = [self.code, number.map { "\($0)" } ?? "", type].filter { !$0.isEmpty }.joined(separator: " ")
        let parts = ["HTTP \(status)", name, self.message, requestID.map { "request \($0.prefix(64))" } ?? ""]
        return ProviderError(
            code,
            message,
            recovery: recovery,
            outcome: outcome,
            consequence: consequence,
            detail: parts.filter { !$0.isEmpty }.joined(separator: ": "),
            cause: cause
        )
    }
}
