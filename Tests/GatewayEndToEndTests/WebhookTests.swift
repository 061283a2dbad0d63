// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import Testing

/// Webhooks of the built program, received and checked by the specification's own library.
@Suite(.serialized) struct WebhookTests {
    private static func body(_ number: Int, _ address: String) -> JSON {
        // Every fourth is refused by the vendor, so that there are both kinds of ends.
        let prompt = number.isMultiple(of: 4) ? "fox \(number) [emulate:refuse]" : "fox \(number)"
        return ["model": "gemini-2.5-flash-image", "prompt": JSON(prompt), "webhook_url": JSON(address)]
    }

    /// Everything that must be true of what a receiver got about some tasks, however often it was told.
    private func look(at received: [JSON], of tasks: [String: JSON]) {
        let unverified = received.filter { $0["verified"] != .bool(true) }
        #expect(unverified.isEmpty, "\(unverified.prefix(2))")
        for (id, events) in Dictionary(grouping: received, by: { $0["task"]?.string ?? "" }) {
            let task = tasks[id]
            let wanted = task?["status"]?.string == "completed" ? "image.task.completed" : "image.task.failed"
            #expect(events.allSatisfy { $0["type"]?.string == wanted }, "\(id)")
            // One name for all tries at one receiver; the same link as reads give; the task as it is.
            let paths = Dictionary(grouping: events) { $0["path"]?.string ?? "" }
            for (_, tries) in paths { #expect(Set(tries.map { $0["id"] }).count == 1) }
            #expect(Set(events.map { $0["stamp"] }).count == 1)
            let seen = events.last?["data"]
            #expect(seen?["data"]?[0]?["url"] == task?["data"]?[0]?["url"])
            #expect(seen?["status"] == task?["status"])
            #expect(seen?["error"] == task?["error"])
        }
    }

    @Test func `a receiver that fails nine times is told all the same, in order, once`() async throws {
        let receiver = try await WebhookReceiver()
        let fixture = try await GatewayFixture.telling(
            receiver,
            endpoint: "endpoint/flaky/9",
            schedule: GatewayFixture.schedule(9, "50ms")
        )
        let gateway = try await fixture.startGateway()
        let address = "\(receiver.base)/request/flaky/9?token=abc"

        let ids = try await fixture.create(12, clients: 4) { Self.body($0, address) }
        let tasks = try await fixture.finished(ids, within: .seconds(60))
        let isTold = try await eventually { try receiver.accepted().count >= 24 }

        let received = try receiver.received()
        #expect(isTold, "\(received.count) tries")
        look(at: received, of: tasks)
        #expect(Set(tasks.values.map { $0["status"]?.string }) == ["completed", "failed"])
        for path in ["/endpoint/flaky/9", "/request/flaky/9?token=abc"] {
            let tries = Dictionary(grouping: try receiver.received(on: path)) { $0["task"]?.string ?? "" }
            #expect(Set(tries.keys) == Set(ids))
            for (_, events) in tries { #expect(events.map { $0["number"]?.integer } == Array(1...10)) }
        }
        let log = gateway.log("serve")
        for secret in ["token=abc", "whsec_", "fox 1"] { #expect(!log.contains(secret), "\(secret)") }
        #expect(await gateway.end() == 0)
        #expect(try receiver.accepted().count == 24)
        await fixture.end()
    }

    @Test func `kill -9 between tries loses nothing and mixes nothing up`() async throws {
        let receiver = try await WebhookReceiver()
        let fixture = try await GatewayFixture.telling(
            receiver,
            endpoint: "endpoint/flaky/4",
            schedule: GatewayFixture.schedule(30, "250ms")
        )
        var gateway = try await fixture.startGateway()
        let address = "\(receiver.base)/request/flaky/4"
        var ids: [String] = []
        for wave in 0..<4 {
            ids += try await fixture.create(15, clients: 4) { Self.body($0 + wave * 100, address) }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...900)))
            await gateway.end(SIGKILL)
            gateway = try await fixture.startGateway()
        }

        let tasks = try await fixture.finished(ids, within: .seconds(90))
        let isTold = try await eventually {
            let accepted = try receiver.accepted().map { "\($0["path"]?.string ?? "") \($0["task"]?.string ?? "")" }
            return Set(accepted).count == ids.count * 2
        }

        #expect(isTold)
        look(at: try receiver.received(), of: tasks)
        let isSettled = try await eventually {
            try await fixture.admin("/webhooks/deliveries?state=pending")["data"]?.array?.isEmpty == true
        }
        #expect(isSettled)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }
}
