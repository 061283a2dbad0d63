// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct AiToEarnErrorTests {
    /// A code or status, and what it means.
    struct Row: Sendable, CustomTestStringConvertible {
        var number: Int
        var message = ""
        var code: ProviderError.Code
        var outcome = Attempt.Outcome.rejected
        var failsOver = true
        var retries = 0
        var consequence: ProviderError.Consequence?

        var testDescription: String { "\(number) \(message)" }
    }

    static let codes: [Row] = [
        Row(number: 400, message: "Bad request", code: .invalidRequest, failsOver: false),
        Row(number: 10002, message: "参数验证失败", code: .invalidRequest, failsOver: false),
        Row(number: 12750, code: .invalidRequest, failsOver: false),
        Row(number: 12752, code: .invalidRequest, failsOver: false),
        Row(number: 401, message: "Unauthorized", code: .credential, consequence: .disableKey),
        Row(number: 403, message: "Forbidden", code: .credential, consequence: .disableKey),
        Row(number: 12000, code: .credential, consequence: .disableKey),
        Row(number: 12003, code: .credential, consequence: .disableKey),
        Row(number: 19000, message: "API Key 无效", code: .credential, consequence: .disableKey),
        Row(number: 404, message: "Cannot POST /api/ai/image", code: .notUnderstood),
        Row(number: 404, message: "任务不存在", code: .notUnderstood),
        Row(number: 429, code: .rateLimited, retries: 1, consequence: .coolDown(.seconds(7))),
        Row(number: 10003, code: .rateLimited, retries: 1, consequence: .coolDown(.seconds(7))),
        Row(number: 500, message: "Internal server error", code: .overloaded, retries: 1),
        Row(number: 12001, message: "用户Credits不足", code: .outOfCredit, consequence: .disableKey),
        Row(number: 12002, code: .outOfCredit, consequence: .disableKey),
        Row(number: 12300, message: "model not found", code: .modelUnavailable, consequence: .disableModel),
        Row(number: 12301, message: "AI call failed: 503 no", code: .overloaded, retries: 1),
        Row(number: 12301, message: "AI call failed: socket hang up", code: .overloaded, retries: 1),
        Row(number: 12301, message: "AI 调用失败：内容违规", code: .refused, outcome: .refused, failsOver: false),
        Row(number: 12301, message: "AI call failed: 400 Bad size", code: .invalidRequest, failsOver: false),
        Row(number: 12301, message: "AI call failed: 401 no", code: .overloaded, retries: 1),
        Row(number: 12302, code: .notUnderstood, retries: 1), Row(number: 12303, code: .notUnderstood, retries: 1),
        Row(number: 10100, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 10101, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 12751, code: .overloaded, retries: 1), Row(number: 19001, code: .overloaded, retries: 1),
        Row(number: 31337, code: .notUnderstood, retries: 1), Row(number: -1, code: .notUnderstood, retries: 1),
    ]

    @Test(arguments: codes)
    func `a code in an answer of status 200 has its meaning`(row: Row) async {
        let body: JSON = ["data": ["ttl": 7], "code": JSON(row.number), "message": JSON(row.message)]

        await Self.check(row, .json(body))
        // What stands in front may pass the envelope on with a status of its own.
        await Self.check(row, .json(body, status: 418))
    }

    static let statuses: [Row] = [
        Row(number: 401, code: .credential, consequence: .disableKey),
        Row(number: 403, code: .credential, consequence: .coolDown(.seconds(60))),
        Row(number: 404, code: .notUnderstood), Row(number: 302, code: .notUnderstood),
        Row(number: 405, code: .notUnderstood), Row(number: 408, code: .overloaded, retries: 1),
        Row(number: 413, code: .invalidRequest, failsOver: false),
        Row(number: 429, code: .rateLimited, retries: 1, consequence: .coolDown(.seconds(5))),
        Row(number: 500, code: .overloaded, retries: 1), Row(number: 503, code: .overloaded, retries: 1),
        Row(number: 521, code: .overloaded, retries: 1),
        Row(number: 499, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 502, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 504, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 520, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 522, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
        Row(number: 524, code: .outcomeUnknown, outcome: .unknown, failsOver: false),
    ]

    @Test(arguments: statuses)
    func `a page of HTML is judged by its status`(row: Row) async {
        await Self.check(row, .text("<html><h1>\(row.number)</h1></html>", status: row.number))
    }

    @Test(arguments: [("0.2", 1), ("12", 12), ("100000", 60), ("\"x\"", 5), ("-3", 5), ("null", 5)])
    func `the vendor's delay is kept within reason`(ttl: String, seconds: Int) async throws {
        let text = #"{"data":{"ttl":\#(ttl)},"code":429,"message":"Too many requests"}"#

        let error = await Self.submit(.text(text))

        #expect(error?.recovery.delay == .seconds(seconds))
        #expect(error?.consequence == .coolDown(.seconds(seconds)))
    }

    // MARK: Polls

    static let pollCodes: [(Int, String, ProviderError.Code)] = [
        (404, "任务不存在", .jobNotFound), (12302, "", .jobNotFound), (12303, "", .jobNotFound), (10002, "", .jobNotFound),
        (400, "", .jobNotFound), (404, "Cannot GET /api/x", .notUnderstood), (401, "", .credential),
        (403, "", .credential), (12000, "", .credential), (19000, "", .credential), (429, "", .rateLimited),
        (10003, "", .rateLimited), (500, "", .overloaded), (10100, "", .overloaded), (12301, "safety", .overloaded),
        (12001, "", .overloaded), (12300, "", .overloaded), (31337, "", .overloaded),
    ]

    @Test(arguments: pollCodes)
    func `no error of a poll says what became of the task`(
        number: Int,
        message: String,
        code: ProviderError.Code
    ) async {
        let body = AiToEarnFixture.envelope(["ttl": 9], code: number, message: message)

        let error = await AiToEarnFixture.pollError(.json(body))

        #expect(error?.code == code)
        #expect(error?.outcome == .unknown)
        #expect(code != .rateLimited || error?.recovery.delay == .seconds(9))
        #expect(code != .credential || error?.recovery == .report)
    }

    @Test(arguments: [
        (401, ProviderError.Code.credential), (403, .notUnderstood), (404, .notUnderstood), (429, .rateLimited),
        (502, .overloaded), (503, .overloaded), (524, .overloaded),
    ])
    func `no page of HTML says what became of the task`(status: Int, code: ProviderError.Code) async {
        let error = await AiToEarnFixture.pollError(.text("<html>", status: status))

        #expect(error?.code == code && error?.outcome == .unknown)
    }

    @Test func `a poll without an answer can be asked again`() async {
        let lost = TransportError(.timedOut, mayHaveArrived: true, "The script's failure.")

        let error = await AiToEarnFixture.pollError(.failure(lost))

        #expect(error?.code == .unreachable)
    }

    // MARK: Helpers

    private static func submit(_ answer: ReplayTransport.Answer) async -> ProviderError? {
        do throws(ProviderError) {
            let call = ProviderCall(model: "gpt-image-2", prompt: "fox")
            _ = try await AiToEarnFixture.provider(ReplayTransport([answer])).submit(call, key: AiToEarnFixture.key)
            return nil
        } catch {
            return error
        }
    }

    private static func check(_ row: Row, _ answer: ReplayTransport.Answer) async {
        let error = await submit(answer)
        #expect(error?.code == row.code)
        #expect(error?.outcome == row.outcome)
        #expect(error?.recovery.failsOver == row.failsOver)
        #expect(error?.recovery.retries == row.retries)
        #expect(error?.consequence == row.consequence)
        #expect(row.message.isEmpty || error?.message.contains(row.message) == false)
    }
}

