// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

/// The call that waits for its picture.
@Suite(.timeLimit(.minutes(5))) struct SynchronousCallTests {
    let time = ManualTime()
    let gateway: TestGateway

    init() {
        gateway = TestGateway(time: time)
    }

    private func call(_ body: JSON = Call.body(), engine: @escaping FakeEngine.Conduct) async throws -> Answer {
        try await gateway.run(engine: engine) { try await $0.post(Call.generations, body) }
    }

    @Test func `a call whose task could not be written after all is told so`() async throws {
        let answer = try await call { engine, task in
            engine.store.lose(task.id, StoreError(.unavailable, "canary: no disk"))
            // The engine would try to write on and on; the caller is not kept waiting for that.
            try await Task.sleep(for: .seconds(60))
        }
        answer.expectError(503, "provider_unavailable")
        #expect(answer[header: "retry-after"] == "2")
        #expect(gateway.store.all.isEmpty)
    }

    // MARK: Pictures in base64

    @Test func `base64 is what is answered unless asked otherwise`() async throws {
        let answer = try await call { engine, task in try await engine.finish(task) }
        let task = try #require(gateway.store.all.first)
        #expect(answer.status == 200)
        #expect(
            answer.text == """
                {"created":1700000000,"data":[{"b64_json":"iVBORw0KGgo="}],"output_format":"png",\
                "size":"1024x1024","task_id":"\(task.id)"}
                """
        )
        #expect(answer[header: "content-type"] == "application/json")
        #expect(answer[header: "cache-control"] == "no-store")
        #expect(answer[header: "content-length"] == "\(answer.body.readableBytes)")
        #expect(answer[header: "preference-applied"] == nil)
    }

    @Test func `the task of a waiting caller belongs to this process and needs no link`() async throws {
        _ = try await call { engine, task in
            #expect(task.node == "node-under-test")
            #expect(!task.needsLink)
            #expect(task.owner == "alice")
            try await engine.finish(task)
        }
        let task = try #require(gateway.store.all.first)
        #expect(task.status == .completed)
        #expect(task.pictures.isEmpty)
    }

    @Test func `every vendor's word stays valid JSON`() async throws {
        let revised = "\"quoted\" \\ \n\r\t\u{0}\u{1F} emoji 🦊 \u{2028} ünïcödé"
        let usage = Usage(inputTokens: 1, inputTextTokens: 1, inputImageTokens: 0, outputTokens: 2, totalTokens: 3)
        let pictures = [
            DeliveredPicture(base64: ByteBuffer(string: "AAAA"), revisedPrompt: revised),
            DeliveredPicture(base64: ByteBuffer(string: "BBBB")),
            DeliveredPicture(base64: ByteBuffer(string: "CCCC"), revisedPrompt: ""),
        ]
        let answer = try await call(Call.body(["n": 3, "prompt": JSON(revised)])) { engine, task in
            try await engine.finish(task, pictures, usage: usage, warnings: ["a \"warning\"\n"])
        }
        let data = try #require(answer.json["data"]?.array)
        #expect(data.map { $0["b64_json"]?.string } == ["AAAA", "BBBB", "CCCC"])
        #expect(data.map { $0["revised_prompt"]?.string } == [revised, nil, ""])
        #expect(data[1].names == ["b64_json"])
        #expect(answer.json.names == ["created", "data", "output_format", "size", "usage", "warnings", "task_id"])
        #expect(
            answer.json["usage"]?.names == ["input_tokens", "input_tokens_details", "output_tokens", "total_tokens"]
        )
        #expect(answer.json["usage"]?["input_tokens_details"] == ["text_tokens": 1, "image_tokens": 0])
        #expect(answer.json["warnings"] == ["a \"warning\"\n"])
    }

    @Test func `a large picture passes through byte by byte`() async throws {
        let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let base64 = ByteBuffer(bytes: (0..<12_000_000).lazy.map { alphabet[($0 &* 31 ^ $0 >> 7) & 63] })
        let answer = try await call { engine, task in
            try await engine.finish(task, [DeliveredPicture(base64: base64)])
        }
        guard case .string(let text)? = answer.json["data"]?[0]?["b64_json"] else {
            Issue.record("there is no picture")
            return
        }
        #expect(text.bytes == base64)
    }

    // MARK: Links

    @Test func `url gives links to stored pictures`() async throws {
        let revised = DeliveredPicture(base64: ByteBuffer(string: "AAAA"), revisedPrompt: "a red fox")
        let answer = try await call(Call.body(["response_format": "url", "n": 2])) { engine, task in
            #expect(task.needsLink)
            try await engine.finish(task, [revised, .small])
        }
        let task = try #require(gateway.store.all.first)
        #expect(answer.status == 200)
        #expect(answer.json.names == ["created", "data", "output_format", "size", "task_id"])
        let data = try #require(answer.json["data"]?.array)
        #expect(data.map(\.names) == [["url", "revised_prompt"], ["url"]])
        let read = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)") }
        #expect(read.json["data"]?[0]?["url"] == data[0]["url"])
    }

    // MARK: The end of the wait

    @Test func `when the wait is over the answer is the task, which goes on`() async throws {
        let (time, board) = (time, gateway.board)
        let gateway = gateway
        try await gateway.run { client in
            async let answer = client.post(Call.generations)
            await time.untilSleeping()
            let task = try #require(gateway.store.all.first)
            time.advance(by: .seconds(279))
            #expect(!board.hasHungUp(task.id))
            time.advance(by: .seconds(1))
            let given = try await answer
            #expect(given.status == 202)
            #expect(given.json["status"]?.string == "pending")
            #expect(given[header: "location"] == "/v1/images/tasks/\(task.id)")
            #expect(given[header: "retry-after"] == "1")
            #expect(given[header: "openai-poll-after-ms"] == "1000")
            #expect(given[header: "preference-applied"] == nil)
            #expect(board.takeCaller(of: task.id) == nil)
            #expect(!board.hasHungUp(task.id))
        }
    }

    @Test func `a delivery promised in the moment of the time-out still arrives`() async throws {
        let time = time
        let answer = try await call { engine, task in
            let begun = try await engine.begin(task)
            await time.untilSleeping()
            let caller = try #require(engine.board.takeCaller(of: task.id))
            time.advance(by: .seconds(300))
            let event = TaskEvent.delivered(portion: 0, headers: [SampleTasks.header], usage: nil, warnings: [])
            caller.give(Delivery(task: try await engine.record(begun, event), pictures: [.small]))
        }
        #expect(answer.status == 200)
        #expect(answer.json["data"]?[0]?["b64_json"]?.string == "iVBORw0KGgo=")
    }

    @Test func `a picture stored in the moment of the time-out is reached by the task`() async throws {
        let time = time
        let answer = try await call { engine, task in
            let begun = try await engine.begin(task)
            await time.untilSleeping()
            let caller = try #require(engine.board.takeCaller(of: task.id))
            try await engine.keep(begun)
            caller.dismiss()
        }
        // The caller asked for base64 and cannot be given it: the answer must not look as if it could.
        #expect(answer.status == 202)
        #expect(answer.json["status"]?.string == "completed")
        #expect(answer.json["data"]?[0]?["url"] != nil)
        #expect(answer[header: "location"] == "/v1/images/tasks/\(answer.json["id"]?.string ?? "")")
        #expect(answer[header: "retry-after"] == nil)
    }

    // MARK: Failures

    static let failures: [(TaskFailure.Code, Int, String?)] = [
        (.contentPolicyViolation, 400, "prompt"), (.invalidImage, 400, nil), (.unsupportedParameter, 400, nil),
        (.payloadTooLarge, 413, nil),
        (.upstreamError, 502, nil), (.noImageGenerated, 502, nil), (.outcomeUnknown, 502, nil),
        (.providerUnavailable, 503, nil), (.storageError, 503, nil), (.taskTimeout, 504, nil),
        (.taskCancelled, 409, nil), (.taskFailed, 500, nil), (.resultExpired, 500, nil),
    ]

    @Test(arguments: failures)
    func `each failure has its status, and none is retried by itself`(
        code: TaskFailure.Code,
        status: Int,
        parameter: String?
    ) async throws {
        let answer = try await call { engine, task in
            try await engine.fail(task, TaskFailure(code, "Something for the caller."))
        }
        answer.expectError(status, code.rawValue, parameter: parameter)
        #expect(answer.error?["message"]?.string == "Something for the caller.")
        // The official clients retry 409 and everything from 500 up unless told not to.
        #expect(answer[header: "x-should-retry"] == (status >= 409 ? "false" : nil))
    }

    @Test(arguments: [TaskFailure.Code.invalidImage, .payloadTooLarge])
    func `a picture at fault after an attempt is the vendor's, not the caller's`(code: TaskFailure.Code) async throws {
        let answer = try await call { engine, task in
            let begun = try await engine.begin(task)
            try await engine.record(begun, .portionFailed(portion: 0, TaskFailure(code, "It cannot be used.")))
        }
        answer.expectError(502, code.rawValue)
        #expect(answer[header: "x-should-retry"] == "false")
    }

    @Test func `a task that was never written is nobody's task`() async throws {
        let gateway = gateway
        gateway.store.fail([StoreError(.unavailable, "no disk")])
        let answer = try await call { _, _ in Issue.record("nothing was to be run") }
        answer.expectError(503, "provider_unavailable")
        #expect(gateway.store.all.isEmpty)
    }

    @Test func `a begun task that cannot be looked at is not bought again`() async throws {
        let answer = try await call { engine, task in
            try await engine.fail(task, TaskFailure(.upstreamError, "Every provider failed."))
            engine.store.fail([StoreError(.unavailable, "no disk")])
        }
        let task = try #require(gateway.store.all.first)
        answer.expectError(503, "provider_unavailable")
        #expect(answer[header: "x-should-retry"] == "false")
        #expect(answer[header: "location"] == "/v1/images/tasks/\(task.id)")
        #expect(answer.text.contains(task.id.description))
    }
}
