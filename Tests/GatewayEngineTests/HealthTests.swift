// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Logging
import Synchronization
import Testing

/// Tasks at providers that are out, in part or for a while.
@Suite struct HealthTests {
    private static func bad(_ code: ProviderError.Code) -> FakeVendor.Answer { .failing(code) }

    /// A vendor that does not accept some keys.
    private static func vendor(_ failures: [String: ProviderError.Code]) -> FakeVendor {
        FakeVendor(keyedSubmit: { _, key, _ in
            failures[key.withPlaintext { $0 }].map { .failing($0) } ?? .pictures(1)
        })
    }

    private func status(_ bench: Bench) -> ProvidersStatus {
        bench.parts.pool.status(router: bench.router, at: bench.time.now)
    }

    // MARK: Keys

    @Test(arguments: [ProviderError.Code.credential, .outOfCredit])
    func `a bad key of three is found out by one task, and no other meets it`(code: ProviderError.Code) async throws {
        let vendor = Self.vendor(["k2": code])
        let log = LineLog()
        let bench = Bench(vendor.provider("a", keys: ["k1", "k2", "k3"]), logger: log.logger)

        var tasks: [ImageTask] = []
        for _ in 1...12 { tasks.append(try await bench.draw()) }

        #expect(tasks.allSatisfy { $0.status == .completed })
        #expect(vendor.ledger.keys.filter { $0 == "k2" }.count == 1)
        #expect(Set(vendor.ledger.keys) == ["k1", "k2", "k3"])
        #expect(tasks[0].attempts.map(\.key) == ["id-k2", "id-k3"])
        #expect(tasks[0].attempts.map(\.outcome) == [.rejected, .succeeded])
        let provider = try #require(status(bench).providers.first)
        #expect(provider.isUsable)
        #expect(provider.keys.map(\.state) == [.usable, .disabled, .usable])
        #expect(provider.keys[1].reason == "\(code)")
        let alerts = log.lines.filter { $0.contains("disabled") }
        #expect(alerts.count == 1)
        #expect(alerts[0].contains("error") && alerts[0].contains("id-k2"))
        #expect(!alerts[0].contains("=k2"))
    }

    @Test func `a disabled key is tried again after ten minutes by one call, and is used again if that works`()
        async throws
    {
        let isBad = Mutex(true)
        let vendor = FakeVendor(keyedSubmit: { _, key, _ in
            key == Secret("k1") && isBad.withLock(\.self) ? .failing(.outOfCredit) : .pictures(1)
        })
        let bench = Bench(vendor.provider("a", keys: ["k1", "k2"]))
        for _ in 1...4 { try await bench.draw() }
        #expect(vendor.ledger.keys.filter { $0 == "k1" }.count == 1)

        bench.time.clock.advance(by: .seconds(600))
        for _ in 1...4 { try await bench.draw() }
        #expect(vendor.ledger.keys.filter { $0 == "k1" }.count == 2)
        isBad.withLock { $0 = false }
        bench.time.clock.advance(by: .seconds(600))
        for _ in 1...4 { try await bench.draw() }

        #expect(vendor.ledger.keys.filter { $0 == "k1" }.count == 4)
        #expect(status(bench).providers[0].keys.map(\.state) == [.usable, .usable])
    }

    @Test func `when every key is bad the next provider draws, and after that the first is not asked`() async throws {
        let first = Self.vendor(["k1": .credential, "k2": .outOfCredit])
        let second = FakeVendor { _, _ in .pictures(1) }
        let bench = Bench(first.provider("a", keys: ["k1", "k2"]), second.provider("b"))

        let tasks = [try await bench.draw(), try await bench.draw()]

        #expect(tasks.map { $0.attempts.map(\.provider) } == [["a", "a", "b"], ["b"]])
        #expect(status(bench).providers.map(\.isUsable) == [false, true])
        #expect(status(bench).isUsable)
    }

    @Test func `with nobody left a task fails at once, without an attempt`() async throws {
        let bench = Bench(Self.vendor(["k1": .credential]).provider("a", keys: ["k1"]))
        let told = try await bench.draw()

        let task = try await bench.draw()

        #expect(told.failure?.code == .providerUnavailable)
        #expect(task.failure == Failover.nobody)
        #expect(task.attempts.isEmpty)
        #expect(!status(bench).isUsable)
    }

