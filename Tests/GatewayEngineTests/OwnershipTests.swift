// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

/// What belongs to a process, what it takes over, and what would be forgotten.
@Suite(.timeLimit(.minutes(5))) struct OwnershipTests {
    private static func job(_ name: String) -> [TaskEvent] {
        [
            .claimed(node: "gone", portions: [1]),
            .submitting(portion: 0, provider: "a", model: "one", warnings: []),
            .accepted(portion: 0, job: ProviderJob(id: name)),
        ]
    }

    @Test func `what a dead process has in a vendor's hands takes its room before anything new is sent`() async throws {
        let vendor = FakeVendor.init(poll: { _, _ in .job("j") }) { _, _ in .job("new") }
        // More than are taken over in one step.
        let count = 300
        let bench = Bench(
            vendor.provider("a", maxConcurrent: count, pollInterval: .seconds(600)),
            isPatient: true
        )
        for number in 0..<count { try await bench.create(after: Self.job("j\(number)")) }
        for _ in 0..<3 { try await bench.create() }
        let engine = bench.engine()

        try await running(engine) { _ in
            bench.board.signalQueue()
            try await eventually { engine.providersStatus.providers.first?.waiting == 3 }
            #expect(vendor.ledger.submissions == 0)
        }
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `the room of a job is taken before its run begins, used by it, and given back once`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a", maxConcurrent: 1))
        let task = try await bench.create(after: Self.job("j"))
        let pool = bench.parts.pool
        let slots = try #require(pool["a"]).slots

        pool.seizeSlots(for: task)
        async let other: Void = slots.withSlot {}
        try await eventually { slots.waiting == 1 }
        #expect(pool.redeem(of: task.id, at: "a"))
        #expect(!pool.redeem(of: task.id, at: "a"))
        slots.give()
        pool.forfeitSlots(of: task.id)

        try await other
        // One slot is there again, and only one.
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await slots.withSlot { _ = await gate.pass() } }
            try await eventually { gate.waiting == 1 }
            group.addTask { try await slots.withSlot {} }
            try await eventually { slots.waiting == 1 }
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test func `a slot that was seized for a task is given back with it`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a", maxConcurrent: 1))
        // Its time is over: nobody asks the vendor, so nobody comes for the slot.
        let old = try await bench.create(after: Self.job("j"))
        bench.time.clock.advance(by: .seconds(3001))
        let new = try await bench.create()

        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await eventually { try await bench.row(new.id).status == .completed }
        }
        #expect(try await bench.row(old.id).failure?.code == .taskTimeout)
    }

    @Test func `a task that its own process forgot is taken up, one that it works on is left alone`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            if number == 1 { _ = await gate.pass() }
            return .pictures(number)
        }
        let bench = Bench(vendor.provider("a"), isPatient: true)
        let running = try await bench.create(node: "node-1")
        let forgotten = try await bench.create(node: "node-1")

        try await GatewayEngineTests.running(bench.engine()) { _ in
            #expect(bench.board.assign(running))
            try await eventually { gate.waiting == 1 }
            try await eventually {
                await bench.time.clock.untilSleeping(1)
                bench.time.clock.advance(by: .seconds(100))
                return try await bench.row(forgotten.id).status.isFinal
            }
            #expect(vendor.ledger.submissions == 2)
            gate.open()
        }

        #expect(try await bench.row(running.id).status == .completed)
        #expect(try await bench.row(forgotten.id).status == .completed)
        #expect(vendor.ledger.submissions == 2)
    }

    @Test func `a task that is handed out twice runs once, and whoever waits for it gets its picture`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            _ = await gate.pass()
            return .pictures(number)
        }
        let bench = Bench(vendor.provider("a"), isPatient: true)
        let task = try await bench.create(needsLink: false, node: "node-1")
        let place = bench.board.expect(task.id)
        var delivery: Delivery?

        try await running(bench.engine()) { _ in
            #expect(bench.board.assign(task) && bench.board.assign(task))
            try await eventually { gate.waiting == 1 }
            // Behind both in the line.
            let next = try await bench.create(node: "node-1")
            #expect(bench.board.assign(next))
            try await eventually { gate.waiting == 2 }
            gate.open()
            for await given in place { delivery = given }
        }

        #expect(delivery?.task.status == .completed)
        #expect(vendor.ledger.submissions == 2)
    }

    @Test func `one look does not make a task a forgotten one`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a"))
        let parts = bench.parts.with(book: RunBook(board: bench.board))
        let task = try await bench.create(node: "node-1", after: [.claimed(node: "node-1", portions: [1])])
        bench.time.clock.advance(by: .seconds(1))
        let inspection = Inspection(parts: parts, outages: Outages())

        #expect(await inspection.forgotten().isEmpty)
        #expect(parts.book?.begin(task.id) == true)
        #expect(await inspection.forgotten().isEmpty)
        parts.book?.end(task.id)
        #expect(await inspection.forgotten().isEmpty)
        #expect(await inspection.forgotten().map(\.id) == [task.id])
        #expect(try await bench.row(task.id).version == task.version + 1)
    }

    @Test func `a submission that was forgotten on its way is unknown when it is taken up`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a"))
        let parts = bench.parts.with(book: RunBook(board: bench.board))
        let events: [TaskEvent] = [
            .claimed(node: "node-1", portions: [1]),
            .submitting(portion: 0, provider: "a", model: "one", warnings: []),
        ]
        try await bench.create(after: events)
        bench.time.clock.advance(by: .seconds(1))
        let inspection = Inspection(parts: parts, outages: Outages())

        _ = await inspection.forgotten()
        let taken = try #require(await inspection.forgotten().first)

        #expect(taken.attempts.map(\.outcome) == [.unknown])
        #expect(taken.portions.map(\.stage) == [.queued])
    }

    @Test(arguments: [true, false])
    func `what nobody could ever get is not bought after a restart`(wasSent: Bool) async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))
        let parts = bench.parts.with(hasStorage: false)
        let sent: [TaskEvent] = [.submitting(portion: 0, provider: "a", model: "one", warnings: [])]
        let events: [TaskEvent] = [.claimed(node: "gone", portions: [1])] + (wasSent ? sent : [])
        let adopted = try await bench.adopted(after: events)

        let live = LiveTask(adopted, store: bench.store, board: bench.board, time: bench.time, logger: Bench.logger)
        await TaskRun(live: live, parts: parts, logger: Bench.logger).run()

        let row = try await bench.row(adopted.id)
        #expect(vendor.ledger.submissions == 0)
        #expect(row.failure?.code == (wasSent ? .outcomeUnknown : .taskCancelled))
    }
}
