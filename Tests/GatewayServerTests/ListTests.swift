// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

/// The caller's tasks, page by page.
@Suite struct ListTests {
    let time = ManualTime()
    let gateway: TestGateway
    let tasks: [ImageTask]

    /// Thirty tasks of alice, every third finished, every fifth of another model, and some of bob's between them.
    init() async throws {
        gateway = TestGateway(time: time)
        let samples = SampleTasks(time: time)
        var tasks: [ImageTask] = []
        for place in 0..<30 {
            let model = place.isMultiple(of: 5) ? "imagen-plain" : "gemini-3-pro-image-preview"
            var task = try samples.pending(model: model)
            if place.isMultiple(of: 3) { task = try samples.task(task, after: SampleTasks.Stage.stored.events()) }
            tasks.append(task)
            try await gateway.store.create(task)
            try await gateway.store.create(try samples.pending(owner: "bob"))
        }
        self.tasks = tasks
    }

    private func list(_ query: String = "") async throws -> Answer {
        try await gateway.run { try await $0.get("/v1/images/tasks\(query)") }
    }

    private func ids(_ answer: Answer) -> [String] { answer.json["data"]?.array?.compactMap { $0["id"]?.string } ?? [] }
    private func ids(_ tasks: some Sequence<ImageTask>) -> [String] { tasks.map(\.id.description) }

    @Test func `the newest twenty come first`() async throws {
        let answer = try await list()
        #expect(answer.json.names == ["object", "data", "first_id", "last_id", "has_more"])
        #expect(answer.json["object"]?.string == "list")
        #expect(ids(answer) == ids(tasks.reversed().prefix(20)))
        #expect(answer.json["first_id"]?.string == tasks[29].id.description)
        #expect(answer.json["last_id"]?.string == tasks[10].id.description)
        #expect(answer.json["has_more"] == true)
        #expect(answer.json["data"]?[2]?["data"]?[0]?["url"] != nil)
    }

    @Test(arguments: ["desc", "asc"], [1, 7, 30, 100])
    func `pages follow each other without a gap`(order: String, limit: Int) async throws {
        let expected = ids(order == "asc" ? tasks : tasks.reversed())
        let found = try await gateway.run { client in
            var found: [String] = []
            var more = true
            while more {
                let after = found.last.map { "&after=\($0)" } ?? ""
                let answer = try await client.get("/v1/images/tasks?order=\(order)&limit=\(limit)\(after)")
                found += answer.json["data"]?.array?.compactMap { $0["id"]?.string } ?? []
                more = answer.json["has_more"]?.bool ?? false
            }
            return found
        }
        #expect(found == expected)
    }

    @Test func `filters leave out the others`() async throws {
        let done = try await list("?status=completed&limit=100&order=asc")
        #expect(ids(done) == ids(tasks.filter { $0.status == .completed }))
        let plain = try await list("?model=imagen-plain&limit=100&order=asc")
        #expect(ids(plain) == ids(tasks.filter { $0.request.model == "imagen-plain" }))
        let both = try await list("?status=completed&model=imagen-plain&limit=100&order=asc")
        #expect(ids(both) == ids(tasks.filter { $0.request.model == "imagen-plain" && $0.status == .completed }))
    }

    @Test(arguments: ["?status=failed", "?model=nothing"])
    func `an empty page has no ids`(query: String) async throws {
        let answer = try await list(query)
        #expect(answer.text == #"{"object":"list","data":[],"has_more":false}"#)
    }

    @Test func `the end of the list is an empty page`() async throws {
        let answer = try await list("?after=\(tasks[0].id)")
        #expect(ids(answer).isEmpty)
        #expect(answer.json["has_more"] == false)
    }

    @Test(arguments: [
        ("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "ten"), ("limit", "1.5"), ("order", "up"),
        ("order", "ASC"), ("status", "done"), ("status", "queued"), ("after", "nonsense"),
        ("after", "image_01KCRVET35FAVZME1CEEED9VBS"),
    ])
    func `what cannot be meant is refused`(name: String, value: String) async throws {
        try await list("?\(name)=\(value)").expectError(400, "invalid_value", parameter: name)
    }

    @Test func `another caller's task is no cursor`() async throws {
        let bobs = try #require(gateway.store.all.first { $0.owner == "bob" })
        try await list("?after=\(bobs.id)").expectError(400, "invalid_value", parameter: "after")
    }

    @Test func `each caller sees the own tasks only`() async throws {
        let answer = try await gateway.run { try await $0.get("/v1/images/tasks?limit=100", key: "key-bob") }
        #expect(Set(ids(answer)).isDisjoint(with: ids(tasks)))
        #expect(ids(answer).count == 30)
    }
}
