// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import HTTPTypes
import Logging
import NIOCore
import Synchronization
import Testing

/// A deliverer around a store in memory and a network that answers by a rule.
struct WebhookBench: Sendable {
    let store: MemoryTaskStore
    let board = TaskBoard()
    let samples: SampleTasks
    let time = ManualTime()
    let network: ReplayTransport
    let deliverer: WebhookDeliverer

    static func secret(_ byte: UInt8) throws -> WebhookSecret {
        let key = Base64.encode(ByteBuffer(repeating: byte, count: 32))
        return try WebhookSecret(Secret("whsec_" + String(buffer: key)))
    }

    init(
        store: MemoryTaskStore = MemoryTaskStore(),
        endpoints: [String] = [],
        isSigning: Bool = true,
        schedule: [Duration] = [.seconds(5), .seconds(30)],
        rule: AddressRule = .publicOnly,
        through transport: (any HTTPTransport)? = nil,
        answering: @escaping @Sendable (ReplayTransport.Sent) -> ReplayTransport.Answer = { _ in .text("") }
    ) async throws {
        self.store = store
        samples = SampleTasks(time: time)
        network = ReplayTransport(answering: answering)
        let secret = try Self.secret(1)
        let settings = WebhookSettings(
            secrets: isSigning ? [secret, try Self.secret(2)] : [],
            endpoints: try endpoints.map { name in
                let address = try #require(WebhookAddress("https://\(name).example/hook?key=\(name)"))
                return WebhookEndpoint(name: name, address: address, secrets: [secret])
            },
            retrySchedule: schedule
        )
        deliverer = WebhookDeliverer(
            tasks: store,
            store: store,
            board: board,
            objects: MemoryObjectStore(),
            transport: transport ?? network,
            rule: rule,
            signer: SpellingSigner(),
            settings: settings,
            time: time,
            logger: Bench.logger
        )
        try await store.announceWebhooks(to: endpoints)
    }

    /// Writes a task's end.
    @discardableResult
    func finish(_ pending: ImageTask? = nil, as stage: SampleTasks.Stage = .failed) async throws -> ImageTask {
        let pending = try pending ?? samples.hooked()
        try await store.create(pending)
        let final = try samples.task(pending, after: stage.events())
        try await store.update(final, from: pending.version)
        board.changed(final.id)
        return final
    }

    /// Delivers until something is so.
    func run(until isSo: @escaping @Sendable () async throws -> Bool) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await deliverer.run() }
            try await eventually {
                // In great steps only while nothing is on its way: no lease may end because a thread was slow.
                time.advance(by: deliverer.desk.isQuiet ? .milliseconds(500) : .milliseconds(1))
                return try await isSo()
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    func deliveries(_ state: WebhookDelivery.State? = nil) async throws -> [WebhookDelivery] {
        try await store.webhooks(WebhookQuery(limit: 1000, state: state)).deliveries
    }

    /// Delivers until nothing is pending.
    func runToTheEnd() async throws {
        try await run { try await deliveries(.pending).isEmpty }
    }
}

/// Spells out what it is given, so that tests can read it.
private struct SpellingSigner: WebhookSigner {
    func signature(id: String, timestamp: Timestamp, body: ByteBuffer, secrets: [WebhookSecret]) throws -> String {
        "\(id).\(timestamp.seconds).\(body.readableBytes) by \(secrets.count)"
    }
}

extension ReplayTransport.Sent {
    fileprivate func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { request.headers[$0] } }
}

