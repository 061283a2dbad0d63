// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import ServiceLifecycle
import Testing

/// How an engine stops.
@Suite(.timeLimit(.minutes(2))) struct ShutdownTests {
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
            await bench.time.clock.untilSleeping(4)
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
            await bench.time.clock.untilSleeping(4)
            bench.time.clock.advance(by: .seconds(400))
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
