// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

@Suite struct EngineLoadTests {
    private let bench = Bench(
        FakeVendor.saying().provider("small", maxConcurrent: 2),
        FakeVendor.saying().provider("large", maxConcurrent: 100),
        FakeVendor.saying().provider("endless"),
        routes: [
            .init(match: "one", providers: ["small"]), .init(match: "solo", providers: ["small"]),
            .init(match: "two", providers: ["large"]), .init(match: "four", providers: ["endless"]),
        ]
    )

    private func load(_ limit: Int) -> EngineLoad {
        EngineLoad(limit: limit, router: bench.router, pool: bench.parts.pool)
    }

    private func tasks(_ count: Int, _ model: String, _ stage: SampleTasks.Stage = .queued) throws -> [ImageTask] {
        try (0..<count).map { _ in
            try bench.samples.task(try bench.samples.pending(model: model), after: stage.events())
        }
    }

    @Test func `no step claims much more than the vendor with the least room can take`() {
        #expect(load(512).bite() == .init(tasks: 16, fullModels: []))
        #expect(load(64).bite() == .init(tasks: 4, fullModels: []))
        #expect(load(3).bite() == .init(tasks: 3, fullModels: []))
    }

    @Test func `models of a vendor that is full are left to wait, all its names together`() throws {
        let load = load(512)

        for task in try tasks(3, "one") + tasks(1, "solo") { load.begin(task) }

        #expect(load.bite() == .init(tasks: 200, fullModels: ["one", "solo"]))
    }

    @Test func `nothing is claimed while every vendor has enough to do, and whoever ends then asks for more`() throws {
        let bench = Bench(FakeVendor.saying().provider("small", maxConcurrent: 2))
        let load = EngineLoad(limit: 512, router: bench.router, pool: bench.parts.pool)
        let tasks = try tasks(4, "one")
        for task in tasks { load.begin(task) }
        load.foundEmpty()

        #expect(load.bite() == nil)

        #expect(load.end(tasks[0].id))
        #expect(load.bite() != nil)
    }

    @Test func `nothing is claimed without room, and whoever ends then asks for more`() throws {
        let load = load(2)
        let tasks = try tasks(2, "four")
        for task in tasks { load.begin(task) }
        load.foundEmpty()

        #expect(load.bite() == nil)

        #expect(load.end(tasks[0].id))
        #expect(load.bite() == .init(tasks: 1, fullModels: []))
        load.foundEmpty()
        #expect(!load.end(tasks[1].id))
    }

    @Test func `tasks that wait for a vendor's job take no room`() throws {
        let load = load(2)
        let waiting = try tasks(300, "four", .waiting)
        for task in waiting { load.begin(task) }
        let busy = try tasks(2, "four")
        for task in busy { load.begin(task) }
        #expect(load.bite() == nil)

        let next = try bench.samples.task(busy[0], after: Array(SampleTasks.Stage.waiting.events().dropFirst()))
        #expect(load.rests(next))

        #expect(load.bite()?.tasks == 1)
        #expect(!load.rests(next))
        #expect(!load.rests(busy[0]))
        #expect(load.bite() == nil)
        for task in waiting { _ = load.end(task.id) }
        #expect(load.bite() == nil)
    }

    @Test func `a task rests only when every open portion waits`() throws {
        let job = ProviderJob(id: "j")
        let submitting = [SampleTasks.submitting(portion: 0), SampleTasks.submitting(portion: 1)]
        let begun = try bench.samples.task(
            try bench.samples.pending(count: 2),
            after: [.claimed(node: "n", portions: [1, 1])] + submitting + [.accepted(portion: 0, job: job)]
        )

        let both = try bench.samples.task(begun, after: [.accepted(portion: 1, job: job)])
        let rest = try bench.samples.task(begun, after: [.portionFailed(portion: 1, SampleTasks.failure)])
        let done = try bench.samples.task(rest, after: [SampleTasks.stored(portion: 0)])

        #expect(!begun.isResting)
        #expect(both.isResting)
        #expect(rest.isResting)
        #expect(!done.isResting)
    }

    @Test func `tasks that wait for a provider to come back take no room, and only so many of them are claimed`() throws
    {
        let load = load(EngineLoad.mostBlocked)
        let waiting = try tasks(EngineLoad.mostBlocked, "four")
        for task in waiting { load.begin(task) }
        #expect(load.bite() == nil)

        // Two portions of one task count once.
        for task in waiting + waiting { load.block(task.id) }
        #expect(load.bite()?.fullModels == ["four"])

        load.unblock(waiting[0].id)
        #expect(load.bite()?.fullModels == ["four"])
        load.unblock(waiting[0].id)
        #expect(load.bite()?.fullModels == [])
        load.block(try tasks(1, "four")[0].id)
        #expect(load.bite()?.fullModels == [], "a task that was not claimed does not count")
    }

    @Test func `after closing nothing is claimed, and no room is kept`() throws {
        let load = load(10)
        load.foundEmpty()

        load.close()

        #expect(load.bite() == nil)
        #expect(!load.keepsRoom(for: bench.samples.id(), model: "four"))
    }

    @Test func `room is kept only when no other task waits for it`() {
        let load = load(10)
        #expect(!load.keepsRoom(for: bench.samples.id(), model: "four"), "nobody has looked into the queue yet")

        load.foundEmpty()
        #expect(load.keepsRoom(for: bench.samples.id(), model: "four"))

        _ = load.bite()
        #expect(!load.keepsRoom(for: bench.samples.id(), model: "four"), "somebody has been asked to claim")
    }

    @Test func `tasks that wait for one vendor keep nobody from the room of another`() {
        let load = load(10)

        load.foundEmpty(besides: ["one", "solo"])

        #expect(!load.keepsRoom(for: bench.samples.id(), model: "one"))
        #expect(load.keepsRoom(for: bench.samples.id(), model: "four"))
    }

    @Test func `room is kept for as many as fit, here and at the vendor, and is there again at their end`() {
        let load = load(3)
        load.foundEmpty()
        let id = bench.samples.id()
        #expect(load.keepsRoom(for: id, model: "one"))
        #expect(load.keepsRoom(for: bench.samples.id(), model: "solo"))
        #expect(load.keepsRoom(for: bench.samples.id(), model: "one"))
        #expect(!load.keepsRoom(for: bench.samples.id(), model: "four"), "three are the limit")

        #expect(!load.end(id), "nobody waits")
        #expect(load.keepsRoom(for: bench.samples.id(), model: "four"))
    }

    @Test func `no room is kept at a vendor that has enough to do`() {
        let load = load(100)
        load.foundEmpty()
        var kept = 0
        while load.keepsRoom(for: bench.samples.id(), model: "one") { kept += 1 }

        #expect(kept == 4)
        #expect(!load.keepsRoom(for: bench.samples.id(), model: "solo"), "the same vendor under another name")
        #expect(load.keepsRoom(for: bench.samples.id(), model: "two"))
        #expect(!load.keepsRoom(for: bench.samples.id(), model: "unheard-of"))
    }
}
