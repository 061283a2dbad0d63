// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@Suite struct WebhookValueTests {
    private static func secret(bytes: Int) -> String {
        "whsec_" + String(buffer: Base64.encode(ByteBuffer(repeating: 7, count: bytes)))
    }

    @Test(arguments: [24, 25, 32, 64])
    func `a secret of 24 to 64 bytes is taken and never shown`(bytes: Int) throws {
        let secret = try WebhookSecret(Secret(Self.secret(bytes: bytes)))
        #expect("\(secret)" == "<redacted>")
        #expect(String(reflecting: secret).contains("7") == false)
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("7"))
    }

    static let badSecrets = [
        "", "whsec_", secret(bytes: 23), secret(bytes: 65), "whsec_not base64 at all, is it",
        "whsk_" + secret(bytes: 32),
        String(secret(bytes: 32).dropFirst("whsec_".count)), "whsec_" + String(repeating: "-_", count: 20),
        secret(bytes: 32) + "\n", String(secret(bytes: 32).dropLast()),
    ]

    @Test(arguments: badSecrets)
    func `any other secret is refused with a sentence that does not hold it`(text: String) {
        do throws(InvalidWebhookSecret) {
            _ = try WebhookSecret(Secret(text))
            Issue.record("\(text) was taken.")
        } catch {
            #expect(error.message.hasPrefix("must "))
            #expect(text.count < 8 || !error.message.contains(text.dropFirst(6)))
        }
    }

    @Test(arguments: [
        ("https://example.com", "https://example.com"), ("HTTPS://Example.COM:8443/A?b=c", "https://example.com:8443"),
        ("http://[2001:db8::1]:8080/hook", "http://[2001:db8::1]:8080"), ("https://a.example?x", "https://a.example"),
    ])
    func `an address keeps its text and knows its origin`(text: String, origin: String) throws {
        let address = try #require(WebhookAddress(text))
        #expect(address.description == text)
        #expect(address.origin == origin)
        #expect(!address.place.contains("?"))
    }

    @Test(arguments: [
        "", "example.com/hook", "ftp://example.com", "https://", "https:///hook", "https://:443/",
        "https://u:p@example.com",
        "https://example.com/a b", "https://example.com/ü", "https://example.com\\@other", "https://example.com/#x",
        "https://example.com/" + String(repeating: "a", count: 2048), "https://example.com/\r\nx: y",
        "javascript:alert(1)",
    ])
    func `an address that is none is refused with a reason`(text: String) {
        #expect(WebhookAddress(text) == nil)
        #expect(WebhookAddress.mistake(in: text)?.isEmpty == false)
        #expect(throws: InvalidRequest.self) { try SampleTasks.request { $0.webhookURL = text } }
    }

    @Test func `the address comes back with the stored request, and its absence from an old one`() throws {
        let samples = SampleTasks()
        let task = try samples.hooked()
        #expect(task.request.webhookAddress?.description == "https://hooks.example/images?token=t")
        #expect(try samples.pending().request.webhookAddress == nil)
    }

    @Test func `only a final task is told, under names that do not change`() throws {
        let samples = SampleTasks()
        let task = try samples.hooked()
        #expect(task.webhookDeliveries(to: ["a"]).isEmpty)
        let done = try samples.task(task, after: SampleTasks.Stage.stored.events())

        let deliveries = done.webhookDeliveries(to: ["a"])

        let ulid = task.id.description.dropFirst(TaskID.prefix.count)
        #expect(deliveries.map(\.id) == ["msg_\(ulid)_a", "msg_\(ulid)_request"])
        #expect(deliveries.map(\.event) == [.completed, .completed])
        #expect(deliveries.map(\.host) == ["a", "https://hooks.example"])
        #expect(deliveries.allSatisfy { !$0.id.contains(".") && $0.due == done.completedAt })
        #expect(done.webhookDeliveries(to: ["a"]) == deliveries)
    }

    @Test func `the log of a delivery is bounded`() throws {
        let samples = SampleTasks()
        let task = try samples.task(try samples.hooked(), after: SampleTasks.Stage.failed.events())
        var delivery = try #require(task.webhookDeliveries(to: []).first)
        for number in 0..<200 {
            let next = samples.time.now.advanced(by: .seconds(number + 1))
            let attempt = WebhookTry(at: samples.time.now, milliseconds: number, error: "timed_out", next: next)
            delivery = delivery.after(attempt, at: samples.time.now)
        }
        #expect(delivery.tries.map(\.milliseconds) == Array(150..<200))
        #expect(delivery.failures == 200)
    }
}
