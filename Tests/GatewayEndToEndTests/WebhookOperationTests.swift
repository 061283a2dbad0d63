// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import Testing

/// Webhooks that go wrong, and what operators and callers can do, in the built program.
@Suite(.serialized) struct WebhookOperationTests {
    private static func body(_ prompt: String = "a fox", _ address: String? = nil) -> JSON {
        JSON(present: [
            "model": "gemini-2.5-flash-image", "prompt": JSON(prompt), "webhook_url": address.map { JSON($0) },
        ])
    }

    @Test func `receivers that are silent, drip, flood, reset or redirect keep nobody else waiting`() async throws {
        let kinds = ["silent", "drip", "endless", "reset", "redirect", "ok"]
        var receivers: [String: WebhookReceiver] = [:]
        for kind in kinds { receivers[kind] = try await WebhookReceiver() }
        let good = try #require(receivers["ok"])
        let fixture = try await GatewayFixture.telling(good, endpoint: "endpoint/ok", schedule: "1h")
        let gateway = try await fixture.startGateway()
        var bases: [String: String] = [:]
        for (kind, receiver) in receivers { bases[kind] = receiver.base }
        let addresses = bases

        let ids = try await fixture.create(60, clients: 8) { number in
            let kind = kinds[number % 6]
            return Self.body("fox \(number)", "\(addresses[kind] ?? "")/request/\(kind)")
        }
        #expect(try await fixture.outcomes(of: ids, within: .seconds(60)) == ["completed": 60])
        // Each of the silent ones takes its fifteen seconds; by far sooner everybody else has heard.
        let begin = ContinuousClock.now
        let isTold = try await eventually(within: .seconds(12)) { try good.accepted().count == 70 }
        #expect(isTold, "\(ContinuousClock.now - begin)")

        let wanted = [
            "silent": "timed_out", "drip": "timed_out", "endless": "500", "reset": "connection_broken",
            "redirect": "302",
            "ok": "200",
        ]
        var seen: [String: Set<String>] = [:]
        let areTried = try await eventually(within: .seconds(40)) {
            seen = [:]
            for delivery in try await fixture.admin("/webhooks/deliveries?limit=100")["data"]?.array ?? [] {
                guard delivery["tries"] != 0, let base = delivery["to"]?.string, base != "test",
                    let kind = bases.first(where: { $0.value == base })?.key
                else { continue }
                let word = delivery["last_status"]?.integer.map { String($0) } ?? delivery["last_error"]?.string
                seen[kind, default: []].insert(word ?? "?")
            }
            return seen.count == 6
        }
        #expect(areTried)
        #expect(seen == wanted.mapValues { [$0] })
        #expect(try receivers["redirect"]?.received(on: "/request/ok").isEmpty == true)
        // Sixty pictures, ten floods and forty connections that hang: far below what one held answer of each would be.
        #expect(gateway.peakMemory < 300 << 20, "\(gateway.peakMemory >> 20) MiB")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `an endpoint that is gone is left alone, shown, and enabled by command`() async throws {
        let receiver = try await WebhookReceiver()
        let fixture = try await GatewayFixture.telling(receiver, endpoint: "endpoint/gone/1", schedule: "50ms")
        let gateway = try await fixture.startGateway()
        let first = try await fixture.create(1, clients: 1) { _ in Self.body() }
        let isDisabled = try await eventually {
            try await fixture.operated("webhooks", "endpoints")["data"]?[0]?["state"]?.string == "disabled"
        }
        #expect(isDisabled)
        let later = try await fixture.create(3, clients: 1) { _ in Self.body() }
        #expect(try await fixture.outcomes(of: later, within: .seconds(30)) == ["completed": 3])

        let failed = try await fixture.operated("webhooks", "list", "--failed")["data"]?.array ?? []
        #expect(failed.map { $0["task"]?.string } == first)
        #expect(failed.first?["last_status"] == 410)
        let pending = try await fixture.operated("webhooks", "list", "--pending")["data"]?.array ?? []
        #expect(pending.map { $0["task"]?.string } == later.reversed())
        #expect(try receiver.received().count == 1)
        let text = try await fixture.operate("webhooks", "endpoints")
        #expect(text.output == "test  disabled  \(receiver.base)/endpoint/gone/1\n")

        #expect(try await fixture.operate("webhooks", "enable", "test").status == 0)
        #expect(try await eventually { try receiver.accepted().count == 3 })
        let id = try #require(failed.first?["id"]?.string)
        let again = try await fixture.operate("webhooks", "redeliver", id)
        #expect(again.output == "1 delivery is sent again.\n")
        #expect(try await eventually { try receiver.accepted().count == 4 })
        let shown = try await fixture.operate("webhooks", "show", id)
        #expect(shown.output.contains("HTTP 410 in") && shown.output.contains("HTTP 200 in"), "\(shown.output)")
        let log = try await fixture.operated("webhooks", "show", id)["log"]?.array ?? []
        #expect(log.map { $0["status"]?.integer } == [410, 200])
        #expect(gateway.log("serve").contains("410"))
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `what was given up is shown and sent again, by task and by time; commands have their statuses`()
        async throws
    {
        let receiver = try await WebhookReceiver()
        let fixture = try await GatewayFixture.telling(schedule: "50ms")
        let gateway = try await fixture.startGateway()
        let address = "\(receiver.base)/request/flaky/3"
        let ids = try await fixture.create(2, clients: 1) { _ in Self.body("a fox", address) }
        let areGivenUp = try await eventually {
            try await fixture.operated("webhooks", "list", "--failed")["data"]?.array?.count == 2
        }
        #expect(areGivenUp)
        #expect(try receiver.received().count == 4)

        // The third try fails, the fourth is taken: a redelivery has a schedule of its own.
        #expect(try await fixture.operated("webhooks", "redeliver", "--task", ids[0])["count"] == 1)
        #expect(try await eventually { try receiver.accepted().map { $0["task"]?.string } == [ids[0]] })
        #expect(try await fixture.operated("webhooks", "redeliver", "--failed-since", "1h")["count"] == 1)
        #expect(try await eventually { try receiver.accepted().map { $0["task"]?.string } == ids })
        #expect(
            try await fixture.operated("webhooks", "redeliver", "--failed-since", "2100-01-01T00:00:00Z")["count"] == 0
        )
        #expect(try Set(receiver.received().map { $0["id"] }).count == 2)

        for arguments in [
            ["redeliver"], ["redeliver", "msg_x", "--task", ids[0]], ["show", "a b"], ["list", "--limit", "0"],
        ] {
            let run = try await RunningProgram.run(
                RunningProgram.program,
                ["webhooks"] + arguments,
                folder: fixture.folder
            )
            #expect(run.status == 2, "\(arguments): \(run.errors)")
        }
        #expect(try await fixture.operate("webhooks", "show", "msg_of_nobody").status == 1)
        #expect(await gateway.end() == 0)
        #expect(try await fixture.operate("webhooks", "list").status == 1)
        await fixture.end()
    }

