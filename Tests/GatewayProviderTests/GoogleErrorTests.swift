// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

/// The table of HTTP errors, row by row; both vendors share it.
@Suite struct GoogleErrorTests {
    /// One error and what it must be taken for.
    struct Row: Sendable, CustomTestStringConvertible {
        var status: Int
        var rpc: String
        var message: String
        var details: String
        var code: ProviderError.Code
        var outcome: Attempt.Outcome
        var recovery: ProviderError.Recovery
        var consequence: ProviderError.Consequence?

        init(
            _ status: Int,
            _ rpc: String,
            _ message: String,
            details: String = "[]",
            _ code: ProviderError.Code,
            _ recovery: ProviderError.Recovery,
            _ consequence: ProviderError.Consequence? = nil,
            outcome: Attempt.Outcome = .rejected
        ) {
            self.status = status
            self.rpc = rpc
            self.message = message
            self.details = details
            self.code = code
            self.outcome = outcome
            self.recovery = recovery
            self.consequence = consequence
        }

        var testDescription: String { "\(status) \(message.prefix(60))" }
        var envelope: String {
            let error = #"{"code":\#(status),"status":"\#(rpc)","message":"\#(message)","details":\#(details)}"#
            return #"{"error":\#(error)}"#
        }
    }

    static let once = ProviderError.Recovery.retry(1, after: .seconds(1), thenFailOver: true)
    static func wait(_ seconds: Double) -> ProviderError.Recovery {
        .retry(1, after: .seconds(seconds), thenFailOver: true)
    }
    static let invalid = "INVALID_ARGUMENT"
    static let exhausted = "RESOURCE_EXHAUSTED"
    static let denied = "PERMISSION_DENIED"
    static let precondition = "FAILED_PRECONDITION"

    static func info(_ reason: String) -> String {
        #"[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"\#(reason)"}]"#
    }

