// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Why a task failed, read from the words of whoever failed upstream: there is no code for it.
enum AiToEarnReasons {
    /// What a failed task's words stand for.
    enum Reason: Sendable, Hashable {
        /// A content filter.
        case content
        /// Something in the request that this model does not take.
        case request
        /// The vendor's own account upstream.
        case account
        /// Overload, network, time.
        case trouble
        /// Anything else.
        case other
    }

    /// The error of a failed task.
    ///
    /// A failed task is refunded, and shows it by costing no points. Where that is not said, it may have cost something.
    static func error(of data: JSON) -> ProviderError {
        let words = words(in: data)
        let outcome: Attempt.Outcome = data["points"]?.double == 0 ? .rejected : .failed
        switch reason(of: words) {
        case .content: return ProviderError(.refused, refusal, detail: words)
        case .request: return ProviderError(.invalidRequest, misfit, outcome: outcome, detail: words)
        case .account: return failed("The provider could not use its own model.", .failOver, outcome, words)
        case .trouble: return failed("The provider's model was overloaded or out of reach.", again, outcome, words)
        case .other: return failed("The provider could not draw the picture.", again, outcome, words)
        }
    }

    static let refusal = "The request is against the provider's content policy."
    static let misfit = "The provider's model does not take the request as it is."

    /// The provider has tried again by itself; another time makes sense only where nobody else can be asked.
    private static let again = ProviderError.Recovery.retry(1, after: .seconds(5), thenFailOver: true)

    private static func failed(
        _ message: String,
        _ recovery: ProviderError.Recovery,
        _ outcome: Attempt.Outcome,
        _ words: String
    ) -> ProviderError {
        ProviderError(.failed, message, recovery: recovery, outcome: outcome, detail: words)
    }

    /// The words of a failed task, without the vendor's count of its own repeats and without the caller's prompt,
    /// which may well speak of risks and policies.
    private static func words(in data: JSON) -> String {
        let text = data["errorMessage"]?.beginning(4000) ?? ""
        let prompt = data["request"]?["prompt"]?.string ?? ""
        return bare(prompt.count > 2 ? text.replacing(prompt, with: "<prompt>") : text)
    }

    /// Takes `(已重试 2 次)` off the end.
    static func bare(_ text: String) -> String {
        var text = text.replacing(/\s*[(（]已重试\s*[0-9]*\s*次[)）]\s*$/, with: "")
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// Reads the words; the order of the rules counts.
    static func reason(of words: String) -> Reason {
        let folded = words.lowercased().drop { $0.isWhitespace }
        func says(_ phrases: [String]) -> Bool { phrases.contains { folded.contains($0) } }
        if says(contentWords) { return .content }
        if let status = folded.prefixMatch(of: /([0-9]{3})(?![0-9])/).flatMap({ Int($0.1) }) {
            switch status {
            case 400, 404, 413, 422: return .request
            case 401, 403: return .account
            case 408, 409, 429, 500...599: return .trouble
            default: break
            }
        }
        if says(requestWords) { return .request }
        if says(troubleWords) { return .trouble }
        return .other
    }

    private static let contentWords = [
        "safety", "policy", "content filter", "risk", "violation", "sensitive", "moderation", "违规", "风控", "内容安全",
    ]
    private static let requestWords = [
        "image size is not supported", "invalid image", "invalid input", "invalid parameter", "unsupported",
        "invalid data uri", "missing required",
    ]
    private static let troubleWords = ["timed out", "timeout", "connection error", "econn", "socket", "fetch failed"]
}
