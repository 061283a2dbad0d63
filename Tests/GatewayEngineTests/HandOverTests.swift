// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Testing

/// Pictures for a caller who waits.
@Suite struct HandOverTests {
    private func deliveries(_ stream: CallerPlace) async -> [Delivery] {
        var all: [Delivery] = []
        for await delivery in stream { all.append(delivery) }
        return all
    }

    @Test func `a waiting caller gets the vendor's own text, and nothing is stored`() async throws {
        let vendor = FakeVendor.saying(.pictures(7))
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)

        let task = try await bench.run(created)

        let given = await deliveries(stream)
        #expect(given.map(\.task) == [task])
        #expect(given.first?.pictures.map(\.base64) == [Picture.base64(7)])
        #expect(given.first?.pictures.map(\.revisedPrompt) == ["a red fox"])
        #expect(task.status == .completed)
        #expect(task.portions.map(\.stage) == [.delivered([PictureHeader(format: .png, size: PixelSize(7, 8))])])
        #expect(bench.objects.calls.isEmpty)
        #expect(bench.board.isQuiet)
    }

    @Test func `base64 in another dress is handed over in the standard one`() async throws {
        let other = String(buffer: Picture.base64(7)).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter {
            $0 != "="
        }
        let lines = stride(from: 0, to: other.count, by: 64).map { String(other.dropFirst($0).prefix(64)) + "\r\n" }
        let vendor = FakeVendor.saying(.images([.base64(ByteBuffer(string: lines.joined()))]))
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)

        try await bench.run(created)

        #expect(await deliveries(stream).first?.pictures.map(\.base64) == [Picture.base64(7)])
    }

    @Test func `several pictures are handed over in the order of the task`() async throws {
        let gates = (0...3).map { _ in Gate() }
        let vendor = FakeVendor { _, number in
            _ = await gates[number].pass()
            gates[number - 1].open()
            return .pictures(100 + number)
        }
        let bench = Bench(vendor.provider("a"))
        gates[3].open()
        let created = try await bench.create(count: 3, needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)

        let task = try await bench.run(created)

        let given = try #require(await deliveries(stream).first)
        #expect(given.pictures.map { Picture.size(ofBase64: $0.base64) } == task.headers.map(\.size))
        #expect(Set(task.headers.map(\.size.width)) == [101, 102, 103])
    }

    @Test func `a link is stored and not handed over, even if a caller waits`() async throws {
        let bench = Bench(FakeVendor.saying(.pictures(7)).provider("a"))
        let created = try await bench.create(needsLink: true, node: "node-1")
        let stream = bench.board.expect(created.id)

        let task = try await bench.run(created)

        #expect(await deliveries(stream).isEmpty)
        #expect(task.pictures.count == 1)
        #expect(bench.board.isQuiet)
    }

    @Test func `a failure sends the caller to the row`() async throws {
        let bench = Bench(FakeVendor.saying(.failing(.refused)).provider("a"))
        let created = try await bench.create(needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)

        let task = try await bench.run(created)

        #expect(await deliveries(stream).isEmpty)
        #expect(task.failure?.code == .contentPolicyViolation)
        #expect(bench.board.isQuiet)
    }

    /// Runs a task whose caller does something while the vendor draws.
    private func run(whileDrawing: (TaskBoard, CallerPlace) -> Void) async throws -> (Bench, FakeVendor, ImageTask) {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .pictures(7)
        }
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)
        let run = Task { try await bench.run(created) }
        try await eventually { gate.waiting == 1 }

        whileDrawing(bench.board, stream)
        gate.open()

        let task = try await run.value
        #expect(await deliveries(stream).isEmpty)
        #expect(bench.board.isQuiet)
        return (bench, vendor, task)
    }

    @Test func `the picture of a caller who stopped waiting is stored`() async throws {
        let (bench, _, task) = try await run { board, place in board.withdraw(place) }

        #expect(task.status == .completed)
        #expect(task.pictures.count == 1)
        #expect(bench.objects.objects.count == 1)
    }

    @Test func `the picture of a caller who hung up after it was sent is stored`() async throws {
        let (bench, vendor, task) = try await run { board, place in board.hangUp(place) }

        #expect(task.status == .completed)
        #expect(bench.objects.objects.count == 1)
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a caller who hung up before anything was sent costs nothing`() async throws {
        let vendor = FakeVendor.saying(.pictures(7))
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(count: 3, needsLink: false, node: "node-1")
        let place = bench.board.expect(created.id)
        bench.board.hangUp(place)

        let task = try await bench.run(created)

        #expect(task.failure?.code == .taskCancelled)
        #expect(task.attempts.isEmpty)
        #expect(vendor.ledger.submissions == 0)
        #expect(bench.board.isQuiet)
    }

    @Test func `a caller who hangs up while the task stands in line costs nothing`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return .pictures(7)
        }
        let bench = Bench(vendor.provider("a", maxConcurrent: 1))
        let first = Task { try await bench.draw() }
        try await eventually { gate.waiting == 1 }
        let created = try await bench.create(needsLink: false, node: "node-1")
        let place = bench.board.expect(created.id)
        let second = Task { try await bench.run(created) }
        try await eventually { bench.parts.pool["a"]?.slots.waiting == 1 }

        bench.board.hangUp(place)
        gate.open()

        #expect(try await first.value.status == .completed)
        #expect(try await second.value.failure?.code == .taskCancelled)
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a caller who hung up after a call that never left costs nothing either`() async throws {
        let board = TaskBoard()
        let vendor = FakeVendor.saying(.failing(.unreachable))
        let other = FakeVendor.saying(.pictures(7))
        let bench = Bench(vendor.provider("a"), other.provider("b"))
        let created = try await bench.create(needsLink: false, node: "node-1")
        _ = board.expect(created.id)
        let place = bench.board.expect(created.id)
        bench.board.hangUp(place)
        let unsent = try bench.samples.task(
            created,
            after: [
                .claimed(node: "node-1", portions: [1]),
                .submitting(portion: 0, provider: "a", model: "one", warnings: []),
                .attemptFailed(portion: 0, outcome: .notSent, error: "No way."),
            ]
        )
        try await bench.store.update(unsent, from: 0)

        let task = try await bench.run(unsent)

        #expect(task.failure?.code == .taskCancelled)
        #expect(vendor.ledger.submissions + other.ledger.submissions == 0)
    }

    @Test func `at the end of its time a task hands over what it has`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            guard number == 3 else { return .pictures(number) }
            return await gate.pass() ? .pictures(3) : .failing(.outcomeUnknown)
        }
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(count: 3, needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)
        let run = Task { try await bench.run(created) }
        try await eventually { vendor.ledger.submissions == 3 && gate.waiting == 1 }

        bench.time.clock.advance(by: .seconds(900))

        let task = try await run.value
        let given = try #require(await deliveries(stream).first)
        #expect(given.task == task)
        #expect(given.pictures.count == 2)
        #expect(task.status == .completed)
        #expect(task.warnings == ["2 of 3 pictures were made: The task was not finished in time."])
        #expect(bench.objects.calls.isEmpty)
    }

    @Test func `a caller whose task was cancelled meanwhile is sent to the row`() async throws {
        let memory = MemoryTaskStore()
        let vendor = FakeVendor { _, _ in
            if let row = memory.all.first,
                let cancelled = try? row.applying(.gaveUp(TaskFailure(.taskCancelled, "No.")), at: row.createdAt)
            {
                try? await memory.update(cancelled, from: row.version)
            }
            return .pictures(7)
        }
        let bench = Bench(vendor.provider("a"), store: memory)
        let created = try await bench.create(needsLink: false, node: "node-1")
        let stream = bench.board.expect(created.id)

        let task = try await bench.run(created)

        #expect(await deliveries(stream).isEmpty)
        #expect(task.failure?.code == .taskCancelled)
        #expect(bench.objects.calls.isEmpty)
    }
}
