// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// An error as the caller sees it: a status, the four members of the envelope, and headers.
struct APIError: Error, Sendable {
    var status: HTTPResponse.Status
    var code: String
    var parameter: String?
    var message: String
    var headers: HTTPFields
    /// Whether it was found before the body had been read to its end.
    var leavesBody = false

    init(
        _ status: HTTPResponse.Status,
        _ code: String,
        _ message: String,
        parameter: String? = nil,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.parameter = parameter
        self.message = message
        self.headers = headers
    }

    /// The envelope's `type`, in the words the official clients know.
    var type: String {
        switch status.code {
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    /// Whether the request was refused before its body was read, and that is too long to read it for nothing.
    func leavesBodyUnread(of request: Request) -> Bool {
        let early = [
            "payload_too_large", "invalid_api_key", "not_found", "method_not_allowed", "unsupported_media_type",
        ]
        guard leavesBody || early.contains(code) else { return false }
        let announced = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        // Who waited for leave to send may or may not send now.
        let isUnclear = request.headers[.transferEncoding] != nil || request.headers[.expect] != nil
        return announced > 64 << 10 || isUnclear || status == .contentTooLarge
    }

    /// The envelope; all four members are always there.
    var body: JSON {
        [
            "error": [
                "message": JSON(message), "type": JSON(type), "param": parameter.map { JSON($0) } ?? .null,
                "code": JSON(code),
            ]
        ]
    }
}

extension APIError {
    /// Whatever was thrown, as the caller may see it.
    ///
    /// - Parameter error: Any error.
    /// - Returns: The error for the caller; `nil` for one that nobody foresaw.
    static func of(_ error: any Error) -> APIError? {
        switch error {
        case let error as APIError: error
        case let error as InvalidRequest: APIError(error)
        case let error as StoreError: APIError(error)
        case let error as ObjectError: APIError(error)
        case let error as HTTPError: APIError(error)
        case is CancellationError: .shuttingDown
        default: nil
        }
    }

    init(_ error: InvalidRequest) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .modelNotFound: .notFound
            case .modelNotAllowed: .forbidden
            case .payloadTooLarge: .contentTooLarge
            default: .badRequest
            }
        self.init(status, error.code.rawValue, error.message, parameter: error.parameter)
    }

    /// The answer about a task that failed: the official clients must not try again what was paid for.
    init(failureOf task: ImageTask) {
        let failure = task.failure ?? TaskFailure(.taskFailed, "The task failed.")
        let status: HTTPResponse.Status =
            switch failure.code {
            case .contentPolicyViolation, .unsupportedParameter: .badRequest
            // Before anything was sent the picture at fault can only be the caller's; later it is the vendor's.
            case .invalidImage: task.attempts.isEmpty ? .badRequest : .badGateway
            case .payloadTooLarge: task.attempts.isEmpty ? .contentTooLarge : .badGateway
            case .upstreamError, .noImageGenerated, .outcomeUnknown: .badGateway
            case .providerUnavailable, .storageError: .serviceUnavailable
            case .taskTimeout: .gatewayTimeout
            case .taskCancelled: .conflict
            case .taskFailed, .resultExpired: .internalServerError
            }
        let parameter = failure.code == .contentPolicyViolation ? "prompt" : nil
        self.init(status, failure.code.rawValue, failure.message, parameter: parameter)
        if status.code >= 409 { headers[.shouldRetry] = "false" }
        // For people and patient programs: a provider that is out is tried again within seconds to minutes.
        if failure.code == .providerUnavailable { headers[.retryAfter] = "30" }
    }

    init(_ error: StoreError) {
        self.init(
            .serviceUnavailable,
            "provider_unavailable",
            "The gateway cannot reach its database now; try again.",
            headers: [.retryAfter: "2"]
        )
    }

    init(_ error: ObjectError) {
        switch error.code {
        case .forbidden: self.init(.forbidden, "invalid_link", "The link is not valid, or its time is over.")
        case .notFound: self.init(.notFound, "not_found", "There is no such picture.")
        case .none: self = .noStorage
        default: self = .storageDown
        }
    }

    /// Hummingbird's own errors, which carry no code of the contract.
    init(_ error: HTTPError) {
        switch error.status {
        case .contentTooLarge: self = .bodyTooLarge(nil)
        case .notFound: self = .unknownPath
        default: self.init(error.status, "invalid_value", error.body ?? "The request cannot be read.")
        }
    }

    static let unforeseen = APIError(
        .internalServerError,
        "server_error",
        "Something went wrong in the gateway."
    )
    static let unknownPath = APIError(.notFound, "not_found", "There is nothing at this path.")
    static let noTask = APIError(.notFound, "task_not_found", "There is no such task.")
    static let noStorage = APIError(
        .serviceUnavailable,
        "storage_not_configured",
        "This gateway stores no pictures: only synchronous calls with response_format b64_json work.",
        headers: [.shouldRetry: "false"]
    )

    /// Nothing was begun: the call may be made again.
    static let storageDown = APIError(
        .serviceUnavailable,
        "storage_error",
        "The gateway cannot reach its storage now; try again.",
        headers: [.retryAfter: "2"]
    )
    /// The process ends before the answer is there.
    static let shuttingDown = APIError(
        .serviceUnavailable,
        "shutting_down",
        "The gateway is shutting down; try again.",
        headers: [.retryAfter: "2"]
    )
    /// There is no room for another large body now.
    static let tooManyBodies = {
        var error = APIError(
            .tooManyRequests,
            "queue_full",
            "The gateway holds as many pictures of requests as it may at once; try again.",
            headers: [.retryAfter: "2"]
        )
        error.leavesBody = true
        return error
    }()
    /// Broken chunks, or a connection that ended in the middle.
    static let brokenBody = APIError(.badRequest, "invalid_value", "The body could not be read to its end.")

    /// A call whose task was begun and cannot be looked at: trying it again would buy a second time.
    static func lostSight(of task: TaskID, path: String) -> APIError {
        APIError(
            .serviceUnavailable,
            "provider_unavailable",
            "The gateway cannot reach its database now, but the task \(task) was begun; look at it later.",
            headers: [.shouldRetry: "false", .location: path]
        )
    }

    static func bodyTooLarge(_ limit: Int?) -> APIError {
        let size = limit.map { " It may have at most \($0) bytes." } ?? ""
        return APIError(.contentTooLarge, "payload_too_large", "The body is too large.\(size)")
    }
}

extension HTTPField.Name {
    /// Names that the HTTP package does not have; all are valid tokens.
    static let requestID = HTTPField.Name("x-request-id") ?? .via
    static let apiKey = HTTPField.Name("x-api-key") ?? .via
    static let shouldRetry = HTTPField.Name("x-should-retry") ?? .via
    static let pollAfter = HTTPField.Name("openai-poll-after-ms") ?? .via
    static let prefer = HTTPField.Name("prefer") ?? .via
    static let preferenceApplied = HTTPField.Name("preference-applied") ?? .via
}
