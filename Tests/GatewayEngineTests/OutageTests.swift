// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Synchronization
import Testing

/// When database or storage do not do what is asked.
@Suite struct OutageTests {
    private static func objects(failing times: Int, _ error: ObjectError) -> MemoryObjectStore {
        let left = Mutex(times)
        return MemoryObjectStore { call throws(ObjectError) in
            guard case .put = call else { return }
            let fails = left.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { throw error }
        }
    }

    private static let busy = ObjectError(.unavailable, isTemporary: true, "Busy.")
    private static let useless = ObjectError(.misconfigured, isTemporary: false, "Cannot be.")
    private static let away = StoreError(.unavailable, "The database is away.")

    // MARK: Storage

    @Test func `storage that fails for a while is tried again and nothing is bought again`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), objects: Self.objects(failing: 12, Self.busy))

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(bench.objects.calls.count == 13)
        #expect(vendor.ledger.submissions == 1)
        #expect(bench.time.slept.max() == .seconds(10))
    }

    @Test func `a worker is not held while storage is waited for`() async throws {
        let gate = Gate()
        let bench = Bench(FakeVendor.saying(.pictures(1)).provider("a"))
        let objects = Self.objects(failing: 1, Self.busy)
        let workers = Slots(limit: 1)
        let time = GatedTime(gate)
        let keeper = PictureKeeper(
            objects: objects,
            store: bench.store,
            fetcher: bench.parts.fetcher,
            finisher: bench.parts.finisher,
            workers: workers,
            time: time,
            logger: Bench.logger
        )
        let task = try await bench.create()
        let picture = try CheckedPicture(.bytes(Picture.png(1)), revisedPrompt: nil)

        let portion = CheckedPortion(index: 0, pictures: [picture])

        let keeping = Task { try await keeper.keep(portion, of: task, firstIndex: 0) { _ in } }
        try await eventually { gate.waiting == 1 }

        #expect(try await workers.withSlot { true })
        gate.open()
        #expect(try await keeping.value.isEmpty, "nothing is missing")
    }

    @Test func `storage that refuses is an error of the task, and the purchase is on record`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), objects: Self.objects(failing: 99, Self.useless))

        let task = try await bench.draw()

        #expect(task.failure?.code == .storageError)
        #expect(bench.objects.calls.count == 1)
        #expect(vendor.ledger.submissions == 1)
        #expect(task.attempts.map(\.outcome?.billed) == [.yes])
        #expect(task.usage?.totalTokens == 10)
    }

    @Test func `storage that fails until the task's time is over is named as the reason`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), objects: Self.objects(failing: .max, Self.busy))

        let task = try await bench.draw()

        #expect(task.failure?.code == .storageError)
        #expect(task.attempts.map(\.outcome) == [.succeeded])
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `one picture that cannot be stored does not take the others along`() async throws {
        let vendor = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(vendor.provider("a"), objects: Self.objects(failing: 1, Self.useless))

        let task = try await bench.draw(count: 3)

        #expect(task.status == .completed)
        #expect(task.pictures.count == 2)
        #expect(task.warnings.count == 1)
    }

    // MARK: The database

    @Test(arguments: [StoreError.Code.unavailable, .full, .cannotOpen])
    func `a database that is away for a while loses nothing`(code: StoreError.Code) async throws {
        let failures = Mutex(0)
        let store = HookedStore { _ in
            // Each change fails five times before it succeeds.
            failures.withLock { count in
                count += 1
                return count % 6 == 0 ? nil : (.before, StoreError(code, "Away."))
            }
        }
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), store: store)

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(vendor.ledger.submissions == 1)
        #expect(bench.time.slept.max().map { $0 <= .seconds(3) } == true)
    }

    @Test func `a change that was written although it seemed to fail is no conflict`() async throws {
        let count = Mutex(0)
        let store = HookedStore { _ in
            count.withLock { count in
                count += 1
                return count % 2 == 1 ? (.after, Self.away) : nil
            }
        }
        let vendor = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(vendor.provider("a"), store: store)

        let task = try await bench.draw(count: 3)

        #expect(task.status == .completed)
        #expect(vendor.ledger.submissions == 3)
        #expect(task.pictures.count == 3)
    }

    @Test func `the end of a task is written however long the database is away`() async throws {
        let isAway = Mutex(true)
        let store = HookedStore { task in
            task.status.isFinal && isAway.withLock(\.self) ? (.before, Self.away) : nil
        }
        let bench = Bench(FakeVendor.saying(.pictures(1)).provider("a"), store: store)
        let created = try await bench.create(node: "node-1")
        bench.time.clock.advance(by: .seconds(901))

        let run = Task { try await bench.run(created) }
        try await eventually { bench.time.slept.count > 100 }
        isAway.withLock { $0 = false }

        #expect(try await run.value.failure?.code == .taskTimeout)
    }

    @Test func `a process that stops does not wait for the database for ever`() async throws {
        let gate = Gate()
        let store = HookedStore { task in task.node == nil ? (.before, Self.away) : nil }
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .failing(.outcomeUnknown)
        }
        let bench = Bench(vendor.provider("a"), store: store)
        let created = try await bench.create(node: "node-1")
        let run = Task { try await bench.run(created) }
        try await eventually { gate.waiting == 1 }

        run.cancel()

        let task = try await run.value
        #expect(task.node == "node-1")
        #expect(task.attempts.map(\.outcome) == [.unknown])
    }

    // MARK: Somebody else

    @Test(arguments: [true, false])
    func `a task that was cancelled while it ran stays as it is, and its picture is due for deletion`(
        isDeleted: Bool
    ) async throws {
        let memory = MemoryTaskStore()
        let samples = SampleTasks()
        let vendor = FakeVendor { _, _ in
            guard let row = memory.all.first else { return .failing(.failed) }
            let cancelled = try? row.applying(.gaveUp(TaskFailure(.taskCancelled, "Cancelled.")), at: samples.time.now)
            do {
                if let cancelled { try await memory.update(cancelled, from: row.version) }
                if isDeleted { try await memory.delete(row.id, owner: nil, now: samples.time.now) }
            } catch {
                return .failing(.failed)
            }
            return .pictures(1)
        }
        let bench = Bench(vendor.provider("a"), store: memory)
        let created = try await bench.create(node: "node-1")
        let live = LiveTask(created, store: memory, board: bench.board, time: bench.time, logger: Bench.logger)

        await TaskRun(live: live, parts: bench.parts, logger: Bench.logger).run()

        #expect(memory.all.map(\.failure?.code) == (isDeleted ? [] : [.taskCancelled]))
        #expect(bench.objects.objects.count == 1)
        #expect(memory.deletions.map(\.key) == Array(bench.objects.objects.keys))
        #expect(memory.deletions.map(\.due) == [bench.time.now])
        #expect(bench.board.isQuiet)
    }

    @Test func `a picture is announced before it is stored, however long the task store is away`() async throws {
        let memory = MemoryTaskStore()
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .put(let key) = call else { return }
            #expect(memory.deletions.map(\.key) == [key])
        }
        let vendor = FakeVendor { _, _ in
            memory.fail(Array(repeating: StoreError(.unavailable, "No disk."), count: 7))
            return .pictures(1)
        }
        let bench = Bench(vendor.provider("a"), store: memory, objects: objects)

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(objects.calls.count == 1)
        #expect(memory.deletions.map(\.due) == [task.expiresAt])
    }

    @Test func `a task that another process has taken over is left to it`() async throws {
        let memory = MemoryTaskStore()
        let vendor = FakeVendor { _, _ in
            let now = SampleTasks().time.now
            _ = try? await memory.adopt(node: "node-2", silentSince: now, limit: 1, now: now)
            return .pictures(1)
        }
        let bench = Bench(vendor.provider("a"), store: memory)

        let task = try await bench.draw()

        #expect(task.node == "node-2")
        #expect(task.status == .inProgress)
        #expect(task.attempts.map(\.outcome) == [.unknown])
        // The other process stores the same key: what is there is not due while the task runs.
        #expect(bench.objects.objects.count == 1)
        let late = bench.time.now.advanced(by: .seconds(900_000))
        #expect(try await memory.dueDeletions(limit: 9, now: late, lease: .zero).isEmpty)
    }

    @Test func `a task that was cancelled before it was sent is not sent`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(node: "node-1")
        let cancelled = try created.applying(.gaveUp(TaskFailure(.taskCancelled, "Cancelled.")), at: bench.time.now)
        try await bench.store.update(cancelled, from: 0)

        let task = try await bench.run(created)

        #expect(task == cancelled)
        #expect(vendor.ledger.submissions == 0)
    }
}

/// A clock on which every wait ends when a gate opens.
private struct GatedTime: TimeSource {
    private let gate: Gate

    init(_ gate: Gate) { self.gate = gate }

    var now: Timestamp { Timestamp(seconds: 1_700_000_000) }

    func sleep(for duration: Duration) async throws {
        guard await gate.pass() else { throw CancellationError() }
    }
}
