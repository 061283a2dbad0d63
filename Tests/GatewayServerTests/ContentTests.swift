// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

/// `/content`: the way to the picture itself.
@Suite struct ContentTests {
    let time = ManualTime()
    let gateway: TestGateway
    let samples: SampleTasks

    init() {
        gateway = TestGateway(time: time)
        samples = SampleTasks(time: time)
    }

    private func content(_ task: ImageTask, _ query: String = "", key: String = "key-alice") async throws -> Answer {
        try await gateway.store.create(task)
        return try await gateway.run { try await $0.get("/v1/images/tasks/\(task.id)/content\(query)", key: key) }
    }

    private func finished(_ count: Int) throws -> ImageTask {
        let pictures = (0..<count).map { StoredPicture(key: "p/\($0).png", header: SampleTasks.header, bytes: 1) }
        let begun = try samples.task(try samples.pending(), after: SampleTasks.Stage.submitting.events())
        return try begun.applying(.stored(portion: 0, pictures: pictures, usage: nil, warnings: []), at: time.now)
    }

    @Test(arguments: [("", 0), ("?index=0", 0), ("?index=2", 2)])
    func `the picture is one redirect away`(query: String, index: Int) async throws {
        let answer = try await content(try finished(3), query)
        #expect(answer.status == 302)
        #expect(answer[header: "location"]?.hasPrefix("https://objects.test/p/\(index).png?expires=1700086400") == true)
        #expect(answer[header: "cache-control"] == "no-store")
        #expect(answer.body.readableBytes == 0)
    }

    @Test(arguments: ["3", "-1", "x", "1.5"])
    func `an index that is not there is refused`(index: String) async throws {
        let answer = try await content(try finished(3), "?index=\(index)")
        answer.expectError(400, "invalid_value", parameter: "index")
    }

    @Test func `a stranger's picture is a missing task`() async throws {
        try await content(try finished(1), key: "key-bob").expectError(404, "task_not_found")
    }

    @Test(arguments: [SampleTasks.Stage.queued, .waiting])
    func `an unfinished task has no picture yet`(stage: SampleTasks.Stage) async throws {
        let answer = try await content(try samples.task(try samples.pending(), after: stage.events()))
        answer.expectError(409, "task_not_completed")
        #expect(answer[header: "retry-after"] == "2")
    }

    @Test func `a failed task says why it has none`() async throws {
        let answer = try await content(
            try samples.task(try samples.pending(), after: SampleTasks.Stage.failed.events())
        )
        answer.expectError(502, "upstream_error")
        #expect(answer[header: "x-should-retry"] == "false")
    }

    @Test func `an expired picture is gone`() async throws {
        let task = try finished(1)
        time.advance(by: .seconds(86_400))
        try await content(task).expectError(410, "result_expired")
    }

    @Test func `a picture that went to a waiting caller was not kept`() async throws {
        let events = SampleTasks.Stage.delivered.events()
        let answer = try await content(try samples.task(try samples.pending(), after: events))
        answer.expectError(400, "invalid_value", parameter: "index")
    }
}
