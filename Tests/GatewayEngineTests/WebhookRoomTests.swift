// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// Receivers that do not answer, and the end of the process.
@Suite struct WebhookRoomTests {
    /// A network on which hosts named slow answer when a test lets them.
    private final class SlowNetwork: HTTPTransport {
        let gate = Gate()
        private let answered = Mutex(0)

        var count: Int { answered.withLock(\.self) }

        func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
            if request.url.contains("slow"), await !gate.pass() {
                throw TransportError(.cancelled, mayHaveArrived: true, "The task was cancelled.")
            }
            answered.withLock { $0 += 1 }
            return TransportResponse(status: 200)
        }

        func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
            let response = try await send(request)
            return TransportStream(status: response.status, headers: [:], length: nil, body: TransportChunks { nil })
        }
    }

    @Test func `an endpoint that never answers gets its room and keeps nobody else waiting`() async throws {
        let network = SlowNetwork()
        let bench = try await WebhookBench(endpoints: ["slow", "quick"], through: network)
        for _ in 0..<40 { try await bench.finish(try bench.samples.pending()) }

        try await bench.run {
            let delivered = try await bench.deliveries(.delivered)
            return delivered.count == 40 && network.gate.waiting == 4
        }

        let delivered = try await bench.deliveries(.delivered)
        #expect(delivered.allSatisfy { $0.target == .endpoint("quick") })
        #expect(network.count == 40)
    }

    @Test func `a caller's many slow hosts leave room for other callers and for endpoints`() async throws {
        let network = SlowNetwork()
        let bench = try await WebhookBench(endpoints: ["quick"], through: network)
        for number in 0..<60 {
            try await bench.finish(try bench.samples.hooked(owner: "mallory", at: "https://slow-\(number).example/"))
        }
        for _ in 0..<20 { try await bench.finish(try bench.samples.hooked(owner: "alice", at: "https://q.example/")) }

        try await bench.run {
            let delivered = try await bench.deliveries(.delivered)
            return delivered.count == 100 && network.gate.waiting == 16
        }

        let waiting = try await bench.deliveries(.pending)
        #expect(waiting.count == 60)
        #expect(waiting.allSatisfy { $0.owner == "mallory" && $0.target == .request })
    }

    @Test func `all callers together leave the endpoints their room`() async throws {
        let network = SlowNetwork()
        let bench = try await WebhookBench(endpoints: ["quick"], through: network)
        for number in 0..<100 {
            let address = "https://slow-\(number).example/"
            try await bench.finish(try bench.samples.hooked(owner: "caller-\(number % 5)", at: address))
        }

        try await bench.run {
            let delivered = try await bench.deliveries(.delivered)
            return delivered.count == 100 && network.gate.waiting == 64
        }

        let delivered = try await bench.deliveries(.delivered)
        #expect(delivered.allSatisfy { $0.target == .endpoint("quick") })
    }

    @Test func `a process that stops puts back what it could not end, and that counts for nothing`() async throws {
        let network = SlowNetwork()
        let bench = try await WebhookBench(endpoints: ["slow"], through: network)
        try await bench.finish(try bench.samples.pending())

        try await bench.run { network.gate.waiting == 1 }

        let delivery = try #require(try await bench.deliveries(.pending).first)
        #expect(delivery.tries.isEmpty)
        #expect(delivery.failures == 0)
        #expect(delivery.due <= bench.time.now)
        network.gate.open()
        try await bench.run { try await bench.deliveries(.delivered).count == 1 }
    }

    @Test func `several processes on one store send each message once`() async throws {
        let network = SlowNetwork()
        let store = MemoryTaskStore()
        var benches: [WebhookBench] = []
        for _ in 0..<3 { benches.append(try await WebhookBench(store: store, endpoints: ["quick"], through: network)) }
        let nodes = benches
        for _ in 0..<60 { try await nodes[0].finish() }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in nodes {
                group.addTask {
                    try await node.run { try await node.deliveries(.pending).isEmpty }
                }
            }
            try await group.waitForAll()
        }

        let delivered = try await nodes[0].deliveries(.delivered)
        #expect(delivered.count == 120)
        #expect(delivered.allSatisfy { $0.claims == 1 && $0.tries.count == 1 })
        #expect(network.count == 120)
    }

    @Test func `closing waits for what is under way, hands nothing more out, and does not wait for ever`() async throws
    {
        let network = SlowNetwork()
        let bench = try await WebhookBench(endpoints: ["slow"], through: network)
        try await bench.finish(try bench.samples.pending())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await bench.deliverer.run() }
            try await eventually { network.gate.waiting == 1 }
            async let closed: Void = bench.deliverer.close()
            await bench.time.untilSleeping(2)
            try await bench.finish(try bench.samples.pending())
            network.gate.open()
            await closed
            // Time enough to look again, and again.
            for _ in 0..<4 {
                bench.deliverer.control.wake()
                await bench.time.untilSleeping(1)
                bench.time.advance(by: .milliseconds(20))
            }
            await bench.time.untilSleeping(1)
            group.cancelAll()
        }
        #expect(try await bench.deliveries(.delivered).count == 1)
        #expect(try await bench.deliveries(.pending).count == 1)
        #expect(network.count == 1)
    }
}
