// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What happens to whoever fetches a finished picture; the picture is billed in each case.
enum AssetFault: String, Sendable, CaseIterable {
    case forbidden = "asset-403"
    case missing = "asset-404"
    case flaky = "asset-flaky"
    case slow = "asset-slow"
    case cut = "asset-cut"
    case truncated = "asset-truncated"
    case endless = "asset-endless"
    case huge = "asset-huge"
    case tiny = "asset-tiny"
    case empty = "asset-empty"
    case text = "asset-text"
    case vector = "asset-svg"
    case redirect = "asset-redirect"
    case circle = "asset-redirect-loop"

    var summary: String {
        switch self {
        case .forbidden: "The picture's address answers 403."
        case .missing: "The picture's address answers 404."
        case .flaky: "The picture's address answers 503 once, then the picture."
        case .slow: "The picture comes in small pieces over the time that `drip` says."
        case .cut: "The connection is closed in the middle of the picture."
        case .truncated: "The picture's file is complete HTTP and half of what it should be."
        case .endless: "The picture begins and never ends, for the time that `hold` says."
        case .huge: "The picture's file has 100 MB."
        case .tiny: "The picture's file has one byte."
        case .empty: "The picture's file has no bytes."
        case .text: "The picture is a text file that says it is PNG."
        case .vector: "The picture is SVG with a script in it."
        case .redirect: "The picture's address leads to a private one: http://169.254.169.254/."
        case .circle: "The picture's address leads to itself."
        }
    }
}