@Suite struct WebhookDelivererTests {
    @Test func `a try is a signed POST of the task as the API shows it, and no more`() async throws {
        let bench = try await WebhookBench { _ in .text("thanks") }
        let task = try await bench.finish(as: .stored)

        try await bench.runToTheEnd()

        let sent = try #require(bench.network.sent.first)
        #expect(bench.network.sent.count == 1)
        #expect(sent.request.method == .post)
        #expect(sent.request.url == "https://hooks.example/images?token=t")
        #expect(sent.request.limits.total == .seconds(15))
        let delivery = try #require(try await bench.deliveries().first)
        let attempt = try #require(delivery.tries.first)
        #expect(sent.header("webhook-id") == delivery.id)
        #expect(sent.header("webhook-timestamp") == String(attempt.at.seconds))
        #expect(
            sent.header("webhook-signature") == "\(delivery.id).\(attempt.at.seconds).\(sent.body.readableBytes) by 2"
        )
        #expect(sent.header("content-type") == "application/json")
        #expect(sent.request.headers[.authorization] == nil)
        let body = try JSON(reading: sent.body)
        let view = try TaskView(objects: MemoryObjectStore(), now: bench.time.now).json(task)
        #expect(body["type"] == "image.task.completed")
        #expect(body["timestamp"]?.string == CivilDate(try #require(task.completedAt)).extended)
        #expect(body["data"] == view)
        #expect(body.members?.map(\.name) == ["type", "timestamp", "data"])
        #expect(delivery.state == .delivered)
        #expect(attempt.status == 200)
    }

    @Test(arguments: [300, 302, 304, 400, 404, 429, 500, 503, 599])
    func `anything but 2xx is tried again, with the same name and a new stamp`(status: Int) async throws {
        let tries = Mutex(0)
        let bench = try await WebhookBench { _ in
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            return .text("", status: number < 3 ? status : 204)
        }
        try await bench.finish()

        try await bench.runToTheEnd()

        let delivery = try #require(try await bench.deliveries().first)
        #expect(delivery.tries.map(\.status) == [status, status, 204])
        #expect(delivery.state == .delivered)
        let sent = bench.network.sent
        #expect(Set(sent.map { $0.header("webhook-id") }) == [delivery.id])
        #expect(Set(sent.map { $0.header("webhook-timestamp") }).count == 3)
        #expect(Set(sent.map { $0.header("webhook-signature") }).count == 3)
        #expect(Set(sent.map(\.body)).count == 1)
        for (attempt, delay) in zip(delivery.tries, [5.0, 30]) {
            let wait = try #require(attempt.next).milliseconds - attempt.at.milliseconds
            #expect((delay * 1000...delay * 1200 + 10).contains(Double(wait)))
        }
    }

    @Test func `after the last try it is given up, visibly, until somebody sends it again`() async throws {
        let works = Atomic(false)
        let bench = try await WebhookBench { _ in .text("", status: works.load(ordering: .relaxed) ? 200 : 500) }
        try await bench.finish()
        try await bench.runToTheEnd()
        let failed = try #require(try await bench.deliveries(.failed).first)
        #expect(failed.tries.count == 3)
        #expect(failed.tries.last?.next == nil)
        #expect(failed.endedAt != nil)

        works.store(true, ordering: .relaxed)
        #expect(try await bench.store.redeliverWebhooks(.delivery(failed.id), now: bench.time.now) == 1)
        try await bench.runToTheEnd()

        let delivered = try #require(try await bench.deliveries(.delivered).first)
        #expect(delivered.tries.map(\.status) == [500, 500, 500, 200])
        #expect(bench.network.sent.last?.header("webhook-id") == failed.id)
    }

    @Test(arguments: [
        (TransportError.Code.addressRefused, "address_refused"), (.timedOut, "timed_out"), (.tls, "tls"),
        (.broken, "connection_broken"), (.nameNotResolved, "name_not_resolved"), (.notConnected, "not_connected"),
    ])
    func `what gave no answer is in the log by a word`(code: TransportError.Code, word: String) async throws {
        let bench = try await WebhookBench(schedule: []) { _ in
            .failure(TransportError(code, mayHaveArrived: false, "at hooks.example"))
        }
        try await bench.finish()

        try await bench.runToTheEnd()

        let delivery = try #require(try await bench.deliveries().first)
        #expect(delivery.tries.map(\.error) == [word])
        #expect(delivery.state == .failed)
    }

    @Test func `an endpoint that says it is gone hears no more until it is enabled; others go on`() async throws {
        let isBack = Atomic(false)
        let bench = try await WebhookBench(endpoints: ["one", "two"]) { sent in
            let isGone = sent.request.url.contains("one.example") && !isBack.load(ordering: .relaxed)
            return .text("", status: isGone ? 410 : 200)
        }
        try await bench.finish(try bench.samples.pending())
        try await bench.run {
            try await bench.deliveries(.pending).isEmpty
        }
        for _ in 0..<3 { try await bench.finish(try bench.samples.pending()) }
        try await bench.run { try await bench.deliveries(.delivered).count == 4 }

        #expect(try await bench.deliveries(.failed).map(\.target) == [.endpoint("one")])
        #expect(try await bench.deliveries(.pending).map(\.target) == Array(repeating: .endpoint("one"), count: 3))
        let control = bench.deliverer.control
        #expect(control.endpoints.map { $0.disabledSince != nil } == [true, false])
        #expect(control.endpoints.map(\.place) == ["https://one.example/hook", "https://two.example/hook"])

        isBack.store(true, ordering: .relaxed)
        #expect(!control.enable("three"))
        #expect(control.enable("one"))
        try await bench.runToTheEnd()
        #expect(try await bench.deliveries(.delivered).count == 7)
    }

    @Test func `a request's address that says it is gone ends that delivery only`() async throws {
        let tries = Mutex(0)
        let bench = try await WebhookBench { _ in
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            return .text("", status: number == 1 ? 410 : 200)
        }
        try await bench.finish()
        try await bench.runToTheEnd()
        try await bench.finish()
        try await bench.runToTheEnd()

        #expect(try await bench.deliveries(.failed).count == 1)
        #expect(try await bench.deliveries(.delivered).count == 1)
    }

    @Test func `what the configuration no longer has is given up at once and says why`() async throws {
        let bench = try await WebhookBench(endpoints: ["one"], isSigning: false) { _ in .text("") }
        try await bench.store.announceWebhooks(to: ["one", "removed"])
        try await bench.finish()

        try await bench.runToTheEnd()

        let reasons = try await bench.deliveries(.failed).map { $0.tries.last?.error }
        #expect(Set(reasons) == ["endpoint_removed", "no_secret"])
        #expect(try await bench.deliveries(.delivered).map(\.target) == [.endpoint("one")])
        #expect(bench.network.sent.count == 1)
    }

    @Test(arguments: [
        "http://127.0.0.1/", "http://169.254.169.254/latest", "http://localhost/", "http://[::1]/", "http://10.1.2.3/",
        "http://metadata.google.internal/", "http://0x7f.1/", "http://2130706433/", "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://a.example:22/", "http://router/",
    ])
    func `an inner address is refused when it is asked for, and never sent to`(address: String) async throws {
        let bench = try await WebhookBench(schedule: []) { _ in .text("") }
        let target = try #require(WebhookAddress(address))
        #expect(throws: InvalidRequest.self) { try bench.deliverer.control.check(target) }

        try await bench.finish(try bench.samples.hooked(at: address))
        try await bench.runToTheEnd()

        #expect(bench.network.sent.isEmpty)
        #expect(try await bench.deliveries(.failed).first?.tries.map(\.error) == ["address_refused"])
    }

    @Test func `a network that the operator allows may be asked for`() async throws {
        let block = try #require(NetworkBlock("127.0.0.0/8"))
        let bench = try await WebhookBench(rule: AddressRule(allowing: [block])) { _ in .text("") }
        try bench.deliverer.control.check(try #require(WebhookAddress("http://127.0.0.1:9000/hook")))
        #expect(throws: InvalidRequest.self) {
            try bench.deliverer.control.check(try #require(WebhookAddress("http://10.0.0.1:9000/hook")))
        }
    }

    @Test func `without a secret no request may name an address`() async throws {
        let bench = try await WebhookBench(isSigning: false) { _ in .text("") }
        let target = try #require(WebhookAddress("https://hooks.example/"))
        let refusal = #expect(throws: InvalidRequest.self) { try bench.deliverer.control.check(target) }
        #expect(refusal?.code == .unsupportedParameter)
        #expect(refusal?.parameter == "webhook_url")
    }

    @Test func `a store that is away for a while delays, and loses nothing`() async throws {
        let bench = try await WebhookBench { _ in .text("") }
        for _ in 0..<5 { try await bench.finish() }
        let outage = StoreError(.unavailable, "The database is away.")
        bench.store.fail(Array(repeating: outage, count: 4))

        try await bench.run { (try? await bench.deliveries(.pending).isEmpty) == true }

        #expect(try await bench.deliveries(.delivered).count == 5)
    }
}
