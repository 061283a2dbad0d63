// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

/// Tasks that somebody else ends while they run.
@Suite struct RevocationTests {
    /// Ends a task as its caller does: by the row, then by the board.
    private static func cancel(_ id: TaskID, _ bench: Bench) async throws {
        let row = try await bench.row(id)
        let failure = TaskFailure(.taskCancelled, "Cancelled.")
        try await bench.store.update(try row.applying(.gaveUp(failure), at: bench.time.now), from: row.version)
        bench.board.revoke(id)
    }

    @Test func `the call of a cancelled task is broken off, and its picture is not kept`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .pictures(3)
        }
        let bench = Bench(vendor.provider("a"), FakeVendor.saying(.pictures(1)).provider("b"))
        let task = try await bench.create(node: "node-1")

        async let ended = bench.run(task)
        try await eventually { gate.waiting == 1 }
        try await Self.cancel(task.id, bench)
        gate.open()
        let row = try await ended

        #expect(row.failure?.code == .taskCancelled)
        #expect(row.attempts.map(\.outcome) == [.cancelled])
        #expect(bench.objects.objects.isEmpty)
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a vendor is not asked any more for the work of a cancelled task`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .job("j")
        } submit: { _, _ in
            .job("j")
        }
        let bench = Bench(vendor.provider("a"))
        let task = try await bench.create(node: "node-1")

        async let ended = bench.run(task)
        try await eventually { gate.waiting == 1 }
        try await Self.cancel(task.id, bench)
        gate.open()
        let row = try await ended

        #expect(row.attempts.map(\.outcome) == [.cancelled])
        #expect(vendor.ledger.polls == 1)
    }

    @Test func `a deleted task's call is broken off, and nothing of it stays`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .pictures(3)
        }
        let bench = Bench(vendor.provider("a"), FakeVendor.saying(.pictures(1)).provider("b"))
        let task = try await bench.create(node: "node-1")
        let live = LiveTask(task, store: bench.store, board: bench.board, time: bench.time, logger: Bench.logger)

        async let ended: Void = TaskRun(live: live, parts: bench.parts, logger: Bench.logger).run()
        try await eventually { gate.waiting == 1 }
        try await bench.store.delete(task.id, owner: nil, now: bench.time.now)
        bench.board.revoke(task.id)
        await ended

        #expect(gate.waiting == 0, "the call was broken off, although the gate is shut")
        #expect(bench.objects.objects.isEmpty)
        #expect(vendor.ledger.submissions == 1)
        #expect(try await bench.store.task(task.id, owner: nil) == nil)
    }

    @Test func `nothing is kept of runs that are over`() async throws {
        let bench = Bench(FakeVendor.saying(.pictures(3)).provider("a"))

        let task = try await bench.draw()
        bench.board.revoke(task.id)

        #expect(task.status == .completed)
        #expect(bench.objects.objects.count == 1)
    }
}
