// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Many large uploads at once: as many as fit are taken, the others are asked to come back, and nothing dies.
@Suite(.serialized) struct BodyRoomTests {
    private static let clients = 24

    private static func form(_ picture: Data, _ number: Int) -> ByteBuffer {
        var body = ByteBuffer()
        for (name, text) in [("model", "gpt-image-1"), ("prompt", "a large fox \(number)")] {
            body.writeString("--edge\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(text)\r\n")
        }
        body.writeString("--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=\"in.png\"\r\n\r\n")
        body.writeBytes(picture)
        body.writeString("\r\n--edge--\r\n")
        return body
    }

    @Test func `large uploads beyond the memory budget are answered with 429 and Retry-After`() async throws {
        // The one vendor that takes pictures of this size.
        let fixture = try await GatewayFixture(latency: "1s") { base in
            """
            providers:
              - { name: aitoearn, kind: aitoearn, base_url: "\(base)/aitoearn", api_keys: [emulated-aito],
                  poll_interval: 200ms, allow_private_network: true }
            """
        }
        let gateway = try await fixture.startGateway()
        // The whole sample with 30 MB of nothing in front of its last chunk.
        let small = SamplePicture.png(shade: 7)
        let picture = small.dropLast(12) + Data(count: 30 << 20) + small.suffix(12)

        let answers = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
            for number in 0..<Self.clients {
                let body = Self.form(picture, number)
                group.addTask {
                    let transport = try CurlTransport()
                    let answer = try await transport.send(
                        TransportRequest(
                            .post,
                            "\(gateway.base)/v1/images/edits",
                            headers: [
                                .authorization: "Bearer \(GatewayFixture.key)",
                                .contentType: "multipart/form-data; boundary=edge",
                            ],
                            body: .bytes([body]),
                            limits: TransportLimits(firstByte: .seconds(90), total: .seconds(90))
                        )
                    )
                    await transport.close()
                    return (answer.status, answer.headers[.retryAfter])
                }
            }
            return try await group.reduce(into: [(Int, String?)]()) { $0.append($1) }
        }

        let refused = answers.filter { $0.0 == 429 }
        print("uploads: \(answers.map(\.0).sorted()), peak memory \(gateway.peakMemory >> 20) MiB")
        #expect(!refused.isEmpty)
        #expect(refused.count < Self.clients)
        #expect(refused.allSatisfy { $0.1 == "2" })
        #expect(answers.allSatisfy { $0.0 == 429 || $0.0 == 200 })
        #expect(gateway.peakMemory < 600 << 20, "peak memory: \(gateway.peakMemory >> 20) MiB")
        let after = try await fixture.call(
            .post,
            "/v1/images/generations",
            ["model": "gpt-image-1", "prompt": "a small fox"]
        )
        #expect(after.status == 200)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }
}
