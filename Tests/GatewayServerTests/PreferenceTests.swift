// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import Testing

/// `Prefer`: how long a caller wants to wait, and a gateway that stores nothing.
@Suite(.timeLimit(.minutes(5))) struct PreferenceTests {
    let time = ManualTime()
    let gateway: TestGateway

    init() {
        gateway = TestGateway(time: time)
    }

    @Test(arguments: [
        "respond-async", "wait=0", "Respond-Async", "handling=lenient, respond-async", "respond-async;x=y",
    ])
    func `who wants no wait gets a task at once`(prefer: String) async throws {
        for format in ["b64_json", "url"] {
            let body = Call.body(["response_format": JSON(format)])
            let answer = try await gateway.run { client in
                try await client.post(Call.generations, body, headers: ["prefer": prefer])
            }
            #expect(answer.status == 202)
            let task = try #require(gateway.store.all.first { $0.id.description == answer.json["id"]?.string })
            #expect(answer[header: "location"] == "/v1/images/tasks/\(task.id)")
            #expect(answer[header: "retry-after"] == "1")
            #expect(answer[header: "preference-applied"] == (prefer == "wait=0" ? "wait=0" : "respond-async"))
            #expect(task.needsLink)
            #expect(task.node == nil)
        }
    }

    @Test(arguments: [("wait=5", 5), ("wait=\"5\"", 5), ("respond-async, wait=7", 7), ("foo, WAIT = 9", 9)])
    func `who wants a short wait gets the task after it`(prefer: String, seconds: Int) async throws {
        let (time, gateway) = (time, gateway)
        try await gateway.run { client in
            async let answer = client.post(Call.generations, headers: ["prefer": prefer])
            await time.untilSleeping()
            let task = try #require(gateway.store.all.first)
            time.advance(by: .seconds(seconds) - .milliseconds(1))
            let stillWaits = gateway.board.takeCaller(of: task.id)
            #expect(stillWaits != nil)
            stillWaits?.dismiss()
            let given = try await answer
            #expect(given.status == 202)
            #expect(given.json["status"]?.string == "pending")
            #expect(given[header: "preference-applied"] == "wait=\(seconds)")
        }
    }

    @Test func `the task of an impatient caller goes on and is stored`() async throws {
        let (time, gateway) = (time, gateway)
        let (answers, announce) = AsyncStream<Void>.makeStream()
        try await gateway.run(engine: { engine, task in
            let begun = try await engine.begin(task)
            await time.untilSleeping()
            time.advance(by: .seconds(3))
            for await _ in answers { break }
            #expect(engine.board.takeCaller(of: task.id) == nil)
            #expect(!engine.board.hasHungUp(task.id))
            try await engine.keep(begun)
        }) { client in
            let answer = try await client.post(Call.generations, headers: ["prefer": "wait=3"])
            #expect(answer.status == 202)
            #expect(answer.json["status"]?.string == "in_progress")
            async let finished = client.get("/v1/images/tasks/\(answer.json["id"]?.string ?? "")?wait=60")
            announce.yield()
            let task = try await finished
            #expect(task.json["status"]?.string == "completed")
            #expect(task.json["data"]?[0]?["url"] != nil)
        }
    }

    @Test func `a picture that is there in time is a normal answer`() async throws {
        let answer = try await gateway.run(engine: { try await $0.finish($1) }) { client in
            try await client.post(Call.generations, headers: ["prefer": "wait=30"])
        }
        #expect(answer.status == 200)
        #expect(answer[header: "preference-applied"] == "wait=30")
    }

    @Test func `nobody waits longer than the server does`() async throws {
        let (time, gateway) = (time, gateway)
        try await gateway.run { client in
            async let answer = client.post(Call.generations, headers: ["prefer": "wait=3600"])
            await time.untilSleeping()
            time.advance(by: .seconds(280))
            let given = try await answer
            #expect(given.status == 202)
            #expect(given[header: "preference-applied"] == nil)
        }
    }

    @Test(arguments: ["wait=-1", "wait=x", "wait=", "wait", "respond-asynchronously", ""])
    func `what is no preference is none`(prefer: String) async throws {
        let answer = try await gateway.run(engine: { try await $0.finish($1) }) { client in
            try await client.post(Call.generations, headers: ["prefer": prefer])
        }
        #expect(answer.status == 200)
        #expect(answer[header: "preference-applied"] == nil)
    }

    // MARK: No storage

    private var storeless: TestGateway { TestGateway(time: time) { $0.settings.hasStorage = false } }

    @Test func `without storage base64 works`() async throws {
        let answer = try await storeless.run(engine: { try await $0.finish($1) }) {
            try await $0.post(Call.generations)
        }
        #expect(answer.status == 200)
        #expect(answer.json["data"]?[0]?["b64_json"] != nil)
    }

    @Test func `without storage a link is refused before anything is begun`() async throws {
        let gateway = storeless
        let answer = try await gateway.run { client in
            try await client.post(Call.generations, Call.body(["response_format": "url"]))
        }
        answer.expectError(503, "image_url_not_available", parameter: "response_format")
        #expect(answer[header: "x-should-retry"] == "false")
        #expect(gateway.store.all.isEmpty)
    }

    @Test func `without storage there is no task to come back for`() async throws {
        let gateway = storeless
        try await gateway.run { client in
            for format in ["url", "b64_json"] {
                let body = Call.body(["response_format": JSON(format)])
                let created = try await client.post(Call.asynchronous, body)
                created.expectError(503, "storage_not_configured")
                #expect(created[header: "x-should-retry"] == "false")
                let preferred = try await client.post(Call.generations, body, headers: ["prefer": "respond-async"])
                #expect(preferred.status == 503)
            }
        }
        #expect(gateway.store.all.isEmpty)
    }

    @Test(arguments: [nil, "wait=2"])
    func `without storage a call waits as long as its task lives, and never gets a 202`(prefer: String?) async throws {
        let (time, gateway) = (time, storeless)
        let answer = try await gateway.run(engine: { engine, task in
            let begun = try await engine.begin(task)
            time.advance(by: .seconds(1000))
            let caller = try #require(engine.board.takeCaller(of: task.id))
            let event = TaskEvent.delivered(portion: 0, headers: [SampleTasks.header], usage: nil, warnings: [])
            caller.give(Delivery(task: try await engine.record(begun, event), pictures: [.small]))
        }) { client in
            try await client.post(Call.generations, headers: prefer.map { ["prefer": $0] } ?? [:])
        }
        #expect(answer.status == 200)
        #expect(answer[header: "preference-applied"] == nil)
    }
}
