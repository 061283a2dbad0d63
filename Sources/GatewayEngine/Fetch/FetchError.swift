// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Why a URL that somebody else supplied gave no picture.
public struct FetchError: Error, Sendable, Hashable {
    /// What happened.
    public var code: Code
    /// Whether the same fetch may succeed later without anybody changing anything.
    public var isTemporary: Bool
    /// Whether whoever supplied the URL must not learn more than that it did not work.
    ///
    /// It is set for everything that happens before an HTTP answer: a refused address, a closed port and an unknown name
    /// are the same to a caller, in words and code, so that nobody can map a network with this. Whoever fetches again for
    /// a caller treats all of these alike too, or the time tells what the words do not.
    public var isOpaque: Bool
    /// One sentence for the operator, without query, credentials and vendor bodies; not for callers.
    public var detail: String

    /// Creates an error.
    public init(_ code: Code, isTemporary: Bool, isOpaque: Bool = false, detail: String) {
        self.code = code
        self.isTemporary = isTemporary
        self.isOpaque = isOpaque
        self.detail = detail
    }

    /// What happened.
    public enum Code: String, Sendable {
        /// The URL or the address it leads to is not allowed.
        case refused
        /// The server says there is nothing (404, 410).
        case notFound
        /// The server does not let us have it (401, 403 and other refusals).
        case denied
        /// No connection, no HTTP, or the server has a problem (5xx, 408, 429).
        case unavailable
        /// It has more bytes than allowed.
        case tooLarge
        /// A time limit ended it.
        case timedOut
        /// It ended before it was complete.
        case ended
        /// It is no picture of a known format, or one that must not be opened.
        case invalidPicture
    }

    /// One sentence for whoever supplied the URL; it does not tell what is where.
    public var message: String {
        if isOpaque { return "The picture's URL cannot be opened." }
        switch code {
        case .refused, .unavailable: return "The server of the picture's URL did not give it."
        case .notFound: return "There is nothing at the picture's URL."
        case .denied: return "The server of the picture's URL refuses access."
        case .tooLarge: return "The picture at the URL is too large."
        case .timedOut: return "The picture at the URL did not come in time."
        case .ended: return "The picture at the URL ended before it was complete."
        case .invalidPicture: return "What is at the URL is no PNG, JPEG or WebP picture that can be used."
        }
    }

    /// The end of a task whose input picture this was.
    public var inputFailure: TaskFailure {
        TaskFailure(code == .tooLarge ? .payloadTooLarge : .invalidImage, message)
    }
}

extension FetchError {
    /// What ended an exchange before its answer began.
    init(_ error: TransportError, opening place: String) {
        let code: Code =
            switch error.code {
            case .invalidURL, .addressRefused: .refused
            case .timedOut: .timedOut
            case .nameNotResolved, .notConnected, .tls, .broken, .tooLarge, .bodyFailed, .cancelled, .closed:
                .unavailable
            }
        self.init(
            code,
            isTemporary: code != .refused,
            isOpaque: true,
            detail: "GET \(place): \(error.message) (\(error.code.rawValue))"
        )
    }

    /// What ended an exchange while its body came.
    init(_ error: any Error, reading place: String) {
        let error = error as? TransportError
        let code: Code = error?.code == .timedOut ? .timedOut : .ended
        let reason = error.map { "\($0.message) (\($0.code.rawValue))" } ?? "The body ended with an error."
        self.init(code, isTemporary: true, detail: "GET \(place): \(reason)")
    }

    /// What an answer without a picture means.
    init(status: Int, from place: String) {
        let code: Code =
            switch status {
            case 404, 410, 200..<300: .notFound
            case 408, 425, 429, 500...: .unavailable
            case 300..<400: .refused
            default: .denied
            }
        self.init(code, isTemporary: code == .unavailable, detail: "GET \(place): HTTP \(status).")
    }
}
