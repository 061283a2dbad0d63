// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

/// The changes of a task as Server-Sent Events.
@Suite(.timeLimit(.minutes(5))) struct EventTests {
    let time = ManualTime()
    let gateway: TestGateway
    let samples: SampleTasks

    init() {
        gateway = TestGateway(time: time)
        samples = SampleTasks(time: time)
    }

    private var engine: FakeEngine {
        FakeEngine(store: gateway.store, board: gateway.board, time: time, node: "node-1")
    }

    /// One event of a stream.
    struct Event {
        var id: Int?
        var name: String?
        var data: JSON?

        init(_ text: Substring) {
            for line in text.split(separator: "\n") {
                let value = String(line.drop { $0 != ":" }.dropFirst(2))
                if line.hasPrefix("id:") { id = Int(value) }
                if line.hasPrefix("event:") { name = value }
                if line.hasPrefix("data:") { data = try? JSON(reading: ByteBuffer(string: value)) }
            }
        }
    }

    static func events(_ answer: Answer) -> [Event] {
        answer.text.split(separator: "\n\n").filter { !$0.hasPrefix(":") }.map(Event.init)
    }

    /// Listens to a task until the stream ends.
    private func listen(
        _ task: ImageTask,
        lastSeen: Int? = nil,
        meanwhile: @escaping @Sendable (FakeEngine) async throws -> Void
    ) async throws -> Answer {
        try await gateway.store.create(task)
        let (engine, time) = (engine, time)
        return try await gateway.run { client in
            async let answer = client.get(
                "/v1/images/tasks/\(task.id)/events",
                headers: lastSeen.map { ["Last-Event-ID": "\($0)"] } ?? [:]
            )
            await time.untilSleeping(2)
            try await meanwhile(engine)
            return try await answer
        }
    }

    @Test func `a task that is over is one event`() async throws {
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
        try await gateway.store.create(task)

        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)/events") }

        #expect(answer.status == 200)
        #expect(answer[header: "content-type"] == "text/event-stream; charset=utf-8")
        #expect(answer[header: "cache-control"] == "no-store")
        let events = Self.events(answer)
        #expect(events.map(\.name) == ["task.updated"])
        #expect(events.map(\.id) == [task.version])
        #expect(events.first?.data?["status"]?.string == "completed")
        #expect(events.first?.data?["id"]?.string == task.id.description)
        #expect(events.first?.data?["data"]?.array?.count == 1)
    }

    @Test func `what happens is told with growing ids until the task is over`() async throws {
        let task = try samples.pending()

        let answer = try await listen(task) { engine in
            let begun = try await engine.begin(task)
            try await engine.keep(begun)
        }

        let events = Self.events(answer)
        let states = events.map { $0.data?["status"]?.string ?? "" }
        #expect(states.first == "pending")
        #expect(states.last == "completed")
        #expect(Set(states).isSubset(of: ["pending", "in_progress", "completed"]))
        let ids = events.compactMap(\.id)
        #expect(ids.count == events.count)
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func `a listener who comes back is told only what is new`() async throws {
        let task = try samples.pending()

        let answer = try await listen(task, lastSeen: 0) { engine in
            try await engine.fail(task, TaskFailure(.upstreamError, "Every provider failed."))
        }

        let events = Self.events(answer)
        #expect(events.last?.data?["status"]?.string == "failed")
        #expect(!events.contains { $0.data?["status"]?.string == "pending" })
    }

    @Test(arguments: [1, 9_000, Int.max])
    func `an id that the task never had counts as none`(beyond: Int) async throws {
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
        try await gateway.store.create(task)
        let seen = beyond == Int.max ? beyond : task.version + beyond

        let answer = try await gateway.run {
            try await $0.get("/v1/images/tasks/\(task.id)/events", headers: ["Last-Event-ID": "\(seen)"])
        }

        #expect(answer.status == 200)
        #expect(Self.events(answer).map(\.id) == [task.version])
    }

    @Test func `who has seen the end is told to come back no more`() async throws {
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
        try await gateway.store.create(task)

        let answer = try await gateway.run {
            try await $0.get("/v1/images/tasks/\(task.id)/events", headers: ["Last-Event-ID": "\(task.version)"])
        }

        #expect(answer.status == 204)
        #expect(answer.text.isEmpty)
    }

    @Test func `a change by another process is told within a second`() async throws {
        let task = try samples.pending()
        let (time, store) = (time, gateway.store)

        let answer = try await listen(task) { _ in
            let changed = try task.applying(.gaveUp(TaskFailure(.taskCancelled, "Cancelled.")), at: time.now)
            try await store.update(changed, from: task.version)
            time.advance(by: .seconds(1))
        }

        #expect(Self.events(answer).last?.data?["error"]?["code"]?.string == "task_cancelled")
    }

    @Test func `a silent stream shows that it is alive, and ends when this process stops`() async throws {
        let task = try samples.pending()
        let (time, board) = (time, gateway.board)

        let answer = try await listen(task) { _ in
            for _ in 0..<31 {
                time.advance(by: .seconds(1))
                await time.untilSleeping(2)
            }
            // Stopping ends no stream yet: what is nearly done is still told.
            board.stopTaking()
            time.advance(by: .seconds(1))
            await time.untilSleeping(2)
            board.engineEnded()
        }

        #expect(answer.text.hasSuffix(": alive\n\n"))
        #expect(answer.text.components(": alive\n\n") == 2)
        #expect(Self.events(answer).count == 1)
    }

    @Test func `a task that is deleted meanwhile ends the stream`() async throws {
        let task = try samples.pending()
        let (time, store) = (time, gateway.store)

        let answer = try await listen(task) { _ in
            try await store.delete(task.id, owner: nil, now: time.now)
            time.advance(by: .seconds(1))
        }

        #expect(Self.events(answer).count == 1)
    }

    @Test(arguments: ["image_01KCRVET35FAVZME1CEEED9VBS", "nonsense"])
    func `nobody listens to what is not theirs`(id: String) async throws {
        let task = try samples.pending(owner: "bob")
        try await gateway.store.create(task)

        let (missing, foreign) = try await gateway.run { client in
            (
                try await client.get("/v1/images/tasks/\(id)/events"),
                try await client.get("/v1/images/tasks/\(task.id)/events")
            )
        }

        missing.expectError(404, "task_not_found")
        foreign.expectError(404, "task_not_found")
    }
}

extension String {
    fileprivate func components(_ part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}
