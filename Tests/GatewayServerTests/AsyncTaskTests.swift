// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// Making a task and reading it.
@Suite struct AsyncTaskTests {
    let time = ManualTime(Timestamp(milliseconds: 1_700_000_000_900))
    let gateway: TestGateway
    let samples: SampleTasks

    init() {
        gateway = TestGateway(time: time)
        samples = SampleTasks(time: time)
    }

    // MARK: Making

    @Test func `a new task is the contract's example and its place in the queue, member by member`() async throws {
        let answer = try await gateway.run { try await $0.post(Call.asynchronous) }
        let task = try #require(gateway.store.all.first)
        let id = task.id.description
        #expect(answer.status == 200)
        #expect(
            answer.text == """
                {"id":"\(id)","task_id":"\(id)","object":"image.generation","created_at":1700000000,\
                "status":"pending","progress":0,"model":"gemini-3-pro-image-preview","prompt":"a fox in the snow",\
                "queue_position":1}
                """
        )
        #expect(answer[header: "location"] == "/v1/images/tasks/\(id)")
        #expect(answer[header: "retry-after"] == "1")
        #expect(answer[header: "openai-poll-after-ms"] == "1000")
        #expect(answer[header: "content-type"] == "application/json")
        #expect(answer[header: "cache-control"] == "no-store")
        #expect(answer[header: "content-length"] == "\(answer.body.readableBytes)")
    }

    @Test func `a new task is free for any process, needs a link, and is announced`() async throws {
        try await gateway.run { _ = try await $0.post(Call.asynchronous, Call.body(["response_format": "b64_json"])) }
        let task = try #require(gateway.store.all.first)
        #expect(task.node == nil)
        #expect(task.needsLink)
        #expect(task.owner == "alice")
        #expect(task.linkLifetime == .seconds(86_400))
        var signals = gateway.board.queueSignals.makeAsyncIterator()
        #expect(await signals.next() != nil)
    }

    @Test func `a new task that there is room for is this process's, is in no queue, and goes to the engine`()
        async throws
    {
        let asked = Mutex<[String]>([])
        gateway.board.offerRoom { id, model in
            asked.withLock { $0.append("\(id) \(model)") }
            return TaskRoom {}
        }
        let answer = try await gateway.run { try await $0.post(Call.asynchronous) }
        let task = try #require(gateway.store.all.first)
        #expect(asked.withLock { $0 } == ["\(task.id) gemini-3-pro-image-preview"])
        #expect(task.node == "node-under-test")
        #expect(answer.json["status"]?.string == "pending")
        #expect(answer.json["queue_position"] == nil)
        var assignments = gateway.board.assignments.makeAsyncIterator()
        let assignment = try #require(await assignments.next())
        #expect(assignment.task == task)
        #expect(assignment.room != nil)
    }

    @Test func `room for a task that is not taken is given back`() async throws {
        let givenBack = Mutex(0)
        gateway.board.offerRoom { _, _ in TaskRoom { givenBack.withLock { $0 += 1 } } }
        gateway.store.fail([StoreError(.full, "The disk is full.")])
        let answer = try await gateway.run { try await $0.post(Call.asynchronous) }
        #expect(answer.status == 503)
        #expect(givenBack.withLock { $0 } == 1)
    }

    @Test func `what the caller wrote comes back as JSON again`() async throws {
        let prompt = "quote \" backslash \\ newline \n tab \t emoji 🦊👨‍👩‍👧 null \u{0} slash / ünïcödé \u{2028}"
        let body = Call.body(["prompt": JSON(prompt), "metadata": ["k\"ey": "va\nlue", "a": "🦊"]])
        let answer = try await gateway.run { try await $0.post(Call.asynchronous, body) }
        #expect(answer.json["prompt"]?.string == prompt)
        #expect(answer.json["metadata"] == ["a": "🦊", "k\"ey": "va\nlue"])
    }

    // MARK: Reading

    @Test(arguments: ["generations", "edits", "tasks"])
    func `each of the three paths finds any task of the caller`(collection: String) async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/\(collection)/\(task.id)") }
        #expect(answer.status == 200)
        #expect(answer.json["id"]?.string == task.id.description)
    }

    @Test(arguments: ["generations", "edits", "tasks"])
    func `a missing task, a stranger's task and no name at all are the same`(collection: String) async throws {
        let task = try samples.pending(owner: "bob")
        try await gateway.store.create(task)
        let missing = samples.id()
        try await gateway.run { client in
            var answers: [Answer] = []
            for id in ["\(task.id)", "\(missing)", "nonsense", "\(task.id)".lowercased(), "image_", "%20", "image_%2F"]
            {
                let answer = try await client.get("/v1/images/\(collection)/\(id)", headers: ["x-request-id": "same"])
                answer.expectError(404, "task_not_found")
                answers.append(answer)
            }
            #expect(Set(answers.map(\.text)).count == 1)
            #expect(Set(answers.map(\.headers)).count == 1)
            #expect(try await client.get("/v1/images/\(collection)/\(task.id)", key: "key-bob").status == 200)
        }
    }

    @Test func `a running task says when to ask again`() async throws {
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.waiting.events())
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)") }
        #expect(answer.json["status"]?.string == "in_progress")
        #expect(answer.json["progress"]?.integer == 40)
        #expect(answer[header: "retry-after"] == "2")
        #expect(answer[header: "openai-poll-after-ms"] == "2000")
        #expect(answer.json.names.contains("data") == false)
        #expect(answer.json.names.contains("completed_at") == false)
    }

    @Test func `a completed task has its pictures and what was delivered`() async throws {
        let usage = Usage(
            inputTokens: 7,
            inputTextTokens: 5,
            inputImageTokens: 2,
            outputTokens: 1290,
            totalTokens: 1297
        )
        let begun = try samples.task(try samples.pending(), after: SampleTasks.Stage.submitting.events())
        let picture = StoredPicture(
            key: "a/b.png",
            header: SampleTasks.header,
            bytes: 9,
            revisedPrompt: "a \"red\" fox"
        )
        time.advance(by: .seconds(10))
        let event = TaskEvent.stored(portion: 0, pictures: [picture], usage: usage, warnings: ["No size."])
        let task = try begun.applying(event, at: time.now)
        try await gateway.store.create(task)

        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)") }

        #expect(
            answer.json.names == [
                "id", "task_id", "object", "created_at", "status", "progress", "model", "prompt", "completed_at",
                "expires_at", "data", "size", "output_format", "usage", "warnings",
            ]
        )
        #expect(answer.json["progress"]?.integer == 100)
        #expect(answer.json["completed_at"]?.integer == 1_700_000_010)
        #expect(answer.json["expires_at"]?.integer == 1_700_086_410)
        #expect(answer.json["data"]?[0]?.names == ["url", "revised_prompt"])
        #expect(answer.json["data"]?[0]?["revised_prompt"]?.string == "a \"red\" fox")
        #expect(answer.json["size"]?.string == "1024x1024")
        #expect(answer.json["output_format"]?.string == "png")
        #expect(answer.json["warnings"] == ["No size."])
        #expect(
            answer.json["usage"] == [
                "input_tokens": 7, "input_tokens_details": ["text_tokens": 5, "image_tokens": 2],
                "output_tokens": 1290, "total_tokens": 1297,
            ]
        )
        #expect(answer[header: "retry-after"] == nil)
        #expect(answer[header: "openai-poll-after-ms"] == nil)
    }

    @Test func `a failed task says why, and keeps its progress`() async throws {
        let failure = TaskFailure(.contentPolicyViolation, "The prompt is not allowed.")
        let events = SampleTasks.Stage.waiting.events() + [.portionFailed(portion: 0, failure)]
        let task = try samples.task(try samples.pending(), after: events)
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)") }
        #expect(answer.status == 200)
        #expect(answer.json["status"]?.string == "failed")
        #expect(answer.json["progress"]?.integer == 40)
        #expect(
            answer.json["error"] == ["code": "content_policy_violation", "message": "The prompt is not allowed."]
        )
        #expect(answer.json.names.contains("data") == false)
        #expect(answer.json.names.contains("completed_at") == false)
        #expect(answer[header: "retry-after"] == nil)
    }

    @Test func `the link is the same on every read, and works until it expires`() async throws {
        let objects = MemoryObjectStore()
        var gateway = gateway
        gateway.objects = objects
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
        try await gateway.store.create(task)
        let picture = ObjectBody(contentType: "image/png", buffers: [.init(string: "png")])
        try await objects.put(picture, at: try #require(ObjectKey(task.pictures[0].key)))
        let (time, path) = (time, "/v1/images/tasks/\(task.id)")
        try await gateway.run { client in
            let first = try #require(try await client.get(path).json["data"]?[0]?["url"]?.string)
            time.advance(by: .seconds(86_398))
            #expect(try await client.get(path).json["data"]?[0]?["url"]?.string == first)
            #expect(objects.object(at: first, now: time.now) != nil)
            // The link dies at the whole second that expires_at names, and from then on it is not shown.
            time.advance(by: .milliseconds(1_100))
            #expect(time.now < Timestamp(milliseconds: 1_700_086_400_900))
            #expect(objects.object(at: first, now: time.now) == nil)
            let expired = try await client.get(path)
            #expect(expired.status == 200)
            #expect(expired.json["status"]?.string == "completed")
            #expect(expired.json["data"] == [])
            #expect(expired.json["error"]?["code"]?.string == "result_expired")
        }
    }

    @Test func `attempts are shown to who asks for them`() async throws {
        var task = try samples.task(try samples.pending(), after: SampleTasks.Stage.submitting.events())
        time.advance(by: .seconds(3))
        task = try samples.task(
            task,
            after: [.attemptFailed(portion: 0, outcome: .rejected, error: "The vendor is overloaded.")]
        )
        task = try samples.task(
            task,
            after: [SampleTasks.submitting(), .accepted(portion: 0, job: ProviderJob(id: "job-9"))]
        )
        try await gateway.store.create(task)
        let path = "/v1/images/tasks/\(task.id)"
        try await gateway.run { client in
            for query in ["?include=attempts", "?include=usage,attempts", "?include=attempts&wait=0"] {
                let answer = try await client.get(path + query)
                #expect(
                    answer.json["attempts"] == [
                        [
                            "provider": "google", "model": "gemini-3-pro-image", "started_at": 1_700_000_000,
                            "ended_at": 1_700_000_003, "outcome": "rejected", "billed": "no",
                            "error": "The vendor is overloaded.",
                        ],
                        [
                            "provider": "google", "model": "gemini-3-pro-image", "started_at": 1_700_000_003,
                            "vendor_task_id": "job-9", "billed": "unknown",
                        ],
                    ]
                )
            }
            for query in ["", "?include=", "?include=usage"] {
                #expect(try await client.get(path + query).json.names.contains("attempts") == false)
            }
        }
    }
}
