// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What Imagen does besides drawing everything it was asked for.
enum ImagenShape: String, Sendable, CaseIterable {
    case refuse
    case promptFilter = "prompt-filter"
    case promptWords = "prompt-words"
    case outputFilter = "output-filter"
    case billedUsers = "billed-users"
    case childDetection = "child-detection"
    case filterSome = "filter-some"
    case filterAll = "filter-all"
    case filterAllList = "filter-all-list"
    case positivePrompt = "positive-prompt"
    case noPredictions = "no-predictions"

    var summary: String {
        switch self {
        case .refuse:
            "The picture is refused (Gemini: finishReason IMAGE_SAFETY; Imagen: the prompt is refused with 400)."
        case .promptFilter: "400: the prompt could not be submitted."
        case .promptWords: "400: the safety filter prohibited words, with support codes."
        case .outputFilter: "400: the response is blocked, in the older wording."
        case .billedUsers: "400: only billed users have access."
        case .childDetection: "400: the project may not switch off child detection."
        case .filterSome:
            "The first picture is filtered, with a reason if reasons were asked for; the others are billed."
        case .filterAll: "Every picture is filtered: one entry with a reason if reasons were asked for, else {}."
        case .filterAllList: "Every picture is filtered: an empty list."
        case .positivePrompt: "An entry about the prompt stands among the pictures; billed."
        case .noPredictions: "{}"
        }
    }

    /// Every fault of Imagen's answers.
    static var faults: [Fault] { allCases.map { Fault(name: $0.rawValue, summary: $0.summary) } }

    /// The error that is answered, if it is one.
    var failure: GoogleFailure? {
        switch self {
        case .refuse, .promptFilter:
            .invalid(
                "Image generation failed with the following error: The prompt could not be submitted. This prompt "
                    + "contains sensitive words that violate the vendor's Responsible AI practices. "
                    + "Try rephrasing the prompt."
            )
        case .promptWords:
            .invalid(
                "Image generation failed with the following error: The safety filter threshold prohibited one or "
                    + "more words in this prompt. Support codes: 42876398"
            )
        case .outputFilter:
            .invalid(
                "Image generation failed with the following error: The response is blocked, as it may violate "
                    + "our policies. Error Code: 17301594"
            )
        case .billedUsers: .invalid("Imagen API is only accessible to billed users at this time.")
        case .childDetection:
            GoogleFailure(
                400,
                "FAILED_PRECONDITION",
                "The project is not allowlisted to turn off child detection filter."
            )
        case .filterSome, .filterAll, .filterAllList, .positivePrompt, .noPredictions: nil
        }
    }
}
