// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Synchronization
import Testing

/// Tasks that rest until a vendor is to be asked.
@Suite(.timeLimit(.minutes(5))) struct RestTests {
    /// A vendor whose jobs are done when a test says so.
    private static func vendor(_ isDone: @escaping @Sendable (ProviderJob) -> Bool) -> FakeVendor {
        FakeVendor.init(poll: { job, number in isDone(job) ? .pictures(number) : .job(job.id) }) { _, number in
            .job("j\(number)")
        }
    }

    private static func untilResting(_ bench: Bench, _ ids: TaskID...) async throws {
        for id in ids { try await eventually { try await bench.row(id).isResting } }
        // Two timers: the heartbeat's, and the one of all that rests; a task at work has one of its own.
        try await eventually { bench.time.clock.sleeperCount == 2 }
    }

    @Test func `a resting task that its caller ends is let go at once, and its vendor has room again`() async throws {
        let vendor = Self.vendor { _ in false }
        let bench = Bench(vendor.provider("a", maxConcurrent: 1, pollInterval: .seconds(500)), isPatient: true)
        let task = try await bench.create()
        let engine = bench.engine()

        try await running(engine) { _ in
            bench.board.signalQueue()
            try await Self.untilResting(bench, task.id)
            let next = try await bench.create()
            bench.board.signalQueue()
            try await eventually { engine.providersStatus.providers.first?.waiting == 1 }
            #expect(engine.providersStatus.providers.first?.inFlight == 1)

            let row = try await bench.row(task.id)
            let cancelled = TaskFailure(.taskCancelled, "Cancelled.")
            try await bench.store.update(try row.applying(.gaveUp(cancelled), at: bench.time.now), from: row.version)
            bench.board.revoke(task.id)

            // The clock stands still.
            try await eventually { try await bench.row(next.id).isResting }
            #expect(engine.providersStatus.providers.first?.inFlight == 1)
        }

        #expect(try await bench.row(task.id).attempts.map(\.outcome) == [.cancelled])
        #expect(vendor.ledger.polls == 0)
    }

    @Test func `a resting task whose time is over ends then, whenever its vendor was to be asked`() async throws {
        let vendor = Self.vendor { _ in false }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(8000)), isPatient: true)
        let task = try await bench.create()

        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await Self.untilResting(bench, task.id)
            bench.time.clock.advance(by: .seconds(2999))
            try await Self.untilResting(bench, task.id)
            bench.time.clock.advance(by: .seconds(1))
            try await eventually { try await bench.row(task.id).status.isFinal }
        }

        let row = try await bench.row(task.id)
        #expect(row.failure?.code == .taskTimeout)
        #expect(row.attempts.map(\.outcome) == [.unknown])
        #expect(vendor.ledger.polls == 0)
    }

    @Test func `while one portion is at work the others are asked in time`() async throws {
        let gate = Gate()
        let vendor = FakeVendor.init(poll: { job, number in job.id == "j1" ? .pictures(number) : .job(job.id) }) {
            _,
            number in
            if number == 2 { _ = await gate.pass() }
            return .job("j\(number)")
        }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)), isPatient: true)
        let task = try await bench.create(count: 2)

        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await eventually { gate.waiting == 1 && vendor.ledger.submissions == 2 }
            // The heartbeat, the task's own end, the poll of the one that waits.
            await bench.time.clock.untilSleeping(3)
            bench.time.clock.advance(by: .seconds(11))
            try await eventually { try await bench.row(task.id).portions.filter(\.stage.isFinal).count == 1 }
            #expect(gate.waiting == 1)
            gate.open()
            try await Self.untilResting(bench, task.id)
            #expect(vendor.ledger.jobs.map(\.id) == ["j1"])
        }
    }

    @Test func `of two resting portions each goes on when its own job is done`() async throws {
        let done = Mutex<Set<String>>([])
        let vendor = Self.vendor { job in done.withLock { $0.contains(job.id) } }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)), isPatient: true)
        let task = try await bench.create(count: 2)

        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await Self.untilResting(bench, task.id)
            for (count, job) in ["j2", "j1"].enumerated() {
                done.withLock { _ = $0.insert(job) }
                try await eventually {
                    bench.time.clock.advance(by: .seconds(1))
                    return try await bench.row(task.id).portions.filter(\.stage.isFinal).count == count + 1
                }
                #expect(vendor.ledger.submissions == 2)
            }
            #expect(try await bench.untilAllFinal().map(\.status) == [.completed])
        }
        #expect(try await bench.row(task.id).pictures.count == 2)
    }

    /// Runs an engine with a task whose vendor does not answer the question that is asked of it.
    private static func hanging(_ body: (Gate, Bench, TaskID) async throws -> Void) async throws {
        let gate = Gate()
        let vendor = FakeVendor.init(poll: { _, _ in await gate.pass() ? .pictures(1) : .failing(.unreachable) }) {
            _,
            _ in .job("j")
        }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)), isPatient: true)
        let task = try await bench.create()
        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await untilResting(bench, task.id)
            bench.time.clock.advance(by: .seconds(11))
            try await untilHanging(gate, bench)
            try await body(gate, bench, task.id)
        }
    }

    private static func untilHanging(_ gate: Gate, _ bench: Bench) async throws {
        try await eventually { gate.waiting == 1 }
        // The heartbeat, and the end of the task's time.
        await bench.time.clock.untilSleeping(2)
    }

    @Test func `a question that hangs is broken off when the task is ended`() async throws {
        try await Self.hanging { gate, bench, id in
            try await bench.store.delete(id, owner: nil, now: bench.time.now)
            bench.board.revoke(id)
            try await eventually { gate.waiting == 0 }
            #expect(bench.objects.objects.isEmpty)
        }
    }

    @Test func `a question that hangs does not keep a task beyond its time`() async throws {
        try await Self.hanging { _, bench, id in
            bench.time.clock.advance(by: .seconds(3000))
            try await eventually { try await bench.row(id).status.isFinal }
            #expect(try await bench.row(id).failure?.code == .taskTimeout)
        }
    }

    @Test func `a picture that comes while another question hangs is kept, and stays when the time is over`()
        async throws
    {
        let gate = Gate()
        let vendor = FakeVendor.init(poll: { job, number in
            if job.id == "j1" { return .pictures(number) }
            return await gate.pass() ? .pictures(number) : .failing(.unreachable)
        }) { _, number in .job("j\(number)") }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)), isPatient: true)
        let task = try await bench.create(count: 2)

        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await Self.untilResting(bench, task.id)
            bench.time.clock.advance(by: .seconds(12))
            try await eventually { try await bench.row(task.id).pictures.count == 1 }
            try await Self.untilHanging(gate, bench)
            bench.time.clock.advance(by: .seconds(3000))
            try await eventually { try await bench.row(task.id).status.isFinal }
        }
        let row = try await bench.row(task.id)
        #expect(row.status == .completed)
        #expect(row.pictures.count == 1)
    }

    @Test func `a picture that comes with the last question, after the time is over, is kept`() async throws {
        let bench = Bench(isPatient: true)
        let time = bench.time.clock
        let vendor = FakeVendor.init(poll: { _, _ in
            time.advance(by: .seconds(3000))
            return .pictures(3)
        }) { _, _ in .job("j") }
        let late = Bench(vendor.provider("a", pollInterval: .seconds(10)), time: bench.time)
        let task = try await late.create(node: "node-1")

        async let ended = late.run(task)
        try await eventually {
            time.advance(by: .seconds(1))
            return vendor.ledger.polls == 1
        }
        let row = try await ended

        #expect(row.status == .completed)
        #expect(row.pictures.count == 1)
    }

    @Test func `a job that fails after its task has rested goes to the next provider, with what was learned`()
        async throws
    {
        let first = FakeVendor.init(poll: { _, _ in .failing(.failed) }) { _, _ in .job("j") }
        let second = FakeVendor.saying(.pictures(3))
        let bench = Bench(first.provider("a", pollInterval: .seconds(10)), second.provider("b"), isPatient: true)
        let task = try await bench.create()

        try await running(bench.engine()) { _ in
            bench.board.signalQueue()
            try await Self.untilResting(bench, task.id)
            bench.time.clock.advance(by: .seconds(11))
            #expect(try await bench.untilAllFinal().map(\.status) == [.completed])
        }
        let row = try await bench.row(task.id)
        #expect(row.attempts.map(\.provider) == ["a", "b"])
        #expect(row.attempts.map(\.outcome) == [.failed, .succeeded])
        #expect(first.ledger.submissions == 1)
    }

    @Test func `a caller who waits gets the picture of a task that rested`() async throws {
        let vendor = Self.vendor { _ in true }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)), isPatient: true)
        let task = try await bench.create(needsLink: false, node: "node-1")
        let deliveries = bench.board.expect(task.id)

        try await running(bench.engine()) { _ in
            #expect(bench.board.assign(task))
            try await Self.untilResting(bench, task.id)
            bench.time.clock.advance(by: .seconds(11))
            var given: [Delivery] = []
            for await delivery in deliveries { given.append(delivery) }
            #expect(given.map(\.pictures.count) == [1])
        }
        #expect(bench.objects.calls.isEmpty)
        #expect(bench.board.isQuiet)
    }

    @Test func `what rests when its process is cut off is handed back`() async throws {
        let bench = Bench(Self.vendor { _ in false }.provider("a", pollInterval: .seconds(500)), isPatient: true)
        for _ in 0..<20 { try await bench.create() }
        let run = Task { try await bench.engine().run() }
        bench.board.signalQueue()
        try await eventually {
            try await bench.store.list(TaskQuery(owner: "alice", limit: 20)).tasks.allSatisfy(\.isResting)
        }
        try await eventually { bench.time.clock.sleeperCount == 2 }

        run.cancel()
        _ = await run.result

        let rows = try await bench.store.list(TaskQuery(owner: "alice", limit: 20)).tasks
        #expect(rows.allSatisfy { $0.node == nil && $0.isResting })
    }

    @Test func `the time of day may be set back by an hour, and vendors are asked as before`() async throws {
        let vendor = FakeVendor.saying(.job("j"), polled: [.job("j"), .pictures(3)])
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)), isPatient: true)
        let time = ShiftedTime(bench.time.clock)
        let task = try await bench.create(node: "node-1")
        let live = LiveTask(task, store: bench.store, board: bench.board, time: time, logger: Bench.logger)
        let run = TaskRun(live: live, parts: bench.parts.with(time: time), logger: Bench.logger)

        async let ended: Void = run.run()
        try await eventually { try await bench.row(task.id).isResting }
        time.setBack(by: .seconds(3600))
        for count in 1...2 {
            try await eventually {
                bench.time.clock.advance(by: .seconds(1))
                return vendor.ledger.polls == count
            }
        }
        await ended

        #expect(try await bench.row(task.id).status == .completed)
    }
}

