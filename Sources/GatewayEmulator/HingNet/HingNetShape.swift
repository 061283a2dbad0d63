// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What becomes of a call or a task besides a picture or an error.
enum HingNetShape: String, Sendable, CaseIterable {
    case receipt
    case noData = "no-data"
    case nullData = "null-data"
    case noAddress = "item-without-address"
    case textCreated = "created-as-text"
    case taskFailed = "task-failed"
    case taskRefused = "task-refused"
    case taskExpired = "task-expired"
    case taskStuck = "task-stuck"
    case taskLost = "task-lost"
    case taskForgotten = "task-forgotten"
    case strangeWords = "strange-words"
    case hostileID = "hostile-id"
    case pollErrors = "poll-errors"

    var summary: String {
        switch self {
        case .receipt: "A call that waits is answered with the task of a reseller instead of a picture; billed."
        case .noData: "The list of pictures is empty; billed."
        case .nullData: "The list of pictures is null; billed."
        case .noAddress: "The list has a picture without address and bytes; billed."
        case .textCreated: "The time of creation is a text."
        case .taskFailed: "The task fails without a reason; billed."
        case .taskRefused: "The task fails with the code of a content policy; billed."
        case .taskExpired: "The task ends with the word expired; billed."
        case .taskStuck: "The task stays in progress for ever; billed."
        case .taskLost: "The task is not known from the start: every question is 404; billed."
        case .taskForgotten: "The task is not known once it is done: 404; billed."
        case .strangeWords: "The states have words of a sister's: queued, rendering, succeeded."
        case .hostileID: "The task's id would lead a careless path elsewhere; billed."
        case .pollErrors: "The first questions are answered by 502 as a page and 429 without a body."
        }
    }
}

/// What is behind the address of a picture instead of the picture.
enum HingNetResultFault: String, Sendable, CaseIterable {
    case forbidden = "result-403"
    case missing = "result-404"
    case slow = "result-slow"
    case endless = "result-endless"
    case huge = "result-huge"
    case text = "result-text"
    case svg = "result-svg"
    case tiny = "result-tiny"
    case truncated = "result-truncated"
    case redirect = "result-redirect"

    var summary: String {
        switch self {
        case .forbidden: "The picture's address answers 403."
        case .missing: "The picture's address answers 404."
        case .slow: "The picture comes in small pieces over the time that `drip` says."
        case .endless: "White space comes from the picture's address, for the time that `hold` says."
        case .huge: "Ten gigabytes come from the picture's address."
        case .text: "A page in HTML is at the picture's address, as a picture."
        case .svg: "An SVG with a script is at the picture's address."
        case .tiny: "One byte is at the picture's address."
        case .truncated: "The connection closes in the middle of the picture."
        case .redirect: "The picture's address redirects into a private network."
        }
    }
}
