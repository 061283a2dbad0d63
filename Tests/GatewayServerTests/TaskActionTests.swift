// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// Ending a task, and trying one again.
@Suite struct TaskActionTests {
    let time = ManualTime()
    let gateway: TestGateway
    let samples: SampleTasks

    init() {
        gateway = TestGateway(time: time)
        samples = SampleTasks(time: time)
    }

    private func post(_ path: String, key: String = "key-alice") async throws -> Answer {
        try await gateway.run { try await $0.post(path, .null, key: key) }
    }

    private func create(_ stage: SampleTasks.Stage?, owner: String = "alice") async throws -> ImageTask {
        let pending = try samples.pending(owner: owner)
        let task = try stage.map { try samples.task(pending, after: $0.events()) } ?? pending
        try await gateway.store.create(task)
        return task
    }

    // MARK: Cancel

    @Test func `a task that waits is cancelled for nothing`() async throws {
        let task = try await create(nil)

        let answer = try await post("/v1/images/tasks/\(task.id)/cancel")

        #expect(answer.status == 200)
        #expect(answer.json["id"]?.string == task.id.description)
        #expect(answer.json["status"]?.string == "failed")
        #expect(answer.json["error"]?["code"]?.string == "task_cancelled")
        #expect(answer.json["error"]?["message"]?.string == "The task was cancelled before a provider had it.")
        #expect(try await gateway.store.task(task.id, owner: nil)?.status == .failed)
    }

    @Test func `a task that changed in this very moment is cancelled as it is then`() async throws {
        let task = try await create(.submitting)
        // Reading is fine; at the writing somebody else was faster.
        gateway.store.fail([nil, StoreError(.conflict, "The task was changed.")])

        let answer = try await post("/v1/images/tasks/\(task.id)/cancel")

        #expect(answer.status == 200)
        #expect(answer.json["error"]?["code"]?.string == "task_cancelled")
        #expect(try await gateway.store.task(task.id, owner: nil)?.status == .failed)
    }

    @Test(arguments: [SampleTasks.Stage.submitting, .waiting])
    func `a task that a provider has is cancelled, and its purchase stays on record`(
        stage: SampleTasks.Stage
    ) async throws {
        let task = try await create(stage)
        let isRevoked = Flag()
        gateway.board.runBegan(task.id) { isRevoked.set() }

        let answer = try await post("/v1/images/tasks/\(task.id)/cancel")

        #expect(answer.json["error"]?["message"]?.string?.contains("may be billed") == true)
        #expect(answer.json["attempts"]?.array?.map { $0["outcome"]?.string } == ["cancelled"])
        #expect(answer.json["attempts"]?.array?.map { $0["billed"]?.string } == ["unknown"])
        #expect(isRevoked.isSet)
    }

    @Test func `the work on a task that is deleted is stopped`() async throws {
        let (task, other) = (try await create(.waiting), try await create(.waiting, owner: "bob"))
        let (isRevoked, isDisturbed) = (Flag(), Flag())
        gateway.board.runBegan(task.id) { isRevoked.set() }
        gateway.board.runBegan(other.id) { isDisturbed.set() }

        for id in [task.id, other.id] {
            _ = try await gateway.run { try await $0.ask(.delete, "/v1/images/tasks/\(id)", key: "key-alice") }
        }

        #expect(isRevoked.isSet)
        #expect(!isDisturbed.isSet)
    }

    @Test(arguments: [SampleTasks.Stage.stored, .failed])
    func `what is over cannot be cancelled`(stage: SampleTasks.Stage) async throws {
        let task = try await create(stage)

        let answer = try await post("/v1/images/tasks/\(task.id)/cancel")

        answer.expectError(409, "task_not_cancellable")
        #expect(try await gateway.store.task(task.id, owner: nil) == task)
    }

    @Test(arguments: ["cancel", "retry"])
    func `nobody acts on what is not theirs`(action: String) async throws {
        let task = try await create(nil, owner: "bob")

        for id in ["\(task.id)", "image_01KCRVET35FAVZME1CEEED9VBS", "nonsense"] {
            try await post("/v1/images/tasks/\(id)/\(action)").expectError(404, "task_not_found")
        }
        #expect(try await gateway.store.task(task.id, owner: nil) == task)
    }

    // MARK: Retry

    @Test func `a failed task is tried again as a new one that names it`() async throws {
        let task = try await create(.failed)

        let answer = try await post("/v1/images/tasks/\(task.id)/retry")

        #expect(answer.status == 200)
        #expect(answer.json["retry_of"]?.string == task.id.description)
        #expect(answer.json["status"]?.string == "pending")
        #expect(answer.json["prompt"]?.string == task.request.prompt)
        #expect(answer[header: "location"]?.hasSuffix(answer.json["id"]?.string ?? "?") == true)
        let id = try #require(answer.json["id"]?.string.flatMap { TaskID($0) })
        let again = try #require(try await gateway.store.task(id, owner: "alice"))
        #expect(again.id != task.id && again.request == task.request && again.retryOf == task.id)
        #expect(try await gateway.store.task(task.id, owner: nil) == task)
    }

