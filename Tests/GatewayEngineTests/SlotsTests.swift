// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayEngine
import Synchronization
import Testing

@Suite struct SlotsTests {
    private final class Meter: Sendable {
        private let state = Mutex((running: 0, most: 0, done: 0))

        var most: Int { state.withLock(\.most) }
        var done: Int { state.withLock(\.done) }

        func begin() {
            state.withLock { state in
                state.running += 1
                state.most = max(state.most, state.running)
            }
        }

        func end() {
            state.withLock { state in
                state.running -= 1
                state.done += 1
            }
        }
    }

    private final class Order: Sendable {
        private let state = Mutex<[Int]>([])

        var numbers: [Int] { state.withLock(\.self) }

        func append(_ number: Int) { state.withLock { $0.append(number) } }
    }

    @Test(arguments: [1, 7, 64])
    func `never more than the limit run, and all do`(limit: Int) async throws {
        let slots = Slots(limit: limit)
        let meter = Meter()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 {
                group.addTask {
                    try await slots.withSlot {
                        meter.begin()
                        await Task.yield()
                        meter.end()
                    }
                }
            }
            try await group.waitForAll()
        }

        #expect(meter.done == 1000)
        #expect(meter.most <= limit)
    }

    @Test func `a limit of zero is no limit`() async throws {
        let slots = Slots(limit: 0)
        let gate = Gate()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { try await slots.withSlot { _ = await gate.pass() } } }
            try await eventually { gate.waiting == 100 }
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test func `who came first goes first`() async throws {
        let slots = Slots(limit: 1)
        let gate = Gate()
        let order = Order()

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await slots.withSlot { _ = await gate.pass() } }
            try await eventually { gate.waiting == 1 }
            for number in 0..<50 {
                group.addTask { try await slots.withSlot { order.append(number) } }
                try await eventually { slots.waiting == number + 1 }
            }
            gate.open()
            try await group.waitForAll()
        }

        #expect(order.numbers == Array(0..<50))
    }

    @Test func `who gives up waiting leaves the line and takes no slot along`() async throws {
        let slots = Slots(limit: 1)
        let gate = Gate()
        let holder = Task { try await slots.withSlot { await gate.pass() } }
        try await eventually { gate.waiting == 1 }
        let waiters = (0..<20).map { _ in Task { try await slots.withSlot {} } }
        try await eventually { slots.waiting == 20 }

        for waiter in waiters { waiter.cancel() }

        for waiter in waiters { await #expect(throws: CancellationError.self) { try await waiter.value } }
        #expect(slots.waiting == 0)
        gate.open()
        #expect(try await holder.value)
        #expect(try await slots.withSlot { true })
    }

    @Test func `a cancelled task takes no slot`() async throws {
        let slots = Slots(limit: 1)

        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await slots.withSlot {}
        }
        task.cancel()

        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await slots.withSlot { true })
    }

    @Test func `an error gives the slot back`() async throws {
        struct Broken: Error {}
        let slots = Slots(limit: 1)

        for _ in 0..<3 {
            await #expect(throws: Broken.self) { try await slots.withSlot { throw Broken() } }
        }

        #expect(try await slots.withSlot { true })
    }

    @Test func `what takes place anyway is counted, and others wait for it`() async throws {
        let slots = Slots(limit: 1)
        let gates = [Gate(), Gate()]
        let forced = gates.map { gate in
            Task { try await slots.withSlot(evenIfFull: true) { _ = await gate.pass() } }
        }
        try await eventually { gates.allSatisfy { $0.waiting == 1 } }
        let waiter = Task { try await slots.withSlot {} }
        try await eventually { slots.waiting == 1 }

        gates[0].open()
        try await forced[0].value

        #expect(slots.waiting == 1)
        gates[1].open()
        try await forced[1].value
        try await waiter.value
        #expect(try await slots.withSlot { true })
    }
}
