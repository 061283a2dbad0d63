// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayObjects
import NIOCore
import Testing

@Suite struct WebhookSignerTests {
    private func secret(_ text: String) throws -> WebhookSecret { try WebhookSecret(Secret(text)) }

    private static let specified = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private func sign(_ body: ByteBuffer, _ secrets: [String]) throws -> String {
        try StandardWebhookSigner().signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: Timestamp(milliseconds: 1_614_265_330_999),
            body: body,
            secrets: try secrets.map(secret)
        )
    }

    /// The example that the implementations of the specification are tested with.
    @Test func `the specification's example has its signature`() throws {
        let body = ByteBuffer(string: #"{"test": 2432232314}"#)
        #expect(try sign(body, [Self.specified]) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func `while secrets change each of them signs, the present one first`() throws {
        let body = ByteBuffer(string: "{}")
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        let both = try sign(body, [Self.specified, other])
        #expect(both == "\(try sign(body, [Self.specified])) \(try sign(body, [other]))")
    }

    @Test func `the body is signed as bytes, wherever it begins in its buffer`() throws {
        var buffer = ByteBuffer(string: "x{\u{2603}}")
        buffer.moveReaderIndex(forwardBy: 1)
        #expect(try sign(buffer, [Self.specified]) == sign(ByteBuffer(string: "{\u{2603}}"), [Self.specified]))
        #expect(try sign(buffer, [Self.specified]) != sign(ByteBuffer(string: "{}"), [Self.specified]))
    }
}