    static func quota(_ id: String, _ metric: String = "m", value: String = "20", retry: String? = nil) -> String {
        let violation = #"{"quotaMetric":"\#(metric)","quotaId":"\#(id)","quotaValue":"\#(value)"}"#
        let delay = retry.map { #",{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"\#($0)"}"# } ?? ""
        return #"[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[\#(violation)]}\#(delay)]"#
    }

    static let rows: [Row] = requestRows + credentialRows + modelRows + quotaRows + vendorRows

    static let requestRows = [
        Row(400, invalid, "Invalid JSON payload received. Unknown name \\\"x\\\"", .notUnderstood, .report),
        Row(400, invalid, "Multiple candidates is not enabled for this model", .notUnderstood, .report),
        Row(400, invalid, "Aspect ratio is not enabled for this model", .notUnderstood, .failOver),
        Row(400, invalid, "imageSize must be one of 1K, 2K, 4K", .invalidRequest, .report),
        Row(400, invalid, "Unable to process input image", .invalidRequest, .report),
        Row(400, invalid, "Provided image is not valid.", .invalidRequest, .report),
        Row(400, invalid, "Unsupported MIME type: image/gif", .invalidRequest, .report),
        Row(400, invalid, "Request payload size exceeds the limit: 20971520 bytes.", .invalidRequest, .report),
        Row(400, invalid, "Function call is missing a thought_signature", .notUnderstood, .report),
        Row(403, denied, "You do not have permission to access the File files/abc", .invalidRequest, .report),
        Row(
            403,
            denied,
            "You do not have permission to access the File abc or it may not exist.",
            .invalidRequest,
            .report
        ),
        Row(413, "", "Request Entity Too Large", .invalidRequest, .report),
    ]

    static let credentialRows = [
        Row(400, invalid, "odd words", details: info("API_KEY_INVALID"), .credential, .failOver, .disableKey),
        Row(400, invalid, "API key not valid. Please pass a valid API key.", .credential, .failOver, .disableKey),
        Row(400, invalid, "API key expired. Please renew the API key.", .credential, .failOver, .disableKey),
        Row(
            400,
            precondition,
            "User location is not supported for the API use.",
            .credential,
            .failOver,
            .coolDown(.seconds(300))
        ),
        Row(
            400,
            precondition,
            "Gemini API free tier is not available in your country. Please enable billing on your project.",
            .credential,
            .failOver,
            .disableKey
        ),
        Row(401, "UNAUTHENTICATED", "x", details: info("ACCESS_TOKEN_EXPIRED"), .credential, .failOver, .disableKey),
        Row(403, denied, "Method doesn't allow unregistered callers", .credential, .failOver, .disableKey),
        Row(403, denied, "Your API key was reported as leaked.", .credential, .failOver, .disableKey),
        Row(403, denied, "x", details: info("SERVICE_DISABLED"), .credential, .failOver, .disableKey),
        Row(403, denied, "Requests to this API are blocked", .credential, .failOver, .disableKey),
        Row(403, denied, "x", details: info("CONSUMER_SUSPENDED"), .credential, .failOver, .disableKey),
        Row(403, denied, "x", details: info("API_KEY_IP_ADDRESS_BLOCKED"), .credential, .failOver, .disableKey),
        Row(403, denied, "x", details: info("BILLING_DISABLED"), .credential, .failOver, .disableKey),
    ]

    static let modelRows = [
        Row(
            404,
            "NOT_FOUND",
            "models/x is not found for API version v1beta, or is not supported for generateContent.",
            .modelUnavailable,
            .failOver,
            .disableModel
        ),
        Row(
            404,
            "NOT_FOUND",
            "This model models/x is no longer available. Please update your code.",
            .modelUnavailable,
            .failOver,
            .disableModel
        ),
        Row(
            404,
            "NOT_FOUND",
            "This model is no longer available to new users.",
            .modelUnavailable,
            .failOver,
            .disableModelForKey
        ),
        Row(404, "NOT_FOUND", "Requested entity was not found.", .modelUnavailable, .failOver, .disableModelForKey),
    ]

    static let quotaRows = [
        Row(402, "", "Payment required", .outOfCredit, .failOver, .disableKey),
        Row(
            429,
            exhausted,
            "You exceeded your current quota. Please retry in 47.2s.",
            details: quota("GenerateRequestsPerMinutePerProjectPerModel", retry: "47s"),
            .rateLimited,
            wait(47),
            .coolDown(.seconds(47))
        ),
        Row(
            429,
            exhausted,
            "You exceeded your current quota.",
            details: quota("GenerateRequestsPerMinutePerProjectPerModel", retry: "10.158753737s"),
            .rateLimited,
            wait(10.158753737),
            .coolDown(.seconds(10.158753737))
        ),
        Row(
            429,
            exhausted,
            "x",
            details: quota("PerMinute", retry: "3600s"),
            .rateLimited,
            wait(60),
            .coolDown(.seconds(60))
        ),
        Row(
            429,
            exhausted,
            "x",
            details: quota("PerMinute", retry: "0s"),
            .rateLimited,
            wait(1),
            .coolDown(.seconds(1))
        ),
        Row(
            429,
            exhausted,
            "x",
            details: quota("PerMinute", retry: "-7s"),
            .rateLimited,
            wait(5),
            .coolDown(.seconds(5))
        ),
        Row(429, exhausted, "Please retry in 12.5s.", .rateLimited, wait(12.5), .coolDown(.seconds(12.5))),
        Row(429, exhausted, "x", .rateLimited, wait(5), .coolDown(.seconds(5))),
        Row(
            429,
            exhausted,
            "x",
            details: quota("GenerateRequestsPerDayPerProjectPerModel", retry: "47s"),
            .outOfCredit,
            .failOver,
            .coolDown(.seconds(3600))
        ),
        Row(
            429,
            exhausted,
            "Quota exceeded for metric: generate_content_paid_requests, limit: 0, model: x",
            .outOfCredit,
            .failOver,
            .disableModelForKey
        ),
        Row(
            429,
            exhausted,
            "Quota exceeded for metric: generate_content_paid_requests, limit: 0.5, model: x",
            .rateLimited,
            wait(5),
            .coolDown(.seconds(5))
        ),
        Row(
            429,
            exhausted,
            "x",
            details: quota("PerMinute", "googleapis.com/generate_content_free_tier_requests", retry: "5s"),
            .outOfCredit,
            .failOver,
            .disableModelForKey
        ),
        Row(429, exhausted, "x", details: quota("PerMinute", value: "0"), .outOfCredit, .failOver, .disableModelForKey),
        Row(429, exhausted, "Your prepayment credits are depleted.", .outOfCredit, .failOver, .disableKey),
        Row(429, exhausted, "Prepay credit balance is too low.", .outOfCredit, .failOver, .disableKey),
        Row(
            429,
            exhausted,
            "Resource has been exhausted (e.g. check quota).",
            .rateLimited,
            .retry(2, after: .seconds(2), thenFailOver: true),
            .coolDown(.seconds(2))
        ),
    ]

    static let vendorRows = [
        Row(408, "", "Request Timeout", .overloaded, once),
        Row(499, "CANCELLED", "The operation was cancelled.", .outcomeUnknown, .report, outcome: .unknown),
        Row(500, "INTERNAL", "An internal error has occurred.", .overloaded, once),
        Row(502, "", "Bad Gateway", .overloaded, once),
        Row(
            503,
            "UNAVAILABLE",
            "The model is overloaded.",
            .overloaded,
            .retry(2, after: .seconds(1), thenFailOver: true)
        ),
        Row(504, "DEADLINE_EXCEEDED", "Deadline expired", .outcomeUnknown, .report, outcome: .unknown),
        Row(524, "", "A timeout occurred", .outcomeUnknown, .report, outcome: .unknown),
        Row(520, "", "Web server returned an unknown error", .overloaded, once),
        Row(405, "UNIMPLEMENTED", "x", .notUnderstood, .failOver),
        Row(301, "", "Moved", .notUnderstood, .failOver),
    ]

    @Test(arguments: rows)
    func `an error has its meaning, in an object or in a list`(row: Row) throws {
        for text in [row.envelope, "[\(row.envelope)]"] {
            let body = try JSON(reading: ByteBuffer(string: text))

            let error = GoogleErrors.error(GoogleFault(VendorAPI.Rejection(status: row.status, body: body)))

            #expect(error.code == row.code)
            #expect(error.outcome == row.outcome)
            #expect(error.recovery == row.recovery)
            #expect(error.consequence == row.consequence)
            #expect(row.message == "x" || !error.message.contains(row.message))
            #expect(error.detail?.hasPrefix("HTTP \(row.status)") == true)
        }
    }

    @Test(arguments: [
        (400, ProviderError.Code.notUnderstood), (401, .credential), (403, .credential), (404, .notUnderstood),
        (413, .invalidRequest), (429, .rateLimited), (500, .overloaded), (502, .overloaded), (503, .overloaded),
        (504, .outcomeUnknown), (524, .outcomeUnknown),
    ])
    func `a status without an envelope is judged with care`(status: Int, code: ProviderError.Code) {
        let error = GoogleErrors.error(GoogleFault(VendorAPI.Rejection(status: status)))

        #expect(error.code == code)
        #expect(error.consequence != .disableModel)
        #expect(status == 401 || error.consequence != .disableKey)
        #expect(error.outcome == (code == .outcomeUnknown ? .unknown : .rejected))
    }

    @Test func `a Retry-After header counts where the body says nothing`() {
        let rejection = VendorAPI.Rejection(status: 429, headers: [.retryAfter: "9"])

        #expect(GoogleErrors.error(GoogleFault(rejection)).consequence == .coolDown(.seconds(9)))
    }

    @Test(arguments: [
        ("Sat, 21 Nov 2026 06:30:00 GMT", 31 * 60), ("Sat, 21 Nov 2026 07:00:59 GMT", 1),
        ("Sat, 21 Nov 2026 07:01:00 GMT", 3600), ("Sat, 21 Nov 2026 08:01:00 GMT", 6 * 3600),
        ("Sat, 21 Nov 2026 23:59:59 GMT", 6 * 3600), ("Sat, 21 Nov 2026 01:01:00 GMT", 6 * 3600),
        ("Sat, 21 Nov 2026 01:01:01 GMT", 6 * 3600 - 1), ("Sat, 21 Nov 2026 25:00:00 GMT", 3600),
        ("Saturday", 3600), ("", 3600),
    ])
    func `a daily quota rests until it is midnight in California, six hours at most`(date: String, seconds: Int) throws
    {
        let text = #"{"error":{"message":"x","details":\#(Self.quota("GenerateRequestsPerDayPerProject"))}}"#
        let body = try JSON(reading: ByteBuffer(string: text))
        let rejection = VendorAPI.Rejection(status: 429, headers: [.date: date], body: body)

        let error = GoogleErrors.error(GoogleFault(rejection))

        #expect(error.code == .outOfCredit)
        #expect(error.consequence == .coolDown(.seconds(seconds)))
    }

    @Test(arguments: [
        ("47s", Duration.seconds(47)), ("10.5s", .seconds(10.5)), ("0s", .zero), ("47", nil), ("s", nil), ("-1s", nil),
        ("nans", nil), ("1e300s", nil), ("1h2s", nil),
    ])
    func `a duration is read or left`(text: String, duration: Duration?) {
        #expect(GoogleFault.duration(text) == duration)
    }
}
