// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The shapes of Gemini's answers with status 200, besides the plain one.
enum GeminiShape: String, Sendable, CaseIterable {
    case refuse
    case textOnly = "text-only"
    case textBefore = "text-before"
    case textAfter = "text-after"
    case thoughts
    case drafts
    case emptyStop = "empty-stop"
    case nullParts = "parts-null"
    case emptyContent = "empty-content"
    case noContent = "no-content"
    case noCandidates = "no-candidates"
    case emptyObject = "empty-object"
    case noFinishReason = "finish-absent"
    case strangers = "unknown-members"
    case inputBlocked = "input-blocked"

    /// The reasons an answer can end with, and one that nobody has heard of.
    static let finishReasons = [
        "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "NO_IMAGE", "SAFETY",
        "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "ESCALATION", "RECITATION", "LANGUAGE", "MAX_TOKENS", "OTHER",
        "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE", "PUP_LIMITED_DISABLED", "CONTINUATION", "MODEL_ARMOR", "UNHEARD_OF",
    ]

    /// The reasons a prompt can be blocked for.
    static let blockReasons = [
        "SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "OTHER", "MODEL_ARMOR", "JAILBREAK",
    ]

    var summary: String {
        switch self {
        case .refuse: "The picture is refused: finishReason IMAGE_SAFETY (Imagen: the prompt is refused with 400)."
        case .textOnly: "Words and no picture, finishReason STOP."
        case .textBefore: "Words in front of the picture; billed."
        case .textAfter: "Words behind the picture; billed."
        case .thoughts: "A thought in words, two pictures marked as thoughts, then the picture; billed."
        case .drafts: "Three pictures, none marked; the last is the result; billed three times."
        case .emptyStop: "A candidate without parts, finishReason STOP."
        case .nullParts: "parts is null, finishReason STOP."
        case .emptyContent: "content is {}, finishReason STOP."
        case .noContent: "No content, finishReason STOP."
        case .noCandidates: "No candidates and no reason."
        case .emptyObject: "{}"
        case .noFinishReason: "A candidate without a picture and without a finishReason."
        case .inputBlocked:
            "An edit is blocked because of its picture, blockReason OTHER; without one a picture is drawn."
        case .strangers: "The picture among members and parts that are new to every client; billed."
        }
    }

    /// Every fault of Gemini's answers.
    static var faults: [Fault] {
        allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
            + finishReasons.map { Fault(name: "finish:\($0)", summary: "No picture, finishReason \($0).") }
            + blockReasons.map { Fault(name: "block:\($0)", summary: "The prompt is blocked, blockReason \($0).") }
    }

    /// The reason of the first fault that begins with `finish:` or `block:`.
    static func reason(_ kind: String, _ conduct: Conduct) -> String? {
        conduct.faults.first { $0.hasPrefix(kind) }.map { String($0.dropFirst(kind.count)) }
    }
}