    @Test func `a limited key rests and the others draw`() async throws {
        let limited = ProviderError(.rateLimited, "Slow down.", consequence: .coolDown(.seconds(40)))
        let vendor = FakeVendor(keyedSubmit: { _, key, number in
            key == Secret("k2") && number == 1 ? .failure(limited) : .pictures(1)
        })
        let bench = Bench(vendor.provider("a", keys: ["k1", "k2"]))

        let tasks = [try await bench.draw(), try await bench.draw(), try await bench.draw()]

        #expect(tasks.allSatisfy { $0.status == .completed })
        #expect(vendor.ledger.keys == ["k2", "k1", "k1", "k1"])
        #expect(bench.time.slept.isEmpty)
        #expect(status(bench).providers[0].keys.map(\.state) == [.usable, .cooling])
        bench.time.clock.advance(by: .seconds(40))
        try await bench.draw()
        #expect(vendor.ledger.keys.last == "k2")
    }

    @Test func `a model that one account cannot have is asked for with the other key, and one that is gone is not`()
        async throws
    {
        let other = ProviderError(.modelUnavailable, "Older accounts only.", consequence: .disableModelForKey)
        let vendor = FakeVendor(keyedSubmit: { call, key, _ in
            if call.model == "two" { return .failing(.modelUnavailable) }
            return key == Secret("k2") ? .failure(other) : .pictures(1)
        })
        let bench = Bench(vendor.provider("a", keys: ["k1", "k2"]))

        #expect(try await bench.draw().attempts.map(\.key) == ["id-k2", "id-k1"])
        #expect(try await bench.draw().attempts.map(\.key) == ["id-k1"])
        #expect(try await bench.draw(model: "two").attempts.count == 1)
        #expect(try await bench.draw(model: "two").attempts.isEmpty)
        let tasks = [try await bench.draw(model: "four"), try await bench.draw(model: "four")]
        #expect(tasks.allSatisfy { $0.attempts.last?.key == "id-k1" && $0.status == .completed })
        #expect(tasks.flatMap(\.attempts).count { $0.key == "id-k2" } == 1)
        #expect(status(bench).providers[0].models.map(\.state) == [.disabled, .disabled, .disabled])
        #expect(status(bench).isUsable)
    }

    // MARK: Breakers

    @Test func `a vendor that is down is left alone after five failures, and others draw at once`() async throws {
        let first = FakeVendor { _, _ in .failing(.overloaded) }
        let second = FakeVendor { _, _ in .pictures(1) }
        let log = LineLog()
        let bench = Bench(first.provider("a"), second.provider("b"), logger: log.logger)

        for _ in 1...20 { #expect(try await bench.draw().status == .completed) }

        #expect(first.ledger.submissions == 5)
        #expect(status(bench).providers[0].models.map(\.state) == [.open])
        #expect(try await bench.draw(model: "two").attempts.map(\.provider) == ["a", "b"], "other models are not out")
        #expect(log.lines.filter { $0.contains("left alone") }.count == 1)
    }

    @Test(arguments: [ProviderError.Code.refused, .invalidRequest])
    func `what is the request's own fault opens no breaker`(code: ProviderError.Code) async throws {
        let vendor = FakeVendor { _, number in number <= 20 ? .failing(code) : .pictures(1) }
        let bench = Bench(vendor.provider("a"))

        for _ in 1...20 { #expect(try await bench.draw().attempts.count == 1) }

        #expect(try await bench.draw().status == .completed)
    }

    @Test func `a refusal is reported once, or goes on where the route says so`() async throws {
        func tasks(_ onRefusal: OnRefusal) async throws -> ImageTask {
            let first = FakeVendor { _, _ in .failing(.refused) }
            let second = FakeVendor { _, _ in .pictures(1) }
            let route = ProviderRouter.Route(match: "", providers: ["a", "b"], onRefusal: onRefusal)
            return try await Bench(first.provider("a"), second.provider("b"), routes: [route]).draw()
        }

        let reported = try await tasks(.report)
        let drawn = try await tasks(.failOver)

        #expect(reported.failure?.code == .contentPolicyViolation)
        #expect(reported.attempts.map(\.outcome) == [.refused])
        #expect(drawn.status == .completed)
        #expect(drawn.attempts.map(\.outcome) == [.refused, .succeeded])
    }

    @Test func `of two hundred tasks that wait for a vendor exactly one finds out whether it is back`() async throws {
        let gate = Gate()
        let isDown = Mutex(true)
        let vendor = FakeVendor { _, number in
            if isDown.withLock(\.self) { return .failing(.overloaded) }
            if number == 6 { _ = await gate.pass() }
            return .pictures(1)
        }
        let bench = Bench(vendor.provider("a"), isPatient: true)
        for _ in 1...5 { try await bench.draw() }
        isDown.withLock { $0 = false }

        try await withThrowingTaskGroup(of: ImageTask.self) { group in
            for _ in 1...200 { group.addTask { try await bench.draw() } }
            // Each has the limit of its task, and waits for the vendor.
            await bench.time.clock.untilSleeping(400)
            #expect(vendor.ledger.submissions == 5)
            bench.time.clock.advance(by: .seconds(35))
            try await eventually { gate.waiting == 1 }
            for _ in 1...20 {
                // One limit each, and all but the one that asks wait on.
                await bench.time.clock.untilSleeping(399)
                bench.time.clock.advance(by: .seconds(3))
            }
            #expect(vendor.ledger.submissions == 6)
            gate.open()
            let stop = Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(2))
                    bench.time.clock.advance(by: .milliseconds(500))
                }
            }
            for try await task in group { #expect(task.status == .completed) }
            stop.cancel()
        }
        #expect(vendor.ledger.submissions == 205)
    }

