// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// What the log says, and what it must not say.
@Suite struct LogTests {
    @Test func `no prompt, key or link is in any line, whatever happens`() async throws {
        let time = ManualTime()
        let gateway = TestGateway(time: time) { $0.files = FileTests.FakeFiles() }
        let prompt = "canaryprompt"
        let body = Call.body(["prompt": JSON(prompt), "negative_prompt": "canarynegative", "user": "canaryuser"])
        try await gateway.run(engine: { engine, task in
            let picture = DeliveredPicture(base64: ByteBuffer(string: "canarypicture"), revisedPrompt: "canaryrevised")
            if task.request.count == 1 { return try await engine.finish(task, [picture]) }
            try await engine.fail(task, TaskFailure(.upstreamError, "Every provider failed."))
        }) { client in
            _ = try await client.post(Call.generations, body)
            _ = try await client.post(Call.generations, Call.body(["prompt": JSON(prompt), "n": 2]))
            _ = try await client.post(Call.generations, Call.body(["prompt": JSON(prompt), "n": 99]))
            _ = try await client.post(Call.generations, Call.body(["prompt": ["canaryprompt"]]))
            _ = try await client.ask(.post, Call.generations, body: ByteBuffer(string: "{\"prompt\":\"canaryprompt"))
            let url = try await client.post(Call.generations, Call.body(["response_format": "url"])).json["data"]
            #expect(url?[0]?["url"]?.string?.contains("signature=") == true)
            let task = try await client.post(Call.asynchronous, body).json["id"]?.string ?? ""
            _ = try await client.get("/v1/images/tasks/\(task)")
            _ = try await client.get("/v1/images/tasks/\(task)/content")
            _ = try await client.get("/v1/models", key: "canarykey")
            _ = try await client.get("/v1/models", key: nil, headers: ["x-api-key": "canarykey"])
            _ = try await client.get("/v1/models?api_key=canarykey")
            _ = try await client.get("/files/2026/fox.png?sig=canarysignature", key: nil)
            gateway.store.fail([StoreError(.unavailable, "no disk")])
            _ = try await client.post(Call.generations, body)
        }
        #expect(gateway.log.lines.count >= 14)
        for canary in ["canary", "key-alice", "signature=", "fox in the snow"] {
            #expect(!gateway.log.text.contains(canary))
        }
    }

    @Test func `one line for each request says who, what and how it went`() async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            _ = try await client.get("/v1/models?x=1", key: "key-bob", headers: ["x-request-id": "mine-1"])
            _ = try await client.get("/nowhere", key: nil)
        }
        let lines = gateway.log.lines.filter { $0.hasPrefix("info request") }
        #expect(lines.count == 2)
        for part in ["request=mine-1", "method=GET", "path=/v1/models ", "status=200", "caller=bob", "took_ms="] {
            #expect(lines[0].contains(part), "\(part) is not in: \(lines[0])")
        }
        #expect(lines[1].contains("status=404"))
        #expect(!lines[1].contains("caller="))
        #expect(lines.allSatisfy { !$0.contains("hb.request.id") }, "one name for a request is enough")
    }

    @Test func `questions for health are no lines while all is well`() async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            _ = try await client.get("/health/live", key: nil)
            _ = try await client.get("/health/nothing", key: nil)
        }
        let lines = gateway.log.lines.filter { $0.contains("path=/health/") }
        #expect(lines.map { String($0.prefix { $0 != " " }) } == ["debug", "info"], "\(lines)")
    }

    @Test func `a long path does not make a long line`() async throws {
        let gateway = TestGateway()
        try await gateway.run { _ = try await $0.get("/" + String(repeating: "x", count: 10_000)) }
        #expect(gateway.log.lines.allSatisfy { $0.utf8.count < 1000 })
    }
}
