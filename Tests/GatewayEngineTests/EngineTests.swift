// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import ServiceLifecycle
import Synchronization
import Testing

/// The engine as it runs in a process.
///
/// Its heartbeat stands still until a test moves the clock, so that nothing is found by looking again.
@Suite(.timeLimit(.minutes(5))) struct EngineTests {
    @Test func `two thousand tasks are each bought once and finished once`() async throws {
        let vendor = FakeVendor { _, number in
            if number % 3 == 0 { await Task.yield() }
            return .pictures(number)
        }
        let bench = Bench(vendor.provider("a", maxConcurrent: 32))
        for _ in 0..<2000 { try await bench.create() }

        try await running(bench.engine(workers: 64)) { _ in
            bench.board.signalQueue()
            let tasks = try await bench.untilAllFinal()

            #expect(tasks.count == 2000)
            #expect(tasks.allSatisfy { $0.status == .completed && $0.pictures.count == 1 && $0.attempts.count == 1 })
            #expect(Set(tasks.flatMap(\.headers).map(\.size.width)).count == 2000)
        }

        #expect(vendor.ledger.submissions == 2000)
        #expect(vendor.ledger.most <= 32)
        #expect(bench.objects.calls.count == 2000)
        #expect(bench.board.isQuiet)
    }

    @Test func `two engines on one store buy nothing twice`() async throws {
        let vendor = FakeVendor { _, number in
            await Task.yield()
            return .pictures(number)
        }
        let bench = Bench(vendor.provider("a", maxConcurrent: 8))
        for _ in 0..<600 { try await bench.create() }
        let other = TaskBoard()

        try await running(bench.engine(node: "node-1", workers: 4)) { _ in
            try await running(bench.engine(node: "node-2", board: other, workers: 4)) { _ in
                bench.board.signalQueue()
                other.signalQueue()
                let tasks = try await bench.untilAllFinal()
                #expect(tasks.allSatisfy { $0.status == .completed && $0.attempts.count == 1 })
            }
        }

        #expect(vendor.ledger.submissions == 600)
        #expect(bench.objects.calls.count == 600)
    }

    @Test func `a task that there is room for runs without being claimed`() async throws {
        let bench = Bench(FakeVendor { _, number in .pictures(number) }.provider("a", maxConcurrent: 4))

        try await running(bench.engine(workers: 1)) { _ in
            for _ in 0..<5 {
                let id = bench.samples.id()
                let room = try await bench.room(for: id)
                let task = try await bench.create(id: id, node: "node-1")
                bench.board.assign(task, room: room)
                try await eventually { try await bench.row(task.id).status.isFinal }
                #expect(try await bench.row(task.id).status == .completed)
                // Made by the server, claimed and submitted in one write, stored: a claim alone would be one version more.
                #expect(try await bench.row(task.id).version == 3)
            }
        }
        #expect(bench.board.isQuiet)
    }

    @Test func `room that nobody uses is given back, and whoever waits meanwhile gets it`() async throws {
        let bench = Bench(FakeVendor.saying(.pictures(1)).provider("a", maxConcurrent: 4))

        try await running(bench.engine(workers: 1)) { _ in
            var rooms = [try await bench.room(for: bench.samples.id())]
            while let room = bench.board.room(for: bench.samples.id(), model: "one") { rooms.append(room) }
            #expect(rooms.count == 2)
            let queued = try await bench.create()
            bench.board.signalQueue()
            // The engine has looked, and there was no room.
            try await eventually { bench.board.room(for: bench.samples.id(), model: "one") == nil }
            #expect(try await bench.row(queued.id).status == .pending)

            rooms.removeAll()
            try await eventually { try await bench.row(queued.id).status == .completed }
        }
    }

    @Test func `a signal that comes while there is no room is not lost`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            _ = await gate.pass()
            return .pictures(number)
        }
        let bench = Bench(vendor.provider("a"))

        try await running(bench.engine(workers: 1)) { _ in
            for _ in 0..<3 {
                try await bench.create()
                bench.board.signalQueue()
            }
            try await eventually { gate.waiting == 1 }
            for _ in 0..<30 {
                try await bench.create()
                bench.board.signalQueue()
            }
            gate.open()

            #expect(try await bench.untilAllFinal().count == 33)
        }
    }

    @Test func `a full vendor does not keep the tasks of another waiting`() async throws {
        let gate = Gate()
        let slow = FakeVendor { _, number in
            _ = await gate.pass()
            return .pictures(number)
        }
        let quick = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(
            slow.provider("slow", maxConcurrent: 2),
            quick.provider("quick", maxConcurrent: 2),
            routes: [.init(match: "", providers: ["slow"]), .init(match: "four", providers: ["quick"])]
        )
        for _ in 0..<50 { try await bench.create(model: "one") }
        for _ in 0..<50 { try await bench.create(model: "solo") }
        let last = try await bench.create(model: "four")

        try await running(bench.engine(workers: 8)) { _ in
            bench.board.signalQueue()
            try await eventually { try await bench.row(last.id).status == .completed }

            // As many as the vendor takes, and as many again at the door.
            try await eventually { gate.waiting == 2 }
            let begun = try await bench.store.list(TaskQuery(owner: "alice", limit: 200, status: .inProgress)).tasks
            #expect(begun.count == 4)
            #expect(slow.ledger.submissions == 2)
            gate.open()
            #expect(try await bench.untilAllFinal().count == 101)
        }

        #expect(slow.ledger.most == 2)
    }

    @Test func `three hundred jobs wait at a vendor although there are four workers`() async throws {
        let vendor = FakeVendor.init(poll: { _, number in .pictures(number) }) { _, number in .job("j\(number)") }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(500)))
        for _ in 0..<300 { try await bench.create() }

        try await running(bench.engine(workers: 4)) { _ in
            bench.board.signalQueue()
            try await eventually {
                try await bench.store.list(TaskQuery(owner: "alice", limit: 300)).tasks.allSatisfy(\.isResting)
            }
            #expect(vendor.ledger.submissions == 300)
            #expect(vendor.ledger.most <= 4)
            // One timer for all of them, and the heartbeat.
            try await eventually { bench.time.clock.sleeperCount == 2 }
            try await eventually {
                bench.time.clock.advance(by: .seconds(50))
                return try await bench.store.list(TaskQuery(owner: "alice", limit: 300)).tasks
                    .allSatisfy(\.status.isFinal)
            }
            let tasks = try await bench.untilAllFinal()
            #expect(tasks.allSatisfy { $0.status == .completed })
        }

        #expect(vendor.ledger.submissions == 300)
        #expect(vendor.ledger.polls == 300)
    }

    @Test func `tasks of callers who wait here are run without being claimed`() async throws {
        let vendor = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(vendor.provider("a"))

        try await running(bench.engine()) { _ in
            let task = try await bench.create(needsLink: false, node: "node-1")
            let deliveries = bench.board.expect(task.id)
            bench.board.assign(task)

            var given: [Delivery] = []
            for await delivery in deliveries { given.append(delivery) }
            #expect(given.map(\.task.status) == [.completed])
        }

        #expect(bench.objects.calls.isEmpty)
    }

    @Test func `a database that is away when tasks are claimed is asked again with the heartbeat`() async throws {
        let isAway = Mutex(true)
        let wasAsked = Mutex(false)
        let store = HookedStore(claiming: {
            wasAsked.withLock { $0 = true }
            return isAway.withLock { $0 ? StoreError(.unavailable, "Away.") : nil }
        })
        let bench = Bench(FakeVendor.saying(.pictures(1)).provider("a"), store: store)
        try await bench.create()

        try await running(bench.engine()) { _ in
            try await eventually { wasAsked.withLock(\.self) }
            await bench.time.clock.untilSleeping(1)
            isAway.withLock { $0 = false }
            bench.time.clock.advance(by: .seconds(400))

            #expect(try await bench.untilAllFinal().map(\.status) == [.completed])
        }
    }

    @Test func `what a process that is gone left behind is found by the heartbeat`() async throws {
        let vendor = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(vendor.provider("a"))
        let events: [TaskEvent] = [
            .claimed(node: "gone", portions: [1]),
            .submitting(portion: 0, provider: "a", model: "one", warnings: []),
        ]
        let abandoned = try await bench.create(after: events)
        try await bench.store.heartbeat(node: "gone", now: bench.time.now)
        let kept = try await bench.create(after: [.claimed(node: "alive", portions: [1])])
        try await bench.store.heartbeat(node: "alive", now: bench.time.now)

        try await running(bench.engine()) { _ in
            for beat in 1...3 {
                await bench.time.clock.untilSleeping(1)
                try await bench.store.heartbeat(node: "alive", now: bench.time.now)
                #expect(try await bench.row(abandoned.id).node == "gone", "before beat \(beat)")
                bench.time.clock.advance(by: .seconds(400))
            }
            try await eventually { try await bench.row(abandoned.id).status.isFinal }
        }

        let row = try await bench.row(abandoned.id)
        #expect(row.attempts.map(\.outcome) == [.unknown, .succeeded])
        #expect(try await bench.row(kept.id).node == "alive")
    }

    @Test func `more abandoned tasks than one step takes are all taken over at once`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            _ = await gate.pass()
            return .pictures(number)
        }
        let bench = Bench(vendor.provider("a", maxConcurrent: 16))
        for _ in 0..<600 { try await bench.create(after: [.claimed(node: "gone", portions: [1])]) }

        try await running(bench.engine(workers: 4)) { _ in
            try await eventually {
                let tasks = try await bench.store.list(TaskQuery(owner: "alice", limit: 600)).tasks
                return tasks.count == 600 && tasks.allSatisfy { $0.node == "node-1" }
            }
            gate.open()
            let tasks = try await bench.untilAllFinal()
            #expect(tasks.allSatisfy { $0.status == .completed })
        }

        #expect(vendor.ledger.submissions == 600)
    }
}