@Suite struct AiToEarnReasonTests {
    static let reasons: [(String, AiToEarnReasons.Reason)] = [
        ("400 Request rejected by the safety system. (已重试 1 次)", .content), ("429 risk control", .content),
        ("Against our POLICY", .content), ("moderation_blocked", .content), ("内容违规", .content), ("触发风控", .content),
        ("内容安全检测未通过", .content), ("Content Filter", .content), ("a violation", .content), ("sensitive", .content),
        ("400 Bad thing", .request), ("404 no such thing", .request), ("413 too big", .request), ("422 no", .request),
        (" 400 Bad thing", .request), ("401 Incorrect API key provided", .account), ("403 Country", .account),
        ("408 Timeout", .trouble), ("409 Conflict", .trouble), ("429 Rate limit", .trouble), ("500 Oops", .trouble),
        ("503", .trouble), ("599 odd", .trouble), ("418 teapot", .other), ("4000 pictures", .other),
        ("502 Invalid image", .trouble), ("Image size is not supported", .request), ("Invalid image file", .request),
        ("Invalid input", .request), ("invalid parameter x", .request), ("Unsupported format", .request),
        ("Invalid data URI", .request), ("missing required field", .request), ("Request timed out.", .trouble),
        ("timeout of 300000ms exceeded", .trouble), ("Connection error.", .trouble), ("read ECONNRESET", .trouble),
        ("socket hang up", .trouble), ("fetch failed", .trouble), ("Something else", .other), ("", .other),
    ]

