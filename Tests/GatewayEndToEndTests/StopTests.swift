// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// How the built program ends: what callers see, what is kept, and with which status.
@Suite struct StopTests {
    private static let drawing: JSON = ["model": "gemini-2.5-flash-image", "prompt": "a fox that is waited for"]

    private func fixture(latency: String, drain: String) async throws -> GatewayFixture {
        try await GatewayFixture(
            latency: latency,
            engine: "drain_timeout: \(drain)",
            vendors: CrashOrder.configuration
        )
    }

    private func signal(_ gateway: RunningProgram, _ signal: Int32) { kill(gateway.processID, signal) }

    /// Waits until the vendors work on so many calls.
    private func untilRunning(_ count: Int, _ fixture: GatewayFixture) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            if (try await fixture.ledger()["running"]?.integer ?? 0) >= count { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("The vendors have not \(count) calls at once.")
    }

    private func untilGone(_ gateway: RunningProgram, within limit: Duration) async -> Duration? {
        let start = ContinuousClock.now
        while gateway.isRunning {
            guard ContinuousClock.now - start < limit else { return nil }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return ContinuousClock.now - start
    }

    private func readiness(_ fixture: GatewayFixture) async throws -> (status: Int, word: String?) {
        let answer = try await fixture.transport.send(
            TransportRequest(.get, "http://127.0.0.1:\(fixture.adminPort)/health/ready")
        )
        return (answer.status, try JSON(reading: answer.body)["status"]?.string)
    }

    @Test func `readiness goes first, nobody new is let in, and who waits gets the picture`() async throws {
        let fixture = try await fixture(latency: "3s", drain: "20s")
        let gateway = try await fixture.startGateway()
        #expect(try await readiness(fixture) == (200, "ok"))
        async let picture = fixture.call(.post, "/v1/images/generations", Self.drawing)
        try await untilRunning(1, fixture)

        signal(gateway, SIGTERM)

        var word: String?
        for _ in 0..<50 where word != "shutting_down" {
            (_, word) = try await readiness(fixture)
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await readiness(fixture) == (503, "shutting_down"))
        let stranger = try CurlTransport()
        await #expect(throws: TransportError.self) {
            try await stranger.send(TransportRequest(.get, "\(gateway.base)/health/live", limits: .brief))
        }
        await stranger.close()
        let answer = try await picture
        #expect(answer.status == 200)
        #expect(answer.json["data"]?.array?.first?["b64_json"] != nil)
        #expect(await untilGone(gateway, within: .seconds(10)) != nil)
        #expect(await gateway.end() == 0)
        #expect(try await fixture.purchases().values.reduce(0, +) == 1)
        await fixture.end()
    }

    @Test func `when the time of draining is over everybody who waits gets an answer`() async throws {
        let fixture = try await fixture(latency: "8s", drain: "1s")
        var gateway = try await fixture.startGateway()
        let base = gateway.base
        let id = try await fixture.create(1, clients: 1) { _ in
            ["model": "gemini-2.5-flash-image", "prompt": "a fox that is watched"]
        }[0]
        async let picture = fixture.call(.post, "/v1/images/generations", Self.drawing)
        try await untilRunning(2, fixture)
        // Their first looks show the task as it is; then they wait for a change.
        _ = try await fixture.call(.get, "/v1/images/tasks/\(id)?wait=1")
        async let look = fixture.call(.get, "/v1/images/tasks/\(id)?wait=60")
        async let events = fixture.transport.send(
            TransportRequest(
                .get,
                "\(base)/v1/images/tasks/\(id)/events",
                headers: [.authorization: "Bearer \(GatewayFixture.key)"],
                limits: TransportLimits(firstByte: .seconds(30), total: .seconds(30))
            )
        )
        try await Task.sleep(for: .milliseconds(300))

        signal(gateway, SIGTERM)

        let (picked, looked, told) = try await (picture, look, events)
        #expect(picked.status == 202)
        #expect(picked.json["status"]?.string == "in_progress")
        #expect(picked.headers[.location] == picked.json["id"]?.string.map { "/v1/images/tasks/\($0)" })
        #expect(looked.status == 200)
        #expect(looked.json["status"]?.string == "in_progress")
        #expect(told.status == 200)
        #expect(String(buffer: told.body).hasPrefix("event: task.updated\n"))
        #expect(await untilGone(gateway, within: .seconds(15)) != nil)
        #expect(await gateway.end() == 0)

        gateway = try await fixture.startGateway()
        let own = try #require(picked.json["id"]?.string)
        #expect(try await fixture.outcomes(of: [id, own], within: .seconds(60)) == ["completed": 2])
        // The calls that draining cut off may have been billed; each is repeated once.
        #expect(try await fixture.purchases().values.allSatisfy { $0 <= 2 })
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `nobody waits for a vendor's job: it is handed back, and asked for after the restart`() async throws {
        let fixture = try await fixture(latency: "5s", drain: "60s")
        var gateway = try await fixture.startGateway()
        let ids = try await fixture.create(30, clients: 8) { number in
            ["model": number.isMultiple(of: 2) ? "gpt-image-2" : "by-task", "prompt": JSON("fox number \(number)")]
        }
        try await untilRunning(30, fixture)

        signal(gateway, SIGTERM)

        #expect(await untilGone(gateway, within: .seconds(12)) != nil)
        #expect(await gateway.end() == 0)
        gateway = try await fixture.startGateway()
        let tasks = try await fixture.finished(ids, within: .seconds(60))
        #expect(tasks.values.allSatisfy { $0["status"]?.string == "completed" })
        #expect(tasks.values.allSatisfy { $0["attempts"]?.array?.count == 1 })
        #expect(try await fixture.purchases().values.allSatisfy { $0 == 1 })
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test(arguments: [(SIGTERM, Int32(143)), (SIGINT, Int32(130))])
    func `a second signal ends it at once, and nothing but the promise is lost`(
        second: Int32,
        status: Int32
    ) async throws {
        let fixture = try await fixture(latency: "6s", drain: "60s")
        var gateway = try await fixture.startGateway()
        let ids = try await fixture.create(40, clients: 8) { number in
            let models = ["gemini-2.5-flash-image", "by-task", "gpt-image-2", "imagen-4.0-generate-001"]
            return ["model": JSON(models[number % 4]), "prompt": JSON("fox number \(number)")]
        }
        try await untilRunning(40, fixture)

        signal(gateway, SIGTERM)
        try await Task.sleep(for: .milliseconds(500))
        #expect(gateway.isRunning)
        signal(gateway, second)

        #expect(await untilGone(gateway, within: .seconds(10)) != nil)
        #expect(await gateway.end() == status)
        gateway = try await fixture.startGateway()
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(90))
        #expect(outcomes == ["completed": 40])
        #expect(try await fixture.purchases().values.allSatisfy { $0 <= 2 })
        #expect(await gateway.end() == 0)
        await fixture.end()
    }
}
