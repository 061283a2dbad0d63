// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayServer
import GatewayTesting
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

/// How much a caller may ask for, and how much the gateway takes on.
@Suite(.timeLimit(.minutes(5))) struct LimitTests {
    let time = ManualTime()

    /// Keys with limits: a few requests a minute, a few tasks at once.
    private struct LimitedKeys: CallerDirectory {
        var limits: CallerLimits

        func caller(presenting credential: String?) async -> Caller? {
            switch credential {
            case "key-alice": Caller(name: "alice", limits: limits)
            case "key-bob": Caller(name: "bob")
            default: nil
            }
        }
    }

    private func gateway(_ limits: CallerLimits, queueLimit: Int? = nil) -> TestGateway {
        TestGateway(time: time) {
            $0.callers = LimitedKeys(limits: limits)
            $0.settings.queueLimit = queueLimit
        }
    }

    // MARK: Requests a minute

    @Test func `requests are counted, told, refused and allowed again`() async throws {
        let (gateway, time) = (gateway(CallerLimits(requestsPerMinute: 3)), time)
        try await gateway.run { client in
            for left in [2, 1, 0] {
                let answer = try await client.post(Call.asynchronous)
                #expect(answer.status == 200)
                #expect(answer[header: "x-ratelimit-limit-requests"] == "3")
                #expect(answer[header: "x-ratelimit-remaining-requests"] == "\(left)")
                #expect(answer[header: "x-ratelimit-reset-requests"] == ["1m0s", "40s", "20s"][left])
            }
            let refused = try await client.post(Call.generations)
            refused.expectError(429, "rate_limit_exceeded")
            #expect(refused[header: "retry-after"] == "20")
            #expect(refused[header: "x-ratelimit-remaining-requests"] == "0")
            #expect(try await client.post(Call.asynchronous, key: "key-bob").status == 200)

            time.advance(by: .seconds(20))
            #expect(try await client.post(Call.asynchronous).status == 200)
            try await client.post(Call.asynchronous).expectError(429, "rate_limit_exceeded")
        }
    }

    @Test func `a clock that is set back keeps nobody out for hours`() async throws {
        let (gateway, time) = (gateway(CallerLimits(requestsPerMinute: 3)), time)
        try await gateway.run { client in
            #expect(try await client.post(Call.asynchronous).status == 200)
            time.advance(by: .seconds(-86_400))

            let refused = try await client.post(Call.asynchronous)

            refused.expectError(429, "rate_limit_exceeded")
            #expect(refused[header: "retry-after"] == "20")
            time.advance(by: .seconds(20))
            #expect(try await client.post(Call.asynchronous).status == 200)
        }
    }

    @Test func `what makes no task is not counted, a mistake is`() async throws {
        let gateway = gateway(CallerLimits(requestsPerMinute: 2))
        try await gateway.run { client in
            let id = try await client.post(Call.asynchronous).json["id"]?.string ?? ""
            for _ in 0..<5 {
                let read = try await client.get("/v1/images/tasks/\(id)")
                #expect(read.status == 200)
                #expect(read[header: "x-ratelimit-limit-requests"] == nil)
            }
            let mistake = try await client.post(Call.generations, Call.body(["n": 11]))
            mistake.expectError(400, "invalid_value", parameter: "n")
            #expect(mistake[header: "x-ratelimit-remaining-requests"] == "0")
            try await client.post(Call.generations).expectError(429, "rate_limit_exceeded")
            try await client.post("/v1/images/tasks/\(id)/retry", .null).expectError(429, "rate_limit_exceeded")
            #expect(try await client.post("/v1/images/tasks/\(id)/cancel", .null).status == 200)
            #expect(try await client.ask(.delete, "/v1/images/tasks/\(id)").status == 200)
        }
    }

    @Test(arguments: [
        (0, "0ms"), (120, "120ms"), (1000, "1s"), (1001, "2s"), (59_001, "1m0s"), (90_000, "1m30s"),
    ])
    func `how long it takes is told as the official clients know it`(milliseconds: Int, text: String) {
        #expect(CallerPaces.Standing.text(.milliseconds(milliseconds)) == text)
    }

    @Test func `a body that is refused for haste is not read`() async throws {
        let gateway = gateway(CallerLimits(requestsPerMinute: 1))
        try await gateway.run(on: .live) { client in
            let port = try #require(client.port)
            _ = try await client.post(Call.asynchronous)
            let connection = try RawConnection(port: port)
            try await connection.send(
                "POST \(Call.generations) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\n"
                    + "content-type: application/json\r\ncontent-length: 30000000\r\nexpect: 100-continue\r\n\r\n"
            )
            let answer = try await connection.answer()
            answer.expectError(429, "rate_limit_exceeded")
            #expect(answer[header: "connection"] == "close")
        }
    }

    // MARK: Tasks at once

    @Test func `unfinished tasks are counted over both kinds of calls`() async throws {
        let (gateway, time) = (gateway(CallerLimits(concurrentTasks: 2)), time)
        try await gateway.run { client in
            let first = try await client.post(Call.asynchronous).json["id"]?.string ?? ""
            async let waiting = client.post(Call.generations)
            await time.untilSleeping()
            for path in [Call.asynchronous, Call.generations] {
                let refused = try await client.post(path)
                refused.expectError(429, "quota_exceeded")
                #expect(refused[header: "retry-after"] == "5")
            }
            #expect(try await client.post(Call.asynchronous, key: "key-bob").status == 200)
            _ = try await client.post("/v1/images/tasks/\(first)/cancel", .null)
            #expect(try await client.post(Call.asynchronous).status == 200)
            time.advance(by: .seconds(300))
            #expect(try await waiting.status == 202)
        }
        #expect(gateway.store.all.count == 4)
    }

    @Test func `who is refused has stored no pictures`() async throws {
        let objects = MemoryObjectStore()
        let gateway = TestGateway(time: time) {
            $0.callers = LimitedKeys(limits: CallerLimits(concurrentTasks: 1))
            $0.settings.queueLimit = 2
            $0.objects = objects
        }
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        let whole = form
        try await gateway.run { client in
            _ = try await client.post(Call.asynchronous)
            try await client.post(Call.edited, whole).expectError(429, "quota_exceeded")
            _ = try await client.post(Call.asynchronous, key: "key-bob")
            try await client.post(Call.edited, whole, key: "key-bob").expectError(429, "queue_full")
        }
        #expect(objects.calls.isEmpty)
        #expect(gateway.store.deletions.isEmpty)
    }

    @Test func `a repeat is not refused by limits that its task has used up`() async throws {
        let gateway = gateway(CallerLimits(concurrentTasks: 1), queueLimit: 1)
        let named = ["idempotency-key": "order-7"]
        try await gateway.run { client in
            let first = try await client.post(Call.asynchronous, headers: named)
            let second = try await client.post(Call.asynchronous, headers: named)
            #expect(first.json["id"] == second.json["id"])
            #expect(second.status == 200)
            try await client.post(Call.asynchronous).expectError(429, "queue_full")
        }
    }

    // MARK: The queue

    @Test func `a full queue takes no more tasks that wait, but calls that do not`() async throws {
        let gateway = gateway(CallerLimits(), queueLimit: 2)
        try await gateway.run(engine: { try await $0.finish($1) }) { client in
            for _ in 0..<2 { #expect(try await client.post(Call.asynchronous).status == 200) }
            let refused = try await client.post(Call.asynchronous)
            refused.expectError(429, "queue_full")
            #expect(refused[header: "retry-after"] == "5")
            try await client.post(Call.generations, headers: ["prefer": "respond-async"]).expectError(429, "queue_full")
            #expect(try await client.post(Call.generations).status == 200)
        }
        #expect(gateway.store.all.count == 3)
    }

    @Test func `a task that waits has a place in the queue, one that runs has none`() async throws {
        let (gateway, time) = (TestGateway(time: time), time)
        try await gateway.run { client in
            var ids: [String] = []
            for place in 1...3 {
                let answer = try await client.post(Call.asynchronous)
                #expect(answer.json["queue_position"]?.integer == place)
                ids.append(answer.json["id"]?.string ?? "")
            }
            for (place, id) in ids.enumerated() {
                #expect(try await client.get("/v1/images/tasks/\(id)").json["queue_position"]?.integer == place + 1)
            }
            let claimed = try await gateway.store.claim(
                node: "n",
                limit: 1,
                excluding: [],
                now: time.now,
                divide: { [$0.count] }
            )
            let running = try await client.get("/v1/images/tasks/\(claimed[0].id)")
            #expect(running.json["status"]?.string == "in_progress")
            #expect(running.json["queue_position"] == nil)
            #expect(try await client.get("/v1/images/tasks/\(ids[2])").json["queue_position"]?.integer == 2)
            let given = try claimed[0].applying(.released, at: time.now)
            try await gateway.store.update(given, from: claimed[0].version)
            #expect(try await client.get("/v1/images/tasks/\(given.id)").json["queue_position"] == nil)

            async let waiting = client.post(Call.generations, headers: ["prefer": "wait=1"])
            await time.untilSleeping()
            time.advance(by: .seconds(1))
            #expect(try await waiting.json["queue_position"] == nil)
        }
    }
}