    @Test(arguments: reasons)
    func `the words of a failed task have their meaning, by the first rule that fits`(
        words: String,
        reason: AiToEarnReasons.Reason
    ) {
        #expect(AiToEarnReasons.reason(of: words) == reason)
    }

    @Test(arguments: [
        ("400 no. (已重试 1 次)", "400 no."), ("no（已重试 12 次） ", "no"), ("(已重试 1 次)", ""), ("已重试 1 次", "已重试 1 次"),
        ("a (已重试 1 次) b", "a (已重试 1 次) b"),
    ])
    func `the count of repeats is taken off`(words: String, bare: String) {
        #expect(AiToEarnReasons.bare(words) == bare)
    }

    static let outcomes: [(String, JSON?, ProviderError.Code, Attempt.Outcome, Bool)] = [
        ("safety", 0, .refused, .refused, false), ("safety", 2, .refused, .refused, false),
        ("400 no", 0, .invalidRequest, .rejected, false), ("400 no", nil, .invalidRequest, .failed, false),
        ("401 no", 0, .failed, .rejected, true), ("401 no", 1, .failed, .failed, true),
        ("timed out", 0, .failed, .rejected, true), ("timed out", nil, .failed, .failed, true),
        ("odd", .number("0.0"), .failed, .rejected, true), ("odd", "0", .failed, .failed, true),
    ]

    @Test(arguments: outcomes)
    func `a failed task is no purchase where it shows its refund`(
        words: String,
        points: JSON?,
        code: ProviderError.Code,
        outcome: Attempt.Outcome,
        failsOver: Bool
    ) async {
        let data = JSON(present: ["status": "failed", "errorMessage": JSON(words), "points": points])

        let error = await AiToEarnFixture.pollError(.json(AiToEarnFixture.envelope(data)))

        #expect(error?.code == code && error?.outcome == outcome)
        #expect(error?.recovery.failsOver == failsOver)
        #expect(error?.consequence == nil)
        #expect(error?.message.contains(words) == false)
    }

    @Test func `the caller's own words are no reason, and reach no log`() async {
        let prompt = "a policy of risk and violation"
        let data: JSON = [
            "status": "failed", "errorMessage": JSON("Could not draw '\(prompt)', key ai_secret-key"), "points": 0,
            "request": ["prompt": JSON(prompt)],
        ]

        let error = await AiToEarnFixture.pollError(.json(AiToEarnFixture.envelope(data)))

        #expect(error?.code == .failed)
        #expect(error?.detail == "Could not draw '<prompt>', key <redacted>")
    }
}
