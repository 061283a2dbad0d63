// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

/// Synchronous calls with `stream: true`.
@Suite(.timeLimit(.minutes(5))) struct StreamTests {
    static let usage = Usage(inputTokens: 3, inputTextTokens: 3, inputImageTokens: 0, outputTokens: 9, totalTokens: 12)

    static func body(_ more: KeyValuePairs<String, JSON?> = [:]) -> JSON {
        let body: [JSON.Member] = [
            .init("model", "gemini-3-pro-image-preview"), .init("prompt", "a fox"), .init("stream", true),
        ]
        return .object(body + (JSON(present: more).members ?? []))
    }

    /// The events of a stream: their names and their data.
    static func events(_ answer: Answer) -> [(name: String, data: JSON)] {
        answer.text.split(separator: "\n\n").compactMap { text in
            let lines = text.split(separator: "\n")
            guard let name = lines.first(where: { $0.hasPrefix("event: ") }),
                let data = lines.first(where: { $0.hasPrefix("data: ") })
            else { return nil }
            let json = try? JSON(reading: ByteBuffer(string: String(data.dropFirst(6))))
            return (String(name.dropFirst(7)), json ?? .null)
        }
    }

    @Test func `each picture is one completed event, and the last carries what all have used`() async throws {
        let gateway = TestGateway()
        let pictures = [
            DeliveredPicture(base64: ByteBuffer(string: "iVBORw0K"), revisedPrompt: "a \"red\" fox"),
            DeliveredPicture(base64: ByteBuffer(string: "iVBORw0KGgo=")),
        ]

        let answer = try await gateway.run(engine: { engine, task in
            try await engine.finish(task, pictures, usage: Self.usage)
        }) { try await $0.post("/v1/images/generations", Self.body(["n": 2, "partial_images": 2])) }

        #expect(answer.status == 200)
        #expect(answer[header: "content-type"] == "text/event-stream; charset=utf-8")
        let events = Self.events(answer)
        #expect(events.map(\.name) == ["image_generation.completed", "image_generation.completed"])
        #expect(events.map { $0.data["type"]?.string } == events.map(\.name))
        #expect(events.map { $0.data["b64_json"]?.string } == ["iVBORw0K", "iVBORw0KGgo="])
        #expect(events.map { $0.data["revised_prompt"]?.string } == ["a \"red\" fox", nil])
        #expect(events.map { $0.data["usage"]?["total_tokens"]?.integer } == [nil, 12])
        for event in events {
            #expect(event.data["size"]?.string == SampleTasks.header.size.description)
            #expect(event.data["output_format"]?.string == "png")
            #expect(event.data["created_at"]?.integer == 1_700_000_000)
            #expect(event.data["quality"] != nil && event.data["background"] != nil)
        }
    }

    @Test func `each event tells the size and format of its own picture, and the last what is missing`() async throws {
        let gateway = TestGateway()
        let headers = [
            PictureHeader(format: .png, size: PixelSize(1024, 1024)),
            PictureHeader(format: .jpeg, size: PixelSize(1376, 768)),
        ]

        let answer = try await gateway.run(engine: { engine, task in
            let begun = try await engine.begin(task)
            let warnings = ["2 of 3 pictures were made: The content policy forbids it."]
            let caller = try #require(engine.board.takeCaller(of: task.id))
            let done = try await engine.record(
                begun,
                .delivered(portion: 0, headers: headers, usage: nil, warnings: warnings)
            )
            caller.give(Delivery(task: done, pictures: [.small, .small]))
        }) { try await $0.post("/v1/images/generations", Self.body(["n": 3])) }

        let events = Self.events(answer)
        #expect(events.map { $0.data["size"]?.string } == ["1024x1024", "1376x768"])
        #expect(events.map { $0.data["output_format"]?.string } == ["png", "jpeg"])
        #expect(events.map { $0.data["warnings"]?.array?.count } == [nil, 1])
    }

    @Test func `a picture by link is told with its link`() async throws {
        let gateway = TestGateway()

        let answer = try await gateway.run(engine: { try await $0.finish($1) }) {
            try await $0.post("/v1/images/generations", Self.body(["response_format": "url"]))
        }

        let events = Self.events(answer)
        #expect(events.map(\.name) == ["image_generation.completed"])
        #expect(events.first?.data["url"]?.string?.hasPrefix("https://objects.test/") == true)
        #expect(events.first?.data["b64_json"] == nil)
    }

    @Test func `what goes wrong later is an error event with the whole envelope`() async throws {
        let gateway = TestGateway()

        let answer = try await gateway.run(engine: { engine, task in
            try await engine.fail(task, TaskFailure(.contentPolicyViolation, "The content policy forbids it."))
        }) { try await $0.post("/v1/images/generations", Self.body()) }

        #expect(answer.status == 200)
        let events = Self.events(answer)
        #expect(events.map(\.name) == ["error"])
        #expect(events.first?.data["type"]?.string == "error")
        #expect(events.first?.data["error"]?["code"]?.string == "content_policy_violation")
        #expect(events.first?.data["error"]?.members?.map(\.name) == ["message", "type", "param", "code"])
    }

    @Test func `what is wrong with the request is an ordinary error`() async throws {
        let gateway = TestGateway()
        let bodies: [(JSON, String, String)] = [
            (Self.body(["size": "huge"]), "invalid_value", "size"),
            (Self.body(["partial_images": 4]), "invalid_value", "partial_images"),
        ]

        for (body, code, parameter) in bodies {
            let answer = try await gateway.run { try await $0.post("/v1/images/generations", body) }
            answer.expectError(400, code, parameter: parameter)
        }
        let later = try await gateway.run { try await $0.post("/v1/images/generations/async", Self.body()) }
        later.expectError(400, "unsupported_parameter", parameter: "stream")
    }

    @Test func `a silent stream shows that it is alive`() async throws {
        let time = ManualTime()
        let gateway = TestGateway(time: time)
        let isDue = Flag()

        let answer = try await gateway.run(engine: { engine, task in
            while !isDue.isSet { await Task.yield() }
            try await engine.finish(task)
        }) { client in
            async let answer = client.post("/v1/images/generations", Self.body())
            await time.untilSleeping(1)
            time.advance(by: .seconds(15))
            await time.untilSleeping(1)
            isDue.set()
            return try await answer
        }

        #expect(answer.text.contains(": alive\n\n"))
        #expect(Self.events(answer).map(\.name) == ["image_generation.completed"])
    }

    @Test func `a gateway that stops says where the task can be read`() async throws {
        let gateway = TestGateway()
        let board = gateway.board

        let answer = try await gateway.run(engine: { _, task in board.settled(task.id) }) {
            try await $0.post("/v1/images/generations", Self.body())
        }

        let error = Self.events(answer).first?.data["error"]
        #expect(error?["code"]?.string == "shutting_down")
        #expect(error?["message"]?.string?.contains("/v1/images/tasks/image_") == true)
    }
}
