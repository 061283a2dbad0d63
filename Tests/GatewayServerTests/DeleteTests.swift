// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import Testing

/// `DELETE /v1/images/tasks/{id}`.
@Suite(.timeLimit(.minutes(5))) struct DeleteTests {
    let time: ManualTime
    let samples: SampleTasks
    let gateway: TestGateway

    init() {
        time = ManualTime()
        samples = SampleTasks(time: time)
        gateway = TestGateway(time: time)
    }

    @Test func `a deleted task is gone with its pictures`() async throws {
        let task = try samples.stored(try samples.edit())
        try await gateway.store.create(task)
        let path = "/v1/images/tasks/\(task.id)"

        let answers = try await gateway.run { client in
            let first = try await client.ask(.delete, path)
            #expect(try await client.get(path).status == 404)
            #expect(try await client.get("/v1/images/tasks").json["data"]?.array?.isEmpty == true)
            return [first, try await client.ask(.delete, path)]
        }

        #expect(answers[0].status == 200)
        #expect(
            answers[0].json == [
                "id": JSON(task.id.description), "object": "image.task.deleted", "deleted": .bool(true),
            ]
        )
        #expect(answers[0][header: "content-type"] == "application/json")
        answers[1].expectError(404, "task_not_found")
        #expect(gateway.store.all.isEmpty)
        let due = gateway.store.deletions
        #expect(Set(due.map(\.key)) == Set(task.pictureKeys + task.inputKeys))
        #expect(due.allSatisfy { $0.due == time.now })
    }

    @Test(arguments: [SampleTasks.Stage.queued, .submitting, .waiting, .fetching, .failed])
    func `a task is deleted in every state`(stage: SampleTasks.Stage) async throws {
        let task = try samples.task(try samples.edit(), after: stage.events())
        try await gateway.store.create(task)

        let answer = try await gateway.run { try await $0.ask(.delete, "/v1/images/tasks/\(task.id)") }

        #expect(answer.status == 200)
        #expect(gateway.store.all.isEmpty)
        #expect(Set(gateway.store.deletions.map(\.key)) == Set(task.inputKeys))
    }

    @Test func `somebody else's task and no task at all are the same`() async throws {
        let task = try samples.pending(owner: "bob")
        try await gateway.store.create(task)
        let other = samples.id()

        let answers = try await gateway.run { client in
            var answers: [Answer] = []
            for id in ["\(task.id)", "\(other)", "nonsense"] {
                let answer = try await client.ask(.delete, "/v1/images/tasks/\(id)", headers: ["x-request-id": "same"])
                answer.expectError(404, "task_not_found")
                answers.append(answer)
            }
            return answers
        }

        #expect(Set(answers.map(\.text)).count == 1)
        #expect(gateway.store.all == [task])
    }

    @Test func `nobody deletes without a key`() async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)

        let answer = try await gateway.run { try await $0.ask(.delete, "/v1/images/tasks/\(task.id)", key: nil) }

        answer.expectError(401, "invalid_api_key")
        #expect(gateway.store.all == [task])
    }

    @Test func `who watches a task hears at once that it is gone`() async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        let (time, path) = (time, "/v1/images/tasks/\(task.id)")

        try await gateway.run { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                // The clock stands: neither the end of the wait nor a look at the row every second can tell.
                group.addTask { try await client.get(path + "?wait=30").expectError(404, "task_not_found") }
                await time.untilSleeping(2)
                #expect(try await client.ask(.delete, path).status == 200)
                try await group.waitForAll()
            }
        }
    }

    @Test func `a database that is away is said so`() async throws {
        let task = try samples.pending()
        try await gateway.store.create(task)
        gateway.store.fail([StoreError(.unavailable, "no disk")])

        let answer = try await gateway.run { try await $0.ask(.delete, "/v1/images/tasks/\(task.id)") }

        answer.expectError(503, "provider_unavailable")
        #expect(gateway.store.all == [task])
    }
}
