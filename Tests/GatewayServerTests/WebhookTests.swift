// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Synchronization
import Testing

/// Deliveries as operators see them on their listener.
@Suite struct WebhookRouteTests {
    private final class Control: WebhookControl {
        let wakes = Mutex(0)
        let enabled = Mutex<[String]>([])

        func check(_ address: WebhookAddress) throws(InvalidRequest) {}

        var endpoints: [WebhookEndpointStatus] {
            let since = enabled.withLock { $0.isEmpty } ? Timestamp(seconds: 100) : nil
            return [WebhookEndpointStatus(name: "one", place: "https://one.example/hook", disabledSince: since)]
        }

        func enable(_ endpoint: String) -> Bool {
            guard endpoint == "one" else { return false }
            enabled.withLock { $0.append(endpoint) }
            return true
        }

        func wake() { wakes.withLock { $0 += 1 } }
    }

    private let store = MemoryTaskStore()
    private let samples = SampleTasks()
    private let control = Control()

    private func admin(token: Secret? = nil) -> some ApplicationProtocol {
        let parts = ServerParts(
            store: store,
            objects: MemoryObjectStore(),
            files: nil,
            board: TaskBoard(),
            models: ModelDirectory([]),
            callers: KnownKeys(),
            digest: { _ in [] },
            time: samples.time,
            webhooks: (control, store)
        )
        return GatewayServer(parts: parts, settings: ServerSettings(node: "n"), logger: CapturedLog().logger())
            .adminApplication(token: token)
    }

    /// Writes a final task and gives up its delivery.
    private func giveUp() async throws -> WebhookDelivery {
        let pending = try samples.hooked()
        try await store.create(pending)
        let final = try samples.task(pending, after: SampleTasks.Stage.failed.events())
        try await store.update(final, from: pending.version)
        let claim = WebhookClaim(limit: 1, perLane: 1, perOwner: 1, now: samples.time.now, lease: .seconds(60))
        let delivery = try #require(try await store.dueWebhooks(claim).deliveries.first)
        let next = samples.time.now.advanced(by: .seconds(1))
        let tries = [
            WebhookTry(at: samples.time.now, milliseconds: 12, error: "timed_out", next: next),
            WebhookTry(at: next, milliseconds: 7, status: 503, error: "status"),
        ]
        var after = delivery
        for attempt in tries { after = after.after(attempt, at: samples.time.now) }
        try await store.settleWebhook(after)
        return after
    }

    private func json(_ response: TestResponse) throws -> JSON { try JSON(reading: response.body) }

    @Test func `a delivery shows its tries, and no path or query of the address`() async throws {
        let delivery = try await giveUp()
        try await admin().test(.router) { client in
            let response = try await client.execute(uri: "/webhooks/deliveries/\(delivery.id)", method: .get)
            #expect(response.status == .ok)
            let text = String(buffer: response.body)
            let wanted = [
                #""object":"webhook.delivery""#, #""event":"image.task.failed""#, #""state":"failed""#, #""tries":2"#,
                #""target":"request","to":"https://hooks.example""#, #""last_status":503,"last_error":"status""#,
                #"{"at":"2023-11-14T22:13:20Z","took_ms":12,"error":"timed_out","next_try_at":"2023-11-14T22:13:21Z"}"#,
                #"{"at":"2023-11-14T22:13:21Z","took_ms":7,"status":503,"error":"status"}"#,
            ]
            for part in wanted { #expect(text.contains(part), "\(part) is not in \(text)") }
            #expect(!text.contains("token") && !text.contains("/images"))
            let missing = try await client.execute(uri: "/webhooks/deliveries/msg_of_nobody", method: .get)
            #expect(missing.status == .notFound)
        }
    }

    @Test func `lists are filtered and go on behind a delivery`() async throws {
        let (first, second) = (try await giveUp(), try await giveUp())
        try await admin().test(.router) { client in
            func ids(_ query: String) async throws -> [String?] {
                let response = try await client.execute(uri: "/webhooks/deliveries?\(query)", method: .get)
                return try json(response)["data"]?.array?.map { $0["id"]?.string } ?? []
            }
            #expect(try await ids("") == [second.id, first.id])
            #expect(try await ids("limit=1") == [second.id])
            #expect(try await ids("limit=1&after=\(second.id)") == [first.id])
            #expect(try await ids("state=failed&task=\(first.task)") == [first.id])
            #expect(try await ids("state=delivered") == [])
            for query in ["limit=0", "limit=101", "state=done", "task=x"] {
                let response = try await client.execute(uri: "/webhooks/deliveries?\(query)", method: .get)
                #expect(response.status == .badRequest)
            }
        }
    }

    @Test(arguments: ["delivery", "task", "failed_since"])
    func `what was given up is sent again by its id, its task or its time`(kind: String) async throws {
        let delivery = try await giveUp()
        try await admin().test(.router) { client in
            let (path, body) =
                switch kind {
                case "delivery": ("/webhooks/deliveries/\(delivery.id)/redeliver", "{}")
                case "task": ("/webhooks/redeliver", #"{"task":"\#(delivery.task)"}"#)
                default: ("/webhooks/redeliver", #"{"failed_since":\#(samples.time.now.seconds)}"#)
                }
            let response = try await client.execute(uri: path, method: .post, body: ByteBuffer(string: body))
            #expect(try json(response)["count"] == 1)
        }
        #expect(try await store.webhook(delivery.id)?.state == .pending)
        #expect(control.wakes.withLock(\.self) == 1)
    }

    @Test(arguments: ["", "[]", "{}", #"{"task":"x"}"#, #"{"failed_since":"x"}"#, #"{"failed_since":-1}"#])
    func `a redelivery of nothing in particular is refused`(body: String) async throws {
        try await admin().test(.router) { client in
            let response = try await client.execute(
                uri: "/webhooks/redeliver",
                method: .post,
                body: ByteBuffer(string: body)
            )
            #expect(response.status == .badRequest)
        }
    }

    @Test func `endpoints are shown, and enabled by name`() async throws {
        try await admin().test(.router) { client in
            let before = try json(try await client.execute(uri: "/webhooks/endpoints", method: .get))
            #expect(before["data"]?[0]?["state"] == "disabled")
            #expect(before["data"]?[0]?["reason"] == "gone")
            let missing = try await client.execute(uri: "/webhooks/endpoints/two/enable", method: .post)
            #expect(missing.status == .notFound)
            let after = try json(try await client.execute(uri: "/webhooks/endpoints/one/enable", method: .post))
            #expect(after["data"]?[0]?["state"] == "enabled")
        }
    }

    @Test func `nothing of it is shown without the token, or to callers`() async throws {
        try await admin(token: Secret("t-1")).test(.router) { client in
            for path in ["/webhooks/deliveries", "/webhooks/endpoints"] {
                let response = try await client.execute(uri: path, method: .get)
                #expect(response.status == .unauthorized)
            }
        }
        try await TestGateway().run { client in
            let headers: HTTPFields = [.authorization: "Bearer key-alice"]
            let response = try await client.execute(uri: "/webhooks/deliveries", method: .get, headers: headers)
            #expect(response.status == .notFound)
        }
    }
}
