// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

/// The clocks of a task: how long it may wait, how long a call may take, how long all of it may take.
///
/// Each counts from a moment in the row, so a restart gives nobody more time.
@Suite(.timeLimit(.minutes(5))) struct ClockTests {
    private static func job(_ name: String) -> [TaskEvent] {
        [
            .claimed(node: "gone", portions: [1]),
            .submitting(portion: 0, provider: "a", model: "one", warnings: []),
            .accepted(portion: 0, job: ProviderJob(id: name)),
        ]
    }

    private func inspection(_ bench: Bench) -> Inspection { Inspection(parts: bench.parts, outages: Outages()) }

    @Test func `a task that nobody takes ends when its time is over, however full everything is`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a"))
        let old = try await bench.create()
        let claimed = try await bench.create(after: [.claimed(node: "node-1", portions: [1])])
        let released = try await bench.create(after: [.claimed(node: "gone", portions: [1]), .released])
        bench.time.clock.advance(by: .seconds(899))
        let young = try await bench.create()

        await inspection(bench).endOverdue()
        #expect(try await bench.row(old.id).status == .pending)
        bench.time.clock.advance(by: .seconds(2))
        await inspection(bench).endOverdue()

        for id in [old.id, released.id] {
            let row = try await bench.row(id)
            #expect(row.status == .failed)
            #expect(row.failure?.code == .taskTimeout)
        }
        #expect(try await bench.row(claimed.id) == claimed)
        #expect(try await bench.row(young.id) == young)
    }

    @Test func `a row that cannot be read stands in nobody's way`() async throws {
        let store = MemoryTaskStore()
        let bench = Bench(FakeVendor.saying().provider("a"), store: store)
        let damaged = try await bench.create()
        let behind = try await bench.create()
        bench.time.clock.advance(by: .seconds(901))
        store.fail([nil, StoreError(.unreadable, "The row is damaged.")])

        await inspection(bench).endOverdue()

        #expect(try await bench.row(damaged.id).status == .pending)
        #expect(try await bench.row(behind.id).failure?.code == .taskTimeout)
    }

    @Test func `an engine that cannot claim ends what waits for it all the same`() async throws {
        let store = HookedStore(claiming: { StoreError(.unavailable, "Nothing can be claimed.") })
        let bench = Bench(FakeVendor.saying().provider("a"), isPatient: true, store: store)
        let task = try await bench.create()

        try await running(bench.engine()) { _ in
            try await eventually {
                await bench.time.clock.untilSleeping(1)
                bench.time.clock.advance(by: .seconds(100))
                return try await bench.row(task.id).status.isFinal
            }
        }

        let row = try await bench.row(task.id)
        #expect(row.failure?.code == .taskTimeout)
        #expect(task.createdAt.duration(to: try #require(row.completedAt)) >= .seconds(3000))
    }

    @Test func `whoever watches a task that waited in vain is told`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a"))
        let task = try await bench.create()
        bench.time.clock.advance(by: .seconds(901))
        var changes = bench.board.changes(of: task.id).makeAsyncIterator()

        await inspection(bench).endOverdue()

        #expect(await changes.next() != nil)
    }

    @Test func `the whole time counts from the making of the task, not from the start of a process`() async throws {
        let vendor = FakeVendor.init(poll: { _, _ in .job("j") }) { _, _ in .failing(.notUnderstood) }
        let bench = Bench(vendor.provider("a"))
        let task = try await bench.create(after: Self.job("j"))
        bench.time.clock.advance(by: .seconds(500))
        let adopted = try await bench.store.adopt(
            node: "node-1",
            silentSince: bench.time.now,
            limit: 9,
            now: bench.time.now
        )

        let ended = try await bench.run(try #require(adopted.first))

        #expect(ended.failure?.code == .taskTimeout)
        let took = task.createdAt.duration(to: try #require(ended.completedAt))
        #expect(took >= .seconds(900))
        #expect(took < .seconds(920))
        #expect(vendor.ledger.polls > 0)
    }

    @Test func `a task whose time was over while no process lived is ended, and nothing is bought for it`() async throws
    {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))
        try await bench.create(after: [.claimed(node: "gone", portions: [1])])
        bench.time.clock.advance(by: .seconds(901))
        let adopted = try await bench.store.adopt(
            node: "node-1",
            silentSince: bench.time.now,
            limit: 9,
            now: bench.time.now
        )

        let ended = try await bench.run(try #require(adopted.first))

        #expect(ended.failure?.code == .taskTimeout)
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `an attempt keeps the moment it was written down, whoever takes the task over`() async throws {
        let bench = Bench(FakeVendor.init(poll: { _, _ in .pictures(4) }) { _, _ in .job("j") }.provider("a"))
        let task = try await bench.create(after: Self.job("j"))
        let began = try #require(task.attempts.first?.startedAt)
        bench.time.clock.advance(by: .seconds(100))
        let adopted = try await bench.store.adopt(
            node: "node-1",
            silentSince: bench.time.now,
            limit: 9,
            now: bench.time.now
        )

        let ended = try await bench.run(try #require(adopted.first))

        #expect(ended.attempts.map(\.startedAt) == [began])
        let took = began.duration(to: try #require(ended.attempts.first?.endedAt))
        #expect(took >= .seconds(100))
    }
}
