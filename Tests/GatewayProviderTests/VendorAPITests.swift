// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct VendorAPITests {
    static let key = "sk-0123456789abcdef"

    @Test func `a purchase has the operator's time, and cannot be repeated`() async throws {
        let transport = ReplayTransport([.json([:])])

        try await Self.buy(transport, timeout: .seconds(300))

        let request = try #require(transport.sent.first?.request)
        #expect(request.limits.firstByte == .seconds(300) && request.limits.total == .seconds(300))
        #expect(request.limits.connect == .seconds(10))
        #expect(!request.isRepeatable)
        #expect(request.headers[.contentType] == "application/json")
        #expect(request.headers.filter { $0.value == Self.key }.map(\.name.canonicalName) == ["x-key"])
    }

    @Test func `a short time limit bounds the connection too`() async throws {
        let transport = ReplayTransport([.json([:])])

        try await Self.buy(transport, timeout: .seconds(3))

        #expect(transport.sent.first?.request.limits.connect == .seconds(3))
        #expect(transport.sent.first?.request.limits.stall == .seconds(3))
    }

    @Test(arguments: [
        (TransportError.Code.timedOut, true, ProviderError.Code.outcomeUnknown, Attempt.Outcome.unknown, false),
        (.broken, true, .outcomeUnknown, .unknown, false), (.tooLarge, true, .badPicture, .unknown, true),
        (.cancelled, true, .outcomeUnknown, .unknown, false), (.cancelled, false, .unreachable, .notSent, false),
        (.nameNotResolved, false, .unreachable, .notSent, true), (.tls, false, .unreachable, .notSent, true),
        (.timedOut, false, .unreachable, .notSent, true), (.invalidURL, false, .unreachable, .notSent, true),
    ])
    func `no answer is a purchase as far as anybody can know`(
        transportCode: TransportError.Code,
        mayHaveArrived: Bool,
        code: ProviderError.Code,
        outcome: Attempt.Outcome,
        failsOver: Bool
    ) async {
        let lost = TransportError(transportCode, mayHaveArrived: mayHaveArrived, "The script's failure.")

        let error = await #expect(throws: ProviderError.self) {
            try await Self.buy(ReplayTransport([.failure(lost)]), timeout: .seconds(9))
        }

        #expect(error?.code == code)
        #expect(error?.outcome == outcome)
        #expect(error?.recovery.failsOver == failsOver)
        #expect(error?.recovery.retries == 0)
        #expect(error?.cause as? TransportError == lost)
    }

    @Test(arguments: [504, 200])
    func `a question is never an unknown purchase`(status: Int) async {
        let transport = ReplayTransport([.text("<html>", status: status)])

        let error = await #expect(throws: ProviderError.self) {
            try await Self.api(transport, timeout: .seconds(9)).ask("/x", key: Secret(Self.key)) { $0 }
        }

        #expect(error?.outcome == .rejected)
        #expect(transport.sent.first?.request.isRepeatable == true)
    }

    @Test(arguments: [
        "the key is \(key)", String(repeating: "x", count: 480) + key, "prompt: A secret fox, \(key)\(key)",
        String(repeating: "y", count: 485) + "A secret fox and more",
    ])
    func `the vendor's words lose key and prompt, even where they are cut`(words: String) async {
        let body: JSON = ["error": ["code": 400, "message": JSON(words)]]
        let transport = ReplayTransport([.json(body, status: 400)])

        let error = await #expect(throws: ProviderError.self) { try await Self.buy(transport, timeout: .seconds(9)) }

        let detail = error?.detail ?? ""
        #expect(detail.contains("<redacted>"))
        #expect(!detail.contains("sk-0"))
        #expect(!detail.contains("A secret"))
    }

    @Test func `a string is read at its beginning only, whatever its bytes`() {
        let long = JSON.string(.slice(ByteBuffer(bytes: [0x61, 0xC3] + [UInt8](repeating: 0x62, count: 2000))))

        #expect(long.beginning(4) == "a\u{FFFD}bb")
        #expect(JSON(7).beginning(4) == nil)
    }

    // MARK: Helpers

    static func api(_ transport: any HTTPTransport, timeout: Duration) -> VendorAPI {
        VendorAPI(
            settings: ProviderSettings(name: "v", baseURL: "https://vendor.example", timeout: timeout),
            transport: transport,
            keyHeader: "x-key"
        ) { GoogleErrors.error(GoogleFault($0)) }
    }

    static func buy(_ transport: any HTTPTransport, timeout: Duration) async throws(ProviderError) {
        let prompt = "A secret fox"
        _ = try await api(transport, timeout: timeout)
            .buy("/x", .json([:]), key: Secret(key), prompt: prompt) { json throws(ProviderError) in json }
    }
}
