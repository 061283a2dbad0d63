// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import ServiceLifecycle
import Testing

/// How an engine stops.
@Suite(.timeLimit(.minutes(5))) struct ShutdownTests {
    /// A vendor whose calls end when a gate opens; one that is cut off says that nobody knows.
    private static func vendor(_ gate: Gate) -> FakeVendor {
        FakeVendor { _, number in await gate.pass() ? .pictures(number) : .failing(.outcomeUnknown) }
    }

    @Test func `an idle engine stops at once`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a"))

        try await running(bench.engine()) { _ in await bench.time.clock.untilSleeping(1) }
    }

    @Test func `what runs is finished, and nothing new is begun`() async throws {
        let gate = Gate()
        let vendor = Self.vendor(gate)
        let bench = Bench(vendor.provider("a"))
        let first = try await bench.create()

        try await running(bench.engine()) { group in
            bench.board.signalQueue()
            try await eventually { gate.waiting == 1 }
            await group.triggerGracefulShutdown()
            // The heartbeat, the task's own end, and the limit of draining.
            await bench.time.clock.untilSleeping(3)
            try await bench.create()
            bench.board.signalQueue()
            let late = try await bench.create(node: "node-1")
            #expect(!bench.board.assign(late))
            gate.open()
        }

        #expect(try await bench.row(first.id).status == .completed)
        #expect(vendor.ledger.submissions == 1)
        #expect(try await bench.store.pendingCount() == 1)
    }

    @Test func `what is not done in time goes back, and another engine goes on with it`() async throws {
        let gate = Gate()
        let vendor = Self.vendor(gate)
        let bench = Bench(vendor.provider("a", maxConcurrent: 1))
        let first = try await bench.create()
        let second = try await bench.create()

        try await running(bench.engine()) { group in
            bench.board.signalQueue()
            try await eventually { gate.waiting == 1 && bench.parts.pool["a"] != nil }
            try await eventually { try await bench.row(second.id).status == .inProgress }
            await group.triggerGracefulShutdown()
            // What only waits for room is back at once, what a vendor is answering has the time of draining.
            try await eventually { try await bench.row(second.id).node == nil }
            #expect(try await bench.row(first.id).node == "node-1")
            await bench.time.clock.untilSleeping(3)
            bench.time.clock.advance(by: .seconds(400))
        }

        let rows = [try await bench.row(first.id), try await bench.row(second.id)]
        #expect(rows.map(\.node) == [nil, nil])
        #expect(rows.map(\.status) == [.inProgress, .inProgress])
        #expect(rows.map { $0.attempts.map(\.outcome) }.sorted { $0.count < $1.count } == [[], [.unknown]])
        #expect(try await bench.store.pendingCount() == 2)

        gate.open()
        let board = TaskBoard()
        try await running(bench.engine(node: "node-2", board: board)) { _ in
            board.signalQueue()
            let tasks = try await bench.untilAllFinal()
            #expect(tasks.allSatisfy { $0.status == .completed })
        }
        #expect(vendor.ledger.submissions == 3)
    }

    @Test func `a job goes back as it is and is never submitted again`() async throws {
        let vendor = FakeVendor.init(poll: { _, _ in .pictures(3) }) { _, _ in .job("j") }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(600)))
        let task = try await bench.create()

        try await running(bench.engine()) { group in
            bench.board.signalQueue()
            try await eventually { try await bench.row(task.id).isResting }
            await group.triggerGracefulShutdown()
            // The clock stands still: nobody waits for a job before the process may end.
        }

        let row = try await bench.row(task.id)
        #expect(row.node == nil)
        #expect(row.isResting)

        let board = TaskBoard()
        try await running(bench.engine(node: "node-2", board: board)) { _ in
            board.signalQueue()
            try await eventually {
                bench.time.clock.advance(by: .seconds(50))
                return try await bench.row(task.id).status.isFinal
            }
            #expect(try await bench.row(task.id).status == .completed)
        }
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a task whose caller waits is worked on until the limit, and the caller is told then`() async throws {
        let vendor = FakeVendor.init(poll: { _, _ in .job("j") }) { _, _ in .job("j") }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(600)), isPatient: true)
        let task = try await bench.create(needsLink: false, node: "node-1")
        let deliveries = bench.board.expect(task.id)

        try await running(bench.engine()) { group in
            #expect(bench.board.assign(task))
            try await eventually { try await bench.row(task.id).isResting }
            await group.triggerGracefulShutdown()
            // The heartbeat, the one timer for all that rests, and the limit of draining.
            await bench.time.clock.untilSleeping(3)
            #expect(try await bench.row(task.id).node == "node-1")
            #expect(bench.board.isAwaited(task.id))
            bench.time.clock.advance(by: .seconds(400))
        }

        for await _ in deliveries { Issue.record("There is nothing to deliver.") }
        let row = try await bench.row(task.id)
        #expect(row.node == nil)
        #expect(row.isResting)
    }

    @Test func `a call that is written down in the moment of the stop is answered, and not cut off`() async throws {
        let (writing, answering) = (Gate(), Gate())
        let vendor = Self.vendor(answering)
        let store = HookedStore(updating: { task in
            if case .submitting = task.portions.first?.stage { _ = await writing.pass() }
            return nil
        })
        let bench = Bench(vendor.provider("a"), store: store)
        let task = try await bench.create()

        try await running(bench.engine()) { group in
            bench.board.signalQueue()
            try await eventually { writing.waiting == 1 }
            await group.triggerGracefulShutdown()
            // The heartbeat, the task's own end, and the limit of draining.
            await bench.time.clock.untilSleeping(3)
            writing.open()
            try await eventually { answering.waiting == 1 }
            answering.open()
        }

        let row = try await bench.row(task.id)
        #expect(row.status == .completed)
        #expect(row.attempts.map(\.outcome) == [.succeeded])
    }

    @Test func `while one portion's call is answered no other portion is submitted`() async throws {
        let gate = Gate()
        let vendor = Self.vendor(gate)
        let bench = Bench(vendor.provider("a", maxConcurrent: 1))
        let task = try await bench.create(count: 2)

        try await running(bench.engine()) { group in
            bench.board.signalQueue()
            try await eventually { gate.waiting == 1 }
            await group.triggerGracefulShutdown()
            await bench.time.clock.untilSleeping(3)
            gate.open()
        }

        let row = try await bench.row(task.id)
        #expect(vendor.ledger.submissions == 1)
        #expect(row.node == nil)
        #expect(row.status == .inProgress)
        #expect(row.attempts.map(\.outcome) == [.succeeded])
        #expect(row.portions.filter(\.stage.isFinal).count == 1)
    }

    @Test func `the board alone can begin the end, and whoever watches is told when it is over`() async throws {
        let gate = Gate()
        let bench = Bench(Self.vendor(gate).provider("a"))
        let task = try await bench.create()
        let changes = bench.board.changes(of: task.id)
        let engine = bench.engine()

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            bench.board.signalQueue()
            try await eventually { gate.waiting == 1 }
            bench.board.stopTaking()
            gate.open()
            try await group.waitForAll()
        }

        for await _ in changes {}
        for await _ in bench.board.changes(of: task.id) {}
        for await _ in bench.board.expect(task.id) {}
        #expect(try await bench.row(task.id).status == .completed)
    }

    @Test func `an engine that is cut off hands back what it has`() async throws {
        let gate = Gate()
        let bench = Bench(Self.vendor(gate).provider("a"))
        let task = try await bench.create()
        let run = Task { try await bench.engine().run() }
        bench.board.signalQueue()
        try await eventually { gate.waiting == 1 }

        run.cancel()
        _ = await run.result

        let row = try await bench.row(task.id)
        #expect(row.node == nil)
        #expect(row.attempts.map(\.outcome) == [.unknown])
    }
}
