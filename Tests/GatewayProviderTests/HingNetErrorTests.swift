// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct HingNetErrorTests {
    /// One row of the vendor's table of errors, and what is made of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var status: Int
        var error: String
        var code: ProviderError.Code
        var outcome: Attempt.Outcome
        var retries = 0
        var failsOver = true
        var consequence: ProviderError.Consequence?

        init(
            _ status: Int,
            _ error: String,
            _ code: ProviderError.Code,
            _ outcome: Attempt.Outcome = .rejected,
            retries: Int = 0,
            failsOver: Bool = true,
            then consequence: ProviderError.Consequence? = nil
        ) {
            self.status = status
            self.error = error
            self.code = code
            self.outcome = outcome
            self.retries = retries
            self.failsOver = failsOver
            self.consequence = consequence
        }

        var testDescription: String { "\(status) \(error)" }
    }

    static let hub = #""type":"one_hub_error""#
    static let maker = #""type":"gemini_error""#
    static let upstream = #""code":"bad_response_status_code","type":"upstream_error""#

    static let requests = [
        Row(400, #""code":"one_hub_error","message":"field Prompt is required""#, .invalidRequest, failsOver: false),
        Row(400, #""code":"invalid_request_error","message":"not supported""#, .invalidRequest, retries: 1),
        Row(400, #""code":400,"param":"INVALID_ARGUMENT",\#(maker)"#, .invalidRequest, failsOver: false),
        Row(400, #""code":"token_error",\#(hub)"#, .invalidRequest, failsOver: false),
        Row(400, #""code":"invalid_input""#, .invalidRequest, failsOver: false),
        Row(422, #""code":"unsupported_output""#, .invalidRequest, failsOver: false),
        Row(413, "", .invalidRequest, failsOver: false), Row(422, "", .invalidRequest, failsOver: false),
        Row(400, "", .invalidRequest, failsOver: false),
    ]

    static let refusals = [
        #"400 "code":"content_policy_violation""#, #"400 "code":"sensitive_words_detected""#,
        #"400 "code":"InputTextSensitiveContentDetected""#, #"422 "code":"output_blocked""#,
        #"422 "code":"input_risk""#,
        #"400 "code":"moderation_blocked""#, #"400 "code":"content_filter""#, #"403 "code":"policy_violation""#,
        #"500 "code":"safety_stop""#, #"200 "code":"content_policy_violation""#,
        #"400 "type":"image_safety_error","message":"x""#, #"400 "code":400,"message":"blocked by safety settings""#,
        #"422 "message":"This violates our usage policies""#, #"400 "message":"提示词包含敏感内容""#,
    ].compactMap { line -> Row? in
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        return Int(parts[0]).map { Row($0, parts[1], .refused, .refused, failsOver: false) }
    }

    static let account = [
        Row(401, #""message":"无效的令牌",\#(hub)"#, .credential, then: .disableKey),
        Row(401, #""message":"令牌不存在",\#(hub)"#, .credential, then: .disableKey),
        Row(401, #""message":"令牌已过期",\#(hub)"#, .credential, then: .disableKey),
        Row(401, #""message":"令牌状态不可用",\#(hub)"#, .credential, then: .disableKey),
        Row(401, "", .credential, then: .disableKey),
        Row(403, #""message":"分组 vip 不存在",\#(hub)"#, .credential, then: .disableKey),
        Row(403, #""message":"API requests are not allowed",\#(hub)"#, .credential, then: .disableKey),
        Row(401, #""message":"令牌额度已用尽",\#(hub)"#, .outOfCredit, then: .disableKey),
        Row(
            402,
            #""code":"insufficient_user_quota","message":"user quota is not enough""#,
            .outOfCredit,
            then: .disableKey
        ),
        Row(402, "", .outOfCredit, then: .disableKey),
        Row(403, #""code":"insufficient_user_quota""#, .outOfCredit, then: .disableKey),
        Row(401, #""code":"insufficient_user_quota""#, .outOfCredit, then: .disableKey),
        Row(200, #""code":"insufficient_user_quota""#, .outOfCredit, then: .disableKey),
        Row(429, #""code":"insufficient_user_quota","message":"上游负载已饱和，请稍后再试""#, .outOfCredit, then: .disableKey),
        Row(429, #""code":"pre_consume_token_quota_failed","message":"上游负载已饱和""#, .outOfCredit, then: .disableKey),
        Row(403, #""message":"账户余额不足""#, .outOfCredit, then: .disableKey),
    ]

    static let soon = ProviderError.Consequence.coolDown(.seconds(2))
    static let limits = [
        Row(429, #""message":"您的速率达到上限，请稍后再试。",\#(hub)"#, .rateLimited, retries: 1, then: soon),
        Row(429, #""code":"x","message":"当前分组上游负载已饱和，请稍后再试""#, .rateLimited, retries: 1, then: soon),
        Row(429, #""code":"system_error","message":"重试超时，上游负载已饱和""#, .rateLimited, retries: 1, then: soon),
        Row(429, "", .rateLimited, retries: 1, then: soon),
        Row(429, #""code":"MODEL_GROUP_ALL_UNAVAILABLE""#, .rateLimited, retries: 1, then: soon),
        Row(503, #""code":"MODEL_GROUP_ALL_UNAVAILABLE""#, .overloaded, retries: 1, then: .coolDown(.seconds(10))),
        Row(429, #""code":429,"param":"RESOURCE_EXHAUSTED",\#(maker)"#, .rateLimited, retries: 1, then: soon),
    ]

    static let services = [
        Row(404, #""code":"","type":"invalid_request_error","message":"Invalid URL (POST /x)""#, .notUnderstood),
        Row(404, "", .notUnderstood), Row(302, "", .notUnderstood), Row(418, "", .notUnderstood),
        Row(503, #""code":"one_hub_error","message":"当前分组 x 下对于模型 y 无可用渠道""#, .modelUnavailable, then: .disableModel),
        Row(503, #""code":"channel_error""#, .modelUnavailable, then: .disableModel),
        Row(200, #""code":"model_not_found""#, .modelUnavailable, then: .disableModel),
        Row(404, #""code":404,"param":"NOT_FOUND",\#(maker)"#, .modelUnavailable, then: .disableModel),
        Row(403, #""code":403,"param":"PERMISSION_DENIED",\#(maker)"#, .overloaded),
        Row(400, #""code":400,"message":"API key not valid",\#(maker)"#, .overloaded),
        Row(401, #"\#(upstream),"param":"401""#, .overloaded), Row(402, #"\#(upstream),"param":402"#, .overloaded),
        Row(500, #"\#(upstream),"param":"400""#, .invalidRequest, failsOver: false),
        Row(502, #"\#(upstream),"param":"502""#, .overloaded, retries: 1),
        Row(500, #"\#(upstream),"param":"429""#, .rateLimited, retries: 1, then: soon),
        Row(500, #"\#(upstream),"param":"504""#, .outcomeUnknown, .unknown, failsOver: false),
        Row(500, #""code":"http_request_failed","type":"system_error""#, .outcomeUnknown, .unknown, failsOver: false),
        Row(500, #""code":"decode_response_failed""#, .outcomeUnknown, .unknown, failsOver: false),
        Row(500, #""code":"new_request_failed""#, .overloaded, retries: 1),
        Row(500, #""code":"get_user_quota_failed""#, .overloaded, retries: 1),
        Row(500, #""code":"decrease_user_quota_failed""#, .overloaded, retries: 1),
        Row(500, #""code":"no_image_generated""#, .noImage, .noImage, retries: 1),
        Row(500, #""type":"one_hub_panic""#, .overloaded, retries: 1), Row(500, "", .overloaded, retries: 1),
        Row(502, "", .overloaded, retries: 1), Row(503, "", .overloaded, retries: 1),
        Row(408, "", .overloaded, retries: 1),
        Row(504, "", .outcomeUnknown, .unknown, failsOver: false),
        Row(524, "", .outcomeUnknown, .unknown, failsOver: false),
        Row(500, #""code":"image_url_not_available""#, .outcomeUnknown, .unknown, failsOver: false),
        Row(400, #""code":"storage_not_configured""#, .overloaded),
        Row(200, #""code":"task_failed""#, .failed, .failed),
        Row(200, #""code":"who_knows""#, .notUnderstood, .unknown, failsOver: false),
    ]

    @Test(arguments: requests + refusals + account + limits + services)
    func `an error has its meaning`(row: Row) throws {
        let body = row.error.isEmpty ? nil : try JSON(reading: ByteBuffer(string: #"{"error":{\#(row.error)}}"#))

        let error = HingNetErrors.error(HingNetFault(VendorAPI.Rejection(status: row.status, body: body)))

        #expect(error.code == row.code)
        #expect(error.outcome == row.outcome)
        #expect(error.recovery.retries == row.retries)
        #expect(error.recovery.failsOver == row.failsOver)
        #expect(error.consequence == row.consequence)
    }

    @Test func `a page in place of a 403 proves nothing about the key`() {
        let error = HingNetErrors.error(HingNetFault(VendorAPI.Rejection(status: 403)))

        #expect(error.code == .credential && error.consequence == .coolDown(.seconds(60)))
    }

    @Test(arguments: [("7", 7), ("0", 1), ("86000", 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 2), ("-3", 2), ("nan", 2)])
    func `a wish to wait is followed within reason`(header: String, seconds: Int) {
        for (status, code) in [(429, ""), (503, "MODEL_GROUP_ALL_UNAVAILABLE")] {
            let body: JSON = ["error": ["code": JSON(code)]]
            let rejection = VendorAPI.Rejection(status: status, headers: [.retryAfter: header], body: body)

            let error = HingNetErrors.error(HingNetFault(rejection))

            #expect(error.recovery.delay == .seconds(seconds))
            let usual = status == 503 && seconds == 2 ? 10 : seconds
            #expect(error.consequence == .coolDown(.seconds(usual)))
        }
    }

    @Test func `the operator is told the vendor's words and its number of the request`() throws {
        var headers: HTTPFields = [:]
        headers[try #require(HTTPField.Name("X-Oneapi-Request-Id"))] = "20260102"
        let body: JSON = ["error": ["code": 400, "message": "bad", "type": "gemini_error"]]

        let error = HingNetErrors.error(HingNetFault(.init(status: 400, headers: headers, body: body)))

        #expect(error.detail == "HTTP 400: 400 gemini_error: bad: request 20260102")
    }

    @Test func `a model that cannot edit may draw all the same`() async throws {
        var call = HingNetTests.call
        call.inputs = [try #require(HingNetBench.picture(8))]
        let body: JSON = ["error": ["code": "channel_error", "message": "channel not implemented"]]

        let error = await HingNetBench.submit(call, .json(body, status: 503)).result.error

        #expect(error?.code == .modelUnavailable)
        #expect(error?.consequence == nil)
    }
}