    @Test func `cancelled tasks, synchronous calls and retries are told; deleted tasks are not`() async throws {
        let receiver = try await WebhookReceiver()
        let secrets = "[\(WebhookReceiver.endpointSecret), \(WebhookReceiver.requestSecret)]"
        let fixture = try await GatewayFixture.telling(schedule: "2s, 50ms", secret: secrets)
        let gateway = try await fixture.startGateway()
        func told(_ id: String) throws -> [JSON] { try receiver.accepted().filter { $0["task"]?.string == id } }

        let address = "\(receiver.base)/request/ok"
        let slow = try await fixture.create(1, clients: 1) { _ in Self.body("a fox [emulate:latency=20s]", address) }
        #expect(try await fixture.call(.post, "/v1/images/tasks/\(slow[0])/cancel").status == 200)
        #expect(try await eventually { try told(slow[0]).count == 1 })
        let event = try #require(try told(slow[0]).first)
        #expect(event["type"] == "image.task.failed")
        #expect(event["data"]?["error"]?["code"] == "task_cancelled")
        // While a secret changes both sign, and a receiver that knows the old one still believes.
        #expect(event["signatures"] == 2)
        #expect(event["verified"] == .bool(true))

        let retry = try await fixture.call(.post, "/v1/images/tasks/\(slow[0])/retry")
        let retried = try #require(retry.json["id"]?.string)
        #expect(try await fixture.call(.delete, "/v1/images/tasks/\(retried)").status == 200)
        let call = try await fixture.call(.post, "/v1/images/generations", Self.body("a hen", address))
        #expect(call.status == 200)
        let synchronous = try #require(call.json["task_id"]?.string)
        #expect(try await eventually { try told(synchronous).count == 1 })

        // Deleted between the first try and the second.
        let doomed = try await fixture.create(1, clients: 1) { _ in
            Self.body("a cat", "\(receiver.base)/request/flaky/1")
        }
        #expect(try await eventually { try receiver.received(on: "/request/flaky/1").count == 1 })
        #expect(try await fixture.call(.delete, "/v1/images/tasks/\(doomed[0])").status == 200)
        #expect(try await fixture.operated("webhooks", "list", "--task", doomed[0])["data"]?.array?.isEmpty == true)

        // The receiver asks for two seconds where the schedule has less.
        let busy = try await fixture.create(1, clients: 1) { _ in Self.body("a dog", "\(receiver.base)/request/busy/4")
        }
        #expect(try await eventually { try told(busy[0]).count == 1 })
        let times = try receiver.received(on: "/request/busy/4").compactMap { $0["received"]?.double }
        #expect(times.count == 2 && times[1] - times[0] >= 3.9, "\(times)")
        #expect(try receiver.received(on: "/request/flaky/1").count == 1)
        #expect(try told(retried).isEmpty)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    /// Hosts that only the system's resolver could tell; the others are known at once.
    private static let dependent = Set(FetchTargets.dependent)

    @Test func `no spelling of a forbidden target is ever connected to, and known ones are refused at once`()
        async throws
    {
        let listener = try SilentListener()
        let fixture = try await GatewayFixture { base in
            """
            webhooks: { secret: \(WebhookReceiver.requestSecret), retry_schedule: [] }
            \(GatewayFixture.google(base))
            """
        }
        let gateway = try await fixture.startGateway()
        let hosts = FetchTargets.loopback + FetchTargets.elsewhere + FetchTargets.names + FetchTargets.dependent
        let urls =
            hosts.map { (host: $0, url: "http://\($0):\(listener.port)/hook") }
            + FetchTargets.odd.map { ($0, $0.replacing("PORT", with: "\(listener.port)")) }
            + FetchTargets.ports.map { ($0, "http://example.com:\($0)/") }

        for (host, url) in urls {
            let answer = try await fixture.call(.post, "/v1/images/generations/async", Self.body("a fox", url))
            #expect(answer.status == 400 || Self.dependent.contains(host), "\(host): \(answer.json)")
            guard answer.status == 400 else { continue }
            #expect(answer.json["error"]?["param"]?.string == "webhook_url", "\(answer.json)")
            #expect(answer.json["error"]?["code"]?.string == "invalid_value", "\(answer.json)")
            #expect(answer.json["error"]?["message"]?.string?.contains("127.0.0.1") == false)
        }
        let isOver = try await eventually {
            try await fixture.admin("/webhooks/deliveries?state=pending")["data"]?.array?.isEmpty == true
        }
        #expect(isOver)
        #expect(try await fixture.admin("/webhooks/deliveries?state=delivered")["data"]?.array?.isEmpty == true)
        #expect(listener.connections == 0)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `an endpoint on an inner network is a mistake at the start, unless that network is allowed`()
        async throws
    {
        let fixture = try await GatewayFixture { base in
            """
            webhooks:
              endpoints: [ { url: "http://127.0.0.1:9000/hook?token=canary", secret: \(WebhookReceiver.endpointSecret) } ]
            \(GatewayFixture.google(base))
            """
        }
        let run = try await RunningProgram.run(RunningProgram.program, ["serve"], folder: fixture.folder)
        #expect(run.status == 2)
        #expect(run.errors.contains("http://127.0.0.1:9000, which leads to no public address"), "\(run.errors)")
        #expect(!run.errors.contains("canary"))
        await fixture.end()
    }
}
