// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Why an answer of status 200 has no picture: the normal way in which Gemini fails.
enum GeminiReasons {
    /// What one reason means.
    private struct Meaning {
        var code: ProviderError.Code
        var recovery: ProviderError.Recovery
        var message: String
        /// The sentence for an edit, where an input picture may be the reason.
        var messageOfEdit: String

        init(
            _ code: ProviderError.Code,
            _ recovery: ProviderError.Recovery,
            _ message: String,
            ofEdit messageOfEdit: String? = nil
        ) {
            self.code = code
            self.recovery = recovery
            self.message = message
            self.messageOfEdit = messageOfEdit ?? message
        }
    }

    /// Whether a reason says that the picture must not be shown, drafts included.
    static func isRefusal(_ finishReason: String?) -> Bool {
        finishReason.flatMap { finishReasons[$0] }?.code == .refused
    }

    /// The error of an answer without any candidate: the input was blocked, or nothing was said at all.
    static func withoutCandidate(_ answer: JSON, isEdit: Bool) -> ProviderError {
        if let reason = answer["promptFeedback"]?["blockReason"]?.string {
            return error(blockReasons[reason] ?? unclearBlock, "blockReason \(reason)", isEdit: isEdit)
        }
        let known = ["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "modelStatus"]
        let members = answer.members ?? []
        guard members.isEmpty || members.contains(where: { known.contains($0.name) }) else {
            return ProviderError(.notUnderstood, "The provider's answer cannot be read.", detail: "no candidates")
        }
        return error(unexplained, "no candidate and no reason", isEdit: isEdit)
    }

    /// The error of a candidate without a picture.
    ///
    /// `answer` is the whole of it, which may say that the input was blocked; `words` are what the model wrote instead
    /// of drawing.
    static func withoutPicture(_ answer: JSON, _ candidate: JSON, words: String?, isEdit: Bool) -> ProviderError {
        if answer["promptFeedback"]?["blockReason"] != nil { return withoutCandidate(answer, isEdit: isEdit) }
        guard let reason = candidate["finishReason"]?.string else {
            return error(unexplained, "no finishReason", isEdit: isEdit)
        }
        let detail = "finishReason \(reason): \(candidate["finishMessage"]?.beginning(500) ?? "no message")"
        guard reason == "STOP" else {
            return error(finishReasons[reason] ?? unexplained, detail, isEdit: isEdit)
        }
        guard let words else { return error(empty, detail, isEdit: isEdit) }
        return error(
            Meaning(
                .noImage,
                .retry(1, thenFailOver: true),
                "The model answered with words instead of a picture: \(folded(words))"
            ),
            detail,
            isEdit: isEdit
        )
    }

    private static func error(_ meaning: Meaning, _ detail: String, isEdit: Bool) -> ProviderError {
        let outcome: Attempt.Outcome =
            meaning.code == .refused ? .refused : meaning.code == .credential ? .rejected : .noImage
        return ProviderError(
            meaning.code,
            isEdit ? meaning.messageOfEdit : meaning.message,
            recovery: meaning.recovery,
            outcome: outcome,
            detail: detail
        )
    }

    /// The first 300 characters on one line; scalars, because one "character" may be of any length.
    private static func folded(_ words: String) -> String {
        let beginning = String(String.UnicodeScalarView(words.unicodeScalars.prefix(300)))
        let line = beginning.split { $0.isWhitespace || $0.unicodeScalars.allSatisfy { $0.value < 0x20 } }
            .joined(separator: " ")
        return words.unicodeScalars.count > 300 ? line + "…" : line
    }

    private static let once = ProviderError.Recovery.retry(1, thenFailOver: true)
    private static let twice = ProviderError.Recovery.retry(2, thenFailOver: true)

    private static let empty = Meaning(.noImage, twice, "The model gave no picture.")
    private static let unexplained = Meaning(.failed, once, "The model gave no picture, for no known reason.")
    private static let unfinished = Meaning(.failed, once, "The model failed before it had drawn a picture.")
    // A refusal is the last word: the same question to anybody would only ask for it again.
    private static let policy = Meaning(
        .refused,
        .report,
        "The prompt is against the provider's content policy.",
        ofEdit: "The prompt or an input picture is against the provider's content policy."
    )
    private static let unclearBlock = Meaning(
        .refused,
        .report,
        "The provider blocked the prompt without a reason.",
        ofEdit: "The provider blocked the prompt or an input picture without a reason."
    )
    private static let withheld = Meaning(
        .refused,
        .report,
        "The picture was withheld: it is against the provider's content policy."
    )
    private static let recited = Meaning(.refused, .report, "The picture was withheld: it is too close to known work.")

    private static let blockReasons: [String: Meaning] = [
        "SAFETY": policy,
        "BLOCKLIST": policy,
        "PROHIBITED_CONTENT": policy,
        "IMAGE_SAFETY": policy,
        "MODEL_ARMOR": policy,
        "JAILBREAK": policy,
        "OTHER": unclearBlock,
    ]

    private static let finishReasons: [String: Meaning] = [
        "NO_IMAGE": empty,
        "IMAGE_OTHER": Meaning(.noImage, once, "The model gave no picture."),
        "OTHER": Meaning(.noImage, once, "The model gave no picture."),
        "IMAGE_SAFETY": withheld,
        "IMAGE_PROHIBITED_CONTENT": withheld,
        "IMAGE_RECITATION": recited,
        "RECITATION": recited,
        "SAFETY": policy,
        "PROHIBITED_CONTENT": policy,
        "BLOCKLIST": policy,
        "SPII": policy,
        "ESCALATION": policy,
        "MODEL_ARMOR": policy,
        "LANGUAGE": Meaning(.invalidRequest, .failOver, "The model does not know the language of the prompt."),
        "MAX_TOKENS": unfinished,
        "MALFORMED_RESPONSE": unfinished,
        "MALFORMED_FUNCTION_CALL": unfinished,
        "UNEXPECTED_TOOL_CALL": unfinished,
        "TOO_MANY_TOOL_CALLS": unfinished,
        "MISSING_THOUGHT_SIGNATURE": Meaning(.failed, .report, unfinished.message),
        "CONTINUATION": Meaning(.failed, .failOver, unfinished.message),
        // The account is limited for what was asked with it before: the code's own consequence disables the key.
        "PUP_LIMITED_DISABLED": Meaning(.credential, .failOver, "The provider has limited the gateway's account."),
    ]
}
