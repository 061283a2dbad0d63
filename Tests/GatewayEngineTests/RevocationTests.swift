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

    /// Cancelled by a call to this process, which says so, or to another, of which only the row tells.
    @Test(arguments: [true, false])
    func `a task that is cancelled while it stands in line is never sent`(isTold: Bool) async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .pictures(3)
        }
        let bench = Bench(vendor.provider("a", maxConcurrent: 1))
        let first = Task { try await bench.draw() }
        try await eventually { gate.waiting == 1 }
        let task = try await bench.create(node: "node-1")
        let second = Task { try await bench.run(task) }
        try await eventually { bench.parts.pool["a"]?.slots.waiting == 1 }

        let row = try await bench.row(task.id)
        let failure = TaskFailure(.taskCancelled, "Cancelled.")
        let cancelled = try row.applying(.gaveUp(failure), at: bench.time.now)
        try await bench.store.update(cancelled, from: row.version)
        if isTold { bench.board.revoke(task.id) }
        gate.open()

        #expect(try await first.value.status == .completed)
        #expect(try await second.value == cancelled)
        #expect(cancelled.attempts.isEmpty)
        #expect(vendor.ledger.submissions == 1)
        #expect(bench.objects.objects.count == 1)
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

    @Test func `of a task that is cancelled between two pictures the first is due for deletion at once`() async throws {
        let (store, gate) = (MemoryTaskStore(), Gate())
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .put(let key) = call, key.description.hasSuffix("-1.png") else { return }
            if await !gate.pass() { throw ObjectError(.unavailable, isTemporary: true, "Cut off.") }
        }
        let bench = Bench(FakeVendor.saying(.pictures(1, 2)).provider("a"), store: store, objects: objects)
        let task = try await bench.create(model: "two", count: 2, node: "node-1")

        async let ended = bench.run(task)
        try await eventually { gate.waiting == 1 && objects.objects.count == 1 }
        try await Self.cancel(task.id, bench)
        _ = try await ended

        let kept = try #require(objects.objects.keys.first)
        #expect(objects.objects.count == 1)
        #expect(store.deletions.first { $0.key == kept }?.due == bench.time.now)
    }

    @Test func `nothing is kept of runs that are over`() async throws {
        let bench = Bench(FakeVendor.saying(.pictures(3)).provider("a"))

        let task = try await bench.draw()
        bench.board.revoke(task.id)

        #expect(task.status == .completed)
        #expect(bench.objects.objects.count == 1)
    }
}
