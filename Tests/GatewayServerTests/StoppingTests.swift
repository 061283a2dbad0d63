// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

/// What callers see of a process that stops.
@Suite(.timeLimit(.minutes(1))) struct StoppingTests {
    let time = ManualTime()
    let gateway: TestGateway
    let samples: SampleTasks

    init() {
        gateway = TestGateway(time: time)
        samples = SampleTasks(time: time)
    }

    @Test func `it is not ready, whatever works`() async throws {
        let gateway = gateway
        try await gateway.run { client in
            #expect(try await client.get("/health/ready", key: nil).status == 200)
            gateway.board.stopTaking()
            let answer = try await client.get("/health/ready", key: nil)
            #expect(answer.status == 503)
            #expect(answer.json["status"]?.string == "shutting_down")
            #expect(try await client.get("/health/live", key: nil).status == 200)
        }
    }

    @Test(arguments: ["/v1/images/generations", "/v1/images/generations/async"])
    func `it takes no new order, and says that it may be tried again`(path: String) async throws {
        gateway.board.stopTaking()

        let answer = try await gateway.run { try await $0.post(path) }

        answer.expectError(503, "shutting_down")
        #expect(answer[header: "retry-after"] == "2")
        #expect(gateway.store.all.isEmpty)
    }

    @Test func `it takes no order again`() async throws {
        let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.failed.events())
        try await gateway.store.create(task)
        gateway.board.stopTaking()

        let answer = try await gateway.run { try await $0.post("/v1/images/tasks/\(task.id)/retry") }

        answer.expectError(503, "shutting_down")
        #expect(gateway.store.all.count == 1)
    }

    @Test func `who waits for a change gets the task as it is when the engine has ended`() async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        let (time, board) = (time, gateway.board)

        let answer = try await gateway.run { client in
            async let answer = client.get("/v1/images/tasks/\(task.id)?wait=60")
            await time.untilSleeping(2)
            board.stopTaking()
            board.engineEnded()
            return try await answer
        }

        #expect(answer.status == 200)
        #expect(answer.json["status"]?.string == "pending")
    }
}