    @Test(arguments: [nil, SampleTasks.Stage.waiting, .stored])
    func `only a failed task is tried again`(stage: SampleTasks.Stage?) async throws {
        let task = try await create(stage)

        try await post("/v1/images/tasks/\(task.id)/retry").expectError(409, "task_not_retryable")
    }

    @Test func `a task is not tried again with a model that the key may use no more, or that is gone`() async throws {
        for (model, status, code) in [
            ("imagen-plain", 403, "model_not_allowed"), ("gemini-gone", 404, "model_not_found"),
        ] {
            let pending = try samples.pending(owner: "bob", model: model)
            let task = try samples.task(pending, after: SampleTasks.Stage.failed.events())
            try await gateway.store.create(task)

            let answer = try await post("/v1/images/tasks/\(task.id)/retry", key: "key-bob")
            answer.expectError(status, code, parameter: "model")
        }
    }

    @Test func `an edit is tried again with its pictures, as long as they are kept`() async throws {
        let picture = TestPicture.png()
        let header = try #require(PictureHeader(picture.readableBytesView))
        let request = try SampleTasks.request(model: "editor") { draft in
            draft.kind = .edit
            draft.inputs = [.url("https://example.com/a.png"), .upload(header, bytes: picture.readableBytes)]
        }
        let pending = ImageTask(
            id: samples.id(),
            owner: "alice",
            request: request,
            needsLink: true,
            createdAt: time.now,
            linkLifetime: .seconds(60)
        )
        let task = try samples.task(pending, after: SampleTasks.Stage.failed.events())
        try await gateway.store.create(task)
        let key = try #require(task.inputKeys.first)
        try await gateway.objects.put(ObjectBody(contentType: "image/png", buffers: [picture]), at: key)

        let answer = try await post("/v1/images/tasks/\(task.id)/retry")
        try await gateway.objects.delete(key)
        let tooLate = try await post("/v1/images/tasks/\(task.id)/retry")

        let id = try #require(answer.json["id"]?.string.flatMap { TaskID($0) })
        let again = try #require(try await gateway.store.task(id, owner: nil))
        #expect(again.inputKeys != task.inputKeys)
        let copied = try await gateway.objects.get(try #require(again.inputKeys.first), atMost: 1 << 20)
        #expect(copied == picture)
        tooLate.expectError(409, "task_not_retryable")
    }

    // MARK: Again under a name

    private func post(_ path: String, named name: String) async throws -> Answer {
        try await gateway.run { try await $0.post(path, .null, headers: ["idempotency-key": name]) }
    }

    @Test func `cancelling again under the same name is told the same`() async throws {
        let (task, other) = (try await create(nil), try await create(nil))

        let first = try await post("/v1/images/tasks/\(task.id)/cancel", named: "end-7")
        let second = try await post("/v1/images/tasks/\(task.id)/cancel", named: "end-7")

        #expect(first.status == 200 && second.status == 200)
        #expect(first.body == second.body)
        #expect(first[header: "idempotent-replayed"] == nil)
        #expect(second[header: "idempotent-replayed"] == "true")
        try await post("/v1/images/tasks/\(task.id)/cancel").expectError(409, "task_not_cancellable")
        try await post("/v1/images/tasks/\(other.id)/cancel", named: "end-7").expectError(409, "idempotency_conflict")
        #expect(try await gateway.store.task(other.id, owner: nil) == other)
    }

    @Test func `cancelling again is told the same where nothing is stored`() async throws {
        var gateway = gateway
        gateway.settings.hasStorage = false
        let task = try await create(nil)

        let answers = try await gateway.run { client in
            let path = "/v1/images/tasks/\(task.id)/cancel"
            return [
                try await client.post(path, .null, headers: ["idempotency-key": "end-7"]),
                try await client.post(path, .null, headers: ["idempotency-key": "end-7"]),
            ]
        }

        #expect(answers.map(\.status) == [200, 200])
        #expect(answers[0].body == answers[1].body)
        #expect(gateway.store.all.map(\.status) == [.failed])
    }

    @Test func `what could not be cancelled claims no name`() async throws {
        let (done, waiting) = (try await create(.stored), try await create(nil))

        try await post("/v1/images/tasks/\(done.id)/cancel", named: "end-7").expectError(409, "task_not_cancellable")

        #expect(try await post("/v1/images/tasks/\(waiting.id)/cancel", named: "end-7").status == 200)
    }

    @Test func `trying again under the same name makes one task`() async throws {
        let task = try await create(.failed)
        let path = "/v1/images/tasks/\(task.id)/retry"

        let first = try await post(path, named: "again-7")
        try await gateway.store.delete(task.id, owner: nil, now: time.now)
        let second = try await post(path, named: "again-7")

        #expect(first.status == 200 && second.status == 200)
        #expect(first.json["id"] == second.json["id"])
        #expect(second[header: "idempotent-replayed"] == "true")
        #expect(first[header: "location"] == second[header: "location"])
        try await post("/v1/images/tasks/\(task.id)/cancel", named: "again-7")
            .expectError(409, "idempotency_conflict")
        #expect(gateway.store.all.count == 1)
    }
}
