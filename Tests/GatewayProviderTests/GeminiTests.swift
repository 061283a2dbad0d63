// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct GeminiTests {
    /// One row of the table of reasons: what is expected of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var reason: String
        var code: ProviderError.Code
        var outcome: Attempt.Outcome
        var retries: Int
        var failsOver: Bool

        init(
            _ reason: String,
            _ code: ProviderError.Code,
            _ outcome: Attempt.Outcome,
            _ retries: Int,
            _ failsOver: Bool
        ) {
            self.reason = reason
            self.code = code
            self.outcome = outcome
            self.retries = retries
            self.failsOver = failsOver
        }

        var testDescription: String { reason }
    }

    static let finishReasons = [
        Row("STOP", .noImage, .noImage, 2, true),
        Row("NO_IMAGE", .noImage, .noImage, 2, true),
        Row("IMAGE_SAFETY", .refused, .refused, 0, false),
        Row("IMAGE_PROHIBITED_CONTENT", .refused, .refused, 0, false),
        Row("IMAGE_RECITATION", .refused, .refused, 0, false),
        Row("RECITATION", .refused, .refused, 0, false),
        Row("IMAGE_OTHER", .noImage, .noImage, 1, true),
        Row("OTHER", .noImage, .noImage, 1, true),
        Row("SAFETY", .refused, .refused, 0, false),
        Row("PROHIBITED_CONTENT", .refused, .refused, 0, false),
        Row("BLOCKLIST", .refused, .refused, 0, false),
        Row("SPII", .refused, .refused, 0, false),
        Row("ESCALATION", .refused, .refused, 0, false),
        Row("MODEL_ARMOR", .refused, .refused, 0, false),
        Row("LANGUAGE", .invalidRequest, .noImage, 0, true),
        Row("MAX_TOKENS", .failed, .noImage, 1, true),
        Row("MALFORMED_RESPONSE", .failed, .noImage, 1, true),
        Row("MALFORMED_FUNCTION_CALL", .failed, .noImage, 1, true),
        Row("UNEXPECTED_TOOL_CALL", .failed, .noImage, 1, true),
        Row("TOO_MANY_TOOL_CALLS", .failed, .noImage, 1, true),
        Row("MISSING_THOUGHT_SIGNATURE", .failed, .noImage, 0, false),
        Row("CONTINUATION", .failed, .noImage, 0, true),
        Row("PUP_LIMITED_DISABLED", .credential, .rejected, 0, true),
        Row("FINISH_REASON_UNSPECIFIED", .failed, .noImage, 1, true),
        Row("INVENTED_TOMORROW", .failed, .noImage, 1, true),
    ]

    static let blockReasons = [
        Row("SAFETY", .refused, .refused, 0, false),
        Row("BLOCKLIST", .refused, .refused, 0, false),
        Row("PROHIBITED_CONTENT", .refused, .refused, 0, false),
        Row("IMAGE_SAFETY", .refused, .refused, 0, false),
        Row("MODEL_ARMOR", .refused, .refused, 0, false),
        Row("JAILBREAK", .refused, .refused, 0, false),
        Row("OTHER", .refused, .refused, 0, false),
        Row("BLOCK_REASON_UNSPECIFIED", .refused, .refused, 0, false),
        Row("INVENTED_TOMORROW", .refused, .refused, 0, false),
    ]

    @Test(arguments: finishReasons)
    func `a finish reason has its meaning`(row: Row) throws {
        let contents: [JSON] = [
            [:], ["parts": .null], ["parts": []], ["role": "model", "parts": [["text": " "]]], .null,
        ]
        for content in contents {
            let answer: JSON = ["candidates": [["content": content, "finishReason": JSON(row.reason), "index": 0]]]

            let error = try #require(Self.failure(of: answer))

            Self.expect(error, row)
            #expect(error.consequence == (row.code == .credential ? .disableKey : nil))
        }
    }

    @Test(arguments: blockReasons)
    func `a block reason has its meaning`(row: Row) throws {
        let feedback: JSON = ["blockReason": JSON(row.reason), "safetyRatings": []]
        let answers: [JSON] = [
            ["promptFeedback": feedback, "usageMetadata": ["promptTokenCount": 271]],
            ["candidates": [], "promptFeedback": feedback],
            ["candidates": [["finishReason": "OTHER"]], "promptFeedback": feedback],
        ]
        for answer in answers {
            let error = try #require(Self.failure(of: answer))

            Self.expect(error, row)
            #expect(error.consequence == nil)
        }
    }

    @Test(arguments: Set((finishReasons + blockReasons).map(\.reason)).sorted())
    func `a refusal is the last word, and nothing else is`(reason: String) throws {
        let answers: [JSON] = [
            ["candidates": [["finishReason": JSON(reason)]]], ["promptFeedback": ["blockReason": JSON(reason)]],
        ]
        for answer in answers {
            let error = try #require(Self.failure(of: answer))

            #expect((error.code == .refused) == (error.outcome == .refused))
            #expect(error.code != .refused || error.recovery == .report && error.consequence == nil)
        }
    }

    @Test func `a blocked edit may be blocked because of its picture`() throws {
        for reason in Self.blockReasons.map(\.reason) {
            let answer: JSON = ["promptFeedback": ["blockReason": JSON(reason)]]

            let ofText = try #require(Self.failure(of: answer))
            let ofEdit = try #require(Self.failure(of: answer, isEdit: true))

            #expect(!ofText.message.contains("input picture"))
            #expect(ofEdit.message.contains("or an input picture"))
            #expect(ofEdit.recovery == .report && ofEdit.code == .refused)
        }
        let withheld: JSON = ["candidates": [["finishReason": "IMAGE_SAFETY"]]]
        #expect(Self.failure(of: withheld)?.message == Self.failure(of: withheld, isEdit: true)?.message)
    }

    @Test(arguments: [
        #"{"candidates":[{}]}"#, #"{"candidates":[]}"#, "{}", #"{"usageMetadata":{"totalTokenCount":9}}"#,
    ])
    func `an answer without a reason is a failure of the vendor`(text: String) throws {
        let answer = try JSON(reading: ByteBuffer(string: text))

        let error = try #require(Self.failure(of: answer))

        Self.expect(error, Row("", .failed, .noImage, 1, true))
    }

    @Test func `words instead of a picture are told, folded and cut`() throws {
        let words = "I would\n\n  propose:\t" + String(repeating: "variants ", count: 60)
        let answer: JSON = [
            "candidates": [["content": ["parts": [["text": JSON(words)]]], "finishReason": "STOP"]]
        ]

        let error = try #require(Self.failure(of: answer))

        Self.expect(error, Row("", .noImage, .noImage, 1, true))
        #expect(error.message.contains(": I would propose: variants variants"))
        #expect(!error.message.contains { $0.isNewline })
        #expect(error.message.count < 400 && error.message.hasSuffix("…"))
    }

    @Test func `a picture made in spite of a refusal is not delivered`() throws {
        let part: JSON = ["inlineData": ["mimeType": "image/png", "data": "iVBORw0K"]]
        let filtered: JSON = ["candidates": [["content": ["parts": [part]], "finishReason": "IMAGE_SAFETY"]]]
        let cut: JSON = ["candidates": [["content": ["parts": [part]], "finishReason": "MAX_TOKENS"]]]

        #expect(Self.failure(of: filtered)?.code == .refused)
        #expect(try GeminiWire.result(cut).images.count == 1)
    }

    @Test(arguments: ["flagged_drafts", "unflagged_drafts", "success"])
    func `the last picture that is no thought wins`(scenario: String) async throws {
        let progress = try await Self.replay(scenario)

        guard case .done(let result) = progress, case .base64(let text) = try #require(result.images.first) else {
            Issue.record("no picture")
            return
        }
        let header = try #require(Base64.decode(text).flatMap { PictureHeader($0.readableBytesView) })
        #expect(result.images.count == 1)
        #expect(header.size == PixelSize(8, 8))
    }

    @Test func `parts that are no pictures are passed over`() throws {
        let parts: JSON = [
            ["text": "Here "], ["inlineData": ["mimeType": "image/png", "data": "Zmlyc3Q="]], .null, 7,
            ["inline_data": ["mime_type": "image/jpeg", "data": "bGFzdA=="]],
            ["inlineData": ["mimeType": "image/png", "data": ""]],
            ["inlineData": ["mimeType": "audio/wav", "data": "YQ=="]],
            ["thought": true, "inlineData": ["mimeType": "image/png", "data": "dGhvdWdodA=="]], ["text": "it is."],
            ["thought": true, "text": "secret thought"],
        ]

        let result = try GeminiWire.result(["candidates": [["content": ["parts": parts]]]])

        guard case .base64(let text) = try #require(result.images.first) else { return }
        #expect(String(buffer: text) == "bGFzdA==")
        #expect(result.revisedPrompt == "Here \nit is.")
    }

    @Test func `a long picture stays where it was received`() async throws {
        let picture = String(repeating: "QUJD", count: 500_000)
        let body =
            #"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":""# + picture
            + #""}}]},"finishReason":"STOP"}]}"#
        let received = ByteBuffer(string: body)
        let transport = ReplayTransport([.response(TransportResponse(status: 200, body: received))])

        let progress = try await Self.provider(transport).submit(Self.call, key: Secret("secret-key"))

        guard case .done(let result) = progress, case .base64(let text) = try #require(result.images.first) else {
            return
        }
        #expect(text.readableBytes == picture.utf8.count)
        let whole = received.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let slice = text.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(slice > whole && slice < whole + UInt(received.readableBytes))
    }

    @Test(arguments: [
        (
            #"{"promptTokenCount":615,"candidatesTokenCount":2478,"thoughtsTokenCount":208,"totalTokenCount":3301,"#
                + #""promptTokensDetails":[{"modality":"TEXT","tokenCount":99},"#
                + #"{"modality":"IMAGE","tokenCount":516}]}"#,
            Usage(inputTokens: 615, inputTextTokens: 99, inputImageTokens: 516, outputTokens: 2686, totalTokens: 3301)
        ),
        (
            #"{"promptTokenCount":12,"totalTokenCount":20,"candidatesTokenCount":8,"thoughtsTokenCount":8}"#,
            Usage(inputTokens: 12, inputTextTokens: 12, inputImageTokens: 0, outputTokens: 8, totalTokens: 20)
        ),
        (
            #"{"promptTokenCount":12,"candidatesTokenCount":1290}"#,
            Usage(inputTokens: 12, inputTextTokens: 12, inputImageTokens: 0, outputTokens: 1290, totalTokens: 1302)
        ),
        (
            #"{"promptTokenCount":-9,"totalTokenCount":9223372036854775807}"#,
            Usage(
                inputTokens: 0,
                inputTextTokens: 0,
                inputImageTokens: 0,
                outputTokens: 1_000_000_000,
                totalTokens: 1_000_000_000
            )
        ),
        ("{}", nil), ("7", nil),
    ])
    func `usage is what the total says`(text: String, usage: Usage?) throws {
        let metadata = try JSON(reading: ByteBuffer(string: text))

        #expect(GeminiWire.usage(metadata) == usage)
    }

    // MARK: Helpers

    static let call = ProviderCall(model: "gemini-3-pro-image", prompt: "A red fox")

    static func provider(_ transport: any HTTPTransport) -> GeminiProvider {
        GeminiProvider(
            settings: ProviderSettings(name: "v", baseURL: "https://vendor.example/", timeout: .seconds(300)),
            transport: transport
        )
    }

    static func replay(_ scenario: String) async throws -> ProviderProgress {
        let recording = try #require(try recordings(of: "gemini")[scenario])
        let transport = ReplayTransport(recording.exchanges.map(\.answer))
        return try await provider(transport).submit(recording.call ?? call, key: Secret("secret-key"))
    }

    static func failure(of answer: JSON, isEdit: Bool = false) -> ProviderError? {
        do throws(ProviderError) {
            _ = try GeminiWire.result(answer, isEdit: isEdit)
            return nil
        } catch {
            return error
        }
    }

    static func expect(_ error: ProviderError, _ row: Row, at location: SourceLocation = #_sourceLocation) {
        #expect(error.code == row.code, sourceLocation: location)
        #expect(error.outcome == row.outcome, sourceLocation: location)
        #expect(error.recovery.retries == row.retries, sourceLocation: location)
        #expect(error.recovery.failsOver == row.failsOver, sourceLocation: location)
    }
}