/// What an attempt takes up, and how a run is called.
@Suite struct HoldTests {
    @Test func `a hold that is dropped without a word gives its slot and its permit back`() async throws {
        let member = ProviderPool.Member(FakeVendor.saying().provider("a", maxConcurrent: 1))
        let time = ManualTime()
        var hold: Hold? = Hold(of: member, time: time, logger: Bench.logger)
        try await member.slots.take()
        hold?.take(member.following("one", key: nil, at: time.now))
        #expect(member.status(models: ["one"], at: time.now).inFlight == 1)

        hold = nil

        #expect(member.status(models: ["one"], at: time.now).inFlight == 0)
        try await member.slots.withSlot {}
    }

    @Test func `of several words about a hold the first one counts`() async throws {
        let member = ProviderPool.Member(FakeVendor.saying().provider("a", maxConcurrent: 1))
        let time = ManualTime()
        try await member.slots.take()
        do {
            let hold = Hold(of: member, time: time, logger: Bench.logger)
            hold.take(member.following("one", key: nil, at: time.now))
            hold.settle(.delivered)
            hold.settle(.abandoned)
        }

        #expect(member.status(models: ["one"], at: time.now).inFlight == 0)
        // One slot is there again, and only one.
        try await member.slots.take()
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await member.slots.withSlot { _ = await gate.pass() } }
            try await eventually { member.slots.waiting == 1 }
            member.slots.give()
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test func `whoever comes after the call is called at once, and nobody twice`() async {
        let summons = Summons()
        let heard = Mutex<[Int]>([])
        summons.onCall { heard.withLock { $0.append(1) } }
        summons.onCall { heard.withLock { $0.append(2) } }
        summons.call()
        summons.call()
        summons.onCall { heard.withLock { $0.append(3) } }

        #expect(heard.withLock(\.self) == [2, 3])
        #expect(await summons.obeyed(on: ManualTime()) { Task.isCancelled } == true)
    }
}

/// A clock whose time of day can be set back, while what it measures goes on.
private final class ShiftedTime: TimeSource {
    private let clock: ManualTime
    private let shift = Mutex(Duration.zero)

    init(_ clock: ManualTime) {
        self.clock = clock
    }

    var now: Timestamp { clock.now.advanced(by: .zero - shift.withLock(\.self)) }
    var elapsed: Duration { clock.elapsed }

    func setBack(by duration: Duration) { shift.withLock { $0 += duration } }

    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}
