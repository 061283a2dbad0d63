// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Synchronization
import Testing

/// `?wait=`: an answer as soon as the state changes, or when the time is over.
@Suite(.timeLimit(.minutes(5))) struct WaitTests {
    let time = ManualTime()
    let gateway: TestGateway
    let samples: SampleTasks

    init() {
        gateway = TestGateway(time: time)
        samples = SampleTasks(time: time)
    }

    /// Asks with `wait`, does something while the call sleeps, and gives the answer.
    private func ask(
        _ task: ImageTask,
        wait: String,
        collection: String = "tasks",
        meanwhile: @escaping @Sendable (FakeEngine) async throws -> Void
    ) async throws -> Answer {
        let engine = FakeEngine(store: gateway.store, board: gateway.board, time: time, node: "node-1")
        try await gateway.store.create(task)
        let time = time
        return try await gateway.run { client in
            async let answer = client.get("/v1/images/\(collection)/\(task.id)?wait=\(wait)")
            // One sleeper for the end of the wait, one that looks at the row now and then.
            await time.untilSleeping(2)
            try await meanwhile(engine)
            return try await answer
        }
    }

    @Test(arguments: ["tasks", "generations", "edits"])
    func `the answer comes with the change`(collection: String) async throws {
        let task = try samples.pending()
        let answer = try await ask(task, wait: "30", collection: collection) { engine in
            _ = try await engine.begin(task)
        }
        #expect(answer.json["status"]?.string == "in_progress")
        #expect(time.now == Timestamp(seconds: 1_700_000_000))
    }

    @Test func `progress is no change of state`() async throws {
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.submitting.events())
        let time = time
        let answer = try await ask(task, wait: "30") { engine in
            let waiting = try await engine.record(task, .accepted(portion: 0, job: ProviderJob(id: "job-1")))
            await time.untilSleeping(2)
            try await engine.keep(waiting)
        }
        #expect(answer.json["status"]?.string == "completed")
    }

    @Test func `a change by another process is seen within a second`() async throws {
        let task = try samples.pending()
        let (time, store) = (time, gateway.store)
        let answer = try await ask(task, wait: "30") { engine in
            let changed = try task.applying(.claimed(node: "elsewhere", portions: [1]), at: time.now)
            try await store.update(changed, from: task.version)
            time.advance(by: .seconds(1))
        }
        #expect(answer.json["status"]?.string == "in_progress")
    }

    @Test(arguments: [("5", 5), ("0.25", 1), ("60", 60), ("61", 60), ("86400", 60), ("1e9", 60)])
    func `the wait ends, at the latest after a minute`(wait: String, seconds: Int) async throws {
        let task = try samples.pending()
        let time = time
        let isAnswered = Flag()
        try await gateway.store.create(task)
        let answer = try await gateway.run { client in
            async let answer = {
                defer { isAnswered.set() }
                return try await client.get("/v1/images/tasks/\(task.id)?wait=\(wait)")
            }()
            await time.untilSleeping(2)
            for _ in 1..<max(1, seconds) {
                time.advance(by: .seconds(1))
                await time.untilSleeping(2)
            }
            #expect(!isAnswered.isSet)
            time.advance(by: .seconds(1))
            return try await answer
        }
        #expect(answer.status == 200)
        #expect(answer.json["status"]?.string == "pending")
        #expect(answer[header: "retry-after"] == "1")
    }

    @Test(arguments: ["", "wait=0", "wait=0.0", "wait="])
    func `without a wait the answer comes at once`(query: String) async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)?\(query)") }
        #expect(answer.json["status"]?.string == "pending")
    }

    @Test(arguments: [SampleTasks.Stage.stored, .failed])
    func `a final task is not waited for`(stage: SampleTasks.Stage) async throws {
        let task = try samples.task(try samples.pending(), after: stage.events())
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)?wait=60") }
        #expect(answer.status == 200)
    }

    @Test(arguments: ["-1", "-0.5", "NaN", "nan", "inf", "-inf", "soon", "1s", "1,5", "%201"])
    func `a wait that is no time is refused`(wait: String) async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)?wait=\(wait)") }
        answer.expectError(400, "invalid_value", parameter: "wait")
    }

    @Test func `a task that is deleted meanwhile is not found`() async throws {
        let task = try samples.pending()
        let (time, store) = (time, gateway.store)
        let answer = try await ask(task, wait: "30") { _ in
            try await store.delete(task.id, owner: nil, now: time.now)
            time.advance(by: .seconds(1))
        }
        answer.expectError(404, "task_not_found")
    }

    @Test func `a gateway that stops says so to who waits`() async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        let time = time
        let answer = try await gateway.run { client in
            let waiting = Task { try await client.get("/v1/images/tasks/\(task.id)?wait=60") }
            await time.untilSleeping(2)
            waiting.cancel()
            return try await waiting.value
        }
        answer.expectError(503, "shutting_down")
        #expect(answer[header: "retry-after"] == "2")
        #expect(gateway.log.lines.allSatisfy { !$0.hasPrefix("error") })
    }

    @Test func `a stranger's task is not waited for`() async throws {
        let task = try samples.pending(owner: "bob")
        try await gateway.store.create(task)
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)?wait=60") }
        answer.expectError(404, "task_not_found")
    }
}