    @Test func `a caller who waits learns soon that nobody can draw`() async throws {
        let vendor = FakeVendor { _, _ in .failing(.overloaded) }
        let bench = Bench(vendor.provider("a"))
        for _ in 1...5 { try await bench.draw() }
        let before = bench.time.now

        let created = try await bench.create(needsLink: false, node: "node-1")
        let deliveries = bench.board.expect(created.id)
        let task = try await bench.run(created)

        #expect(task.failure == Failover.nobody)
        #expect(task.attempts.isEmpty)
        #expect(before.duration(to: bench.time.now) <= .seconds(6))
        for await _ in deliveries { Issue.record("There is nothing to deliver.") }
    }

    @Test func `a task that waited for room looks again before it is sent`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            if number == 1 { _ = await gate.pass() }
            return .failing(.overloaded)
        }
        let second = FakeVendor { _, _ in .pictures(1) }
        let bench = Bench(vendor.provider("a", maxConcurrent: 1), second.provider("b"))

        try await withThrowingTaskGroup(of: ImageTask.self) { group in
            for _ in 1...30 { group.addTask { try await bench.draw() } }
            try await eventually { bench.parts.pool["a"]?.slots.waiting == 29 }
            gate.open()
            for try await task in group { #expect(task.status == .completed) }
        }

        #expect(vendor.ledger.submissions == 5)
    }

    // MARK: Pace

    @Test func `submissions keep the provider's pace, over all its models`() async throws {
        let times = Mutex<[Timestamp]>([])
        let time = Mutex<HastyTime?>(nil)
        let vendor = FakeVendor { _, _ in
            if let now = time.withLock(\.self)?.now { times.withLock { $0.append(now) } }
            return .pictures(1)
        }
        let bench = Bench(vendor.provider("a", requestsPerMinute: 10))
        time.withLock { $0 = bench.time }

        for number in 1...30 { try await bench.draw(model: number % 2 == 0 ? "one" : "two") }

        let sent = times.withLock { $0.map(\.milliseconds) }
        #expect(sent.count == 30)
        for place in sent.indices.dropLast(10) { #expect(sent[place + 10] - sent[place] >= 60_000) }
    }

    @Test func `what would have to wait long for one provider's pace goes to another`() async throws {
        let first = FakeVendor { _, _ in .pictures(1) }
        let second = FakeVendor { _, _ in .pictures(2) }
        let bench = Bench(first.provider("a", requestsPerMinute: 10), second.provider("b"))

        for _ in 1...4 { try await bench.draw() }

        #expect(first.ledger.submissions == 1)
        #expect(second.ledger.submissions == 3)
        #expect(bench.time.slept.isEmpty)
    }

    // MARK: Weights

    @Test func `a weighted route shares tasks out, and each goes to the others when its own cannot`() async throws {
        let first = FakeVendor { _, _ in .failing(.overloaded, .failOver) }
        let second = FakeVendor { _, _ in .pictures(1) }
        let route = ProviderRouter.Route(match: "", providers: ["a", "b"], strategy: .weighted(["a": 1, "b": 1]))
        let bench = Bench(first.provider("a"), second.provider("b"), routes: [route])

        for _ in 1...40 { #expect(try await bench.draw().status == .completed) }

        #expect(first.ledger.submissions == 5, "its breaker opened")
        #expect(second.ledger.submissions == 40)
    }
}

/// A log that a test reads.
final class LineLog: Sendable {
    private let stored = Mutex<[String]>([])

    var lines: [String] { stored.withLock(\.self) }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: LineLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let pairs = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            log.stored.withLock { $0.append("\(event.level) \(event.message) \(pairs)") }
        }
    }
}
