// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// Deletes what is over: all of it, once, not too fast, whatever happens in between.
@Suite(.timeLimit(.minutes(1))) struct JanitorTests {
    let time = ManualTime()
    let store = MemoryTaskStore()
    let samples: SampleTasks
    let log = LineLog()

    init() {
        samples = SampleTasks(time: time)
    }

    static let away = ObjectError(.unavailable, isTemporary: true, "The bucket is away.")
    static let denied = ObjectError(.denied, isTemporary: false, "The bucket refuses.")

    private func janitor(_ objects: MemoryObjectStore, _ settings: JanitorSettings = JanitorSettings()) -> Janitor {
        Janitor(store: store, objects: objects, settings: settings, time: time, logger: log.logger)
    }

    /// Puts objects into a bucket and their deletion on the list.
    private func fill(_ objects: MemoryObjectStore, _ count: Int) async throws -> [ObjectKey] {
        let keys = (0..<count).compactMap { ObjectKey("2023/11/14/picture-\($0).png") }
        for key in keys { try await objects.put(ObjectBody(contentType: "image/png", buffers: []), at: key) }
        let task = samples.id()
        try await store.announce(keys.map { Deletion(key: $0, task: task, due: time.now) })
        return keys
    }

    /// Runs janitors and moves the clock whenever all of them sleep, until something is so.
    private func run(_ janitors: [Janitor], step: Duration = .milliseconds(50), until isSo: () -> Bool) async {
        await withTaskGroup(of: Void.self) { group in
            for janitor in janitors { group.addTask { await janitor.run() } }
            while true {
                await time.untilSleeping(janitors.count)
                if isSo() { break }
                time.advance(by: step)
            }
            group.cancelAll()
        }
    }

    private func deletions(_ objects: MemoryObjectStore) -> [ObjectKey] {
        objects.calls.compactMap { call in
            guard case .delete(let key) = call else { return nil }
            return key
        }
    }

    @Test func `names of requests are forgotten when their time is over, a batch at a time`() async throws {
        let owner = try samples.pending().owner
        for number in 0..<300 {
            let task = try samples.pending()
            let claim = IdempotencyClaim(owner: owner, key: "\(number)", request: [1], task: task.id, now: time.now)
            _ = try await store.create(task, on: TaskTerms(claim: claim))
        }
        let begin = time.now
        time.advance(by: .seconds(86_399))
        let fresh = try samples.pending()
        let claim = IdempotencyClaim(owner: owner, key: "fresh", request: [1], task: fresh.id, now: time.now)
        _ = try await store.create(fresh, on: TaskTerms(claim: claim))

        let store = store
        #expect(store.claims.count == 301)
        await run([janitor(MemoryObjectStore())], step: .seconds(1)) { store.claims.count <= 1 }

        #expect(store.claims == [claim])
        #expect(begin.duration(to: time.now) < .seconds(86_430))
        #expect(store.all.count == 301)
    }

    @Test func `ten thousand pictures are gone within a minute, not too many at once and not too fast`() async throws {
        let counter = Counter()
        let time = time
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .delete = call else { return }
            counter.begin(at: time.now)
            for _ in 0..<3 { await Task.yield() }
            counter.end()
        }
        let keys = try await fill(objects, 10_000)
        let start = time.now

        await run([janitor(objects)]) { objects.objects.isEmpty && store.deletions.isEmpty }

        #expect(Set(deletions(objects)) == Set(keys))
        #expect(deletions(objects).count == keys.count)
        #expect(start.duration(to: time.now) < .seconds(60))
        #expect(counter.most > 1)
        #expect(counter.most <= 32)
        // A batch, and then what the rate allows.
        #expect(counter.mostInASecond <= 500 + 128)
    }

    @Test func `two janitors share the work and delete each picture once`() async throws {
        let objects = MemoryObjectStore { _ throws(ObjectError) in await Task.yield() }
        let keys = try await fill(objects, 1000)

        await run([janitor(objects), janitor(objects)]) { store.deletions.isEmpty }

        #expect(objects.objects.isEmpty)
        #expect(deletions(objects).count == keys.count)
        #expect(Set(deletions(objects)) == Set(keys))
    }

    @Test func `a janitor that is stopped half-way leaves nothing undone and forgets nothing`() async throws {
        let gate = Gate()
        let hits = Atomic<Int>(0)
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .delete = call, hits.add(1, ordering: .relaxed).newValue > 300 else { return }
            if await !gate.pass() { throw ObjectError(.unavailable, isTemporary: true, "Interrupted.") }
        }
        _ = try await fill(objects, 1000)
        let time = time
        let running = Task { await janitor(objects).run() }
        let clock = Task {
            while !Task.isCancelled {
                await time.untilSleeping()
                time.advance(by: .milliseconds(50))
            }
        }
        try await eventually { gate.waiting == 32 }

        running.cancel()
        await running.value
        clock.cancel()
        time.advance(by: .zero)
        // Whatever was deleted is off the list, and nothing else.
        #expect(Set(store.deletions.map(\.key)) == Set(objects.objects.keys))
        #expect(store.deletions.allSatisfy { $0.due <= time.now }, "what is left can be begun at once")
        #expect(objects.objects.count == 700)
        #expect(log.lines.isEmpty)

        gate.open()
        await run([janitor(objects)]) { store.deletions.isEmpty }
        #expect(objects.objects.isEmpty)
    }

    @Test func `what a killed janitor had in hand comes back by itself`() async throws {
        let objects = MemoryObjectStore()
        _ = try await fill(objects, 300)
        let taken = try await store.dueDeletions(limit: 128, now: time.now, lease: JanitorSettings().lease)
        for deletion in taken.prefix(64) { try await objects.delete(deletion.key) }

        await run([janitor(objects)]) { store.deletions.count == 128 }
        #expect(objects.objects.count == 64, "a lease is respected")
        await run([janitor(objects)], step: .seconds(5)) { store.deletions.isEmpty }

        #expect(objects.objects.isEmpty)
    }

    @Test func `a bucket that is away is waited for, asked seldom, and told about once`() async throws {
        let back = time.now.advanced(by: .seconds(60))
        let time = time
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .delete = call else { return }
            await Task.yield()
            if time.now < back { throw Self.away }
        }
        _ = try await fill(objects, 2000)

        await run([janitor(objects)], step: .milliseconds(500)) { store.deletions.isEmpty }

        #expect(objects.objects.isEmpty)
        #expect(back.duration(to: time.now) < .seconds(120))
        #expect(deletions(objects).count < 2000 + 10 * 32)
        #expect(log.lines.count == 2)
        #expect(log.lines.first?.contains("The bucket is away.") == true)
        #expect(log.lines.last?.contains("again") == true)
    }

    @Test func `a picture that cannot be deleted stands in nobody's way and is never forgotten`() async throws {
        let objects = MemoryObjectStore { call throws(ObjectError) in
            if case .delete(let key) = call, key.description.hasSuffix("-7.png") { throw Self.denied }
        }
        let keys = try await fill(objects, 300)
        let start = time.now

        await run([janitor(objects)]) { store.deletions.count == 1 }
        #expect(start.duration(to: time.now) < .seconds(5))
        let end = time.now.advanced(by: .seconds(86_400))
        await run([janitor(objects)], step: .seconds(60)) { time.now > end }

        #expect(store.deletions.map(\.key) == [keys[7]])
        let tries = deletions(objects).count { $0 == keys[7] }
        #expect((20...40).contains(tries), "\(tries) tries a day")
    }

    @Test func `a task store that is away is waited for and told about once`() async throws {
        let objects = MemoryObjectStore()
        _ = try await fill(objects, 300)
        store.fail([nil, nil] + Array(repeating: StoreError(.unavailable, "No disk."), count: 9))

        await run([janitor(objects)], step: .seconds(5)) { store.deletions.isEmpty }

        #expect(objects.objects.isEmpty)
        #expect(log.lines.count { $0.contains("No disk.") } == 1)
        #expect(log.lines.count == 2)
    }

    @Test func `old tasks are removed with what they kept, younger ones stay`() async throws {
        let objects = MemoryObjectStore()
        var old: [ImageTask] = []
        for _ in 0..<300 {
            let task = try samples.task(try samples.edit(), after: SampleTasks.Stage.failed.events())
            old.append(task)
            try await store.create(task)
            for key in task.inputKeys {
                try await objects.put(ObjectBody(contentType: "image/png", buffers: []), at: key)
            }
        }
        time.advance(by: .seconds(60))
        let young = try samples.task(try samples.pending(), after: SampleTasks.Stage.failed.events())
        let running = try samples.pending()
        for task in [young, running] { try await store.create(task) }
        let retention = JanitorSettings(taskRetention: .seconds(3600))

        await run([janitor(objects, retention)], step: .seconds(30)) {
            old[0].createdAt.duration(to: time.now) >= .seconds(3600)
        }
        #expect(store.all.count == 302)
        #expect(objects.objects.count == 600)
        await run([janitor(objects, retention)], step: .seconds(1)) { objects.objects.isEmpty }

        #expect(store.all == [young, running])
        #expect(store.deletions.isEmpty)
    }

    @Test func `a picture that lands after its task was deleted is deleted all the same`() async throws {
        let memory = store
        let gate = Gate()
        let objects = MemoryObjectStore { call throws(ObjectError) in
            if case .put = call { _ = await gate.pass() }
        }
        let bench = Bench(FakeVendor.saying(.pictures(1)).provider("a"), store: memory, objects: objects)
        let created = try await bench.create(node: "node-1")
        let live = LiveTask(created, store: memory, board: bench.board, time: bench.time, logger: Bench.logger)
        let running = Task { await TaskRun(live: live, parts: bench.parts, logger: Bench.logger).run() }
        try await eventually { gate.waiting == 1 }

        #expect(try await memory.delete(created.id, owner: "alice", now: bench.time.now))
        #expect(memory.deletions.map(\.due) == [bench.time.now.advanced(by: Deletion.uploadTime)], "it is on its way")
        gate.open()
        await running.value
        #expect(objects.objects.count == 1)
        #expect(memory.deletions.map(\.due) == [bench.time.now])
        await run([janitor(objects)]) { memory.deletions.isEmpty }

        #expect(objects.objects.isEmpty)
        #expect(memory.all.isEmpty)
    }
}

/// How many run at once, and how many began within a second.
private final class Counter: Sendable {
    private struct State {
        var running = 0
        var most = 0
        var beginnings: [Int64] = []
    }

    private let state = Mutex(State())

    func begin(at now: Timestamp) {
        state.withLock { state in
            state.running += 1
            state.most = max(state.most, state.running)
            state.beginnings.append(now.milliseconds)
        }
    }

    func end() { state.withLock { $0.running -= 1 } }

    var most: Int { state.withLock(\.most) }

    var mostInASecond: Int {
        state.withLock { state in
            var (first, most) = (0, 0)
            for (place, moment) in state.beginnings.enumerated() {
                while state.beginnings[first] <= moment - 1000 { first += 1 }
                most = max(most, place - first + 1)
            }
            return most
        }
    }
}
