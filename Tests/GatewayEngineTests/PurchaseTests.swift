// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Synchronization
import Testing

/// What may be bought, and how often.
@Suite struct PurchaseTests {
    @Test func `a lost answer is final where the operator says never`() async throws {
        let first = FakeVendor.saying(.failing(.outcomeUnknown))
        let second = FakeVendor.saying(.pictures(1))
        let bench = Bench(first.provider("a", resubmitUnknown: .never), second.provider("b"))

        let task = try await bench.draw()

        #expect(task.failure?.code == .outcomeUnknown)
        #expect(task.attempts.map(\.outcome) == [.unknown])
        #expect(second.ledger.submissions == 0)
    }

    @Test func `a lost answer is followed by one more call, at the next provider`() async throws {
        let first = FakeVendor.saying(.failing(.outcomeUnknown))
        let second = FakeVendor.saying(.pictures(1))
        let bench = Bench(first.provider("a"), second.provider("b"))

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.attempts.map(\.outcome) == [.unknown, .succeeded])
        #expect(first.ledger.submissions == 1)
    }

    @Test func `a lost answer of the only provider is followed by one more call there`() async throws {
        let vendor = FakeVendor.saying(.failing(.outcomeUnknown), .pictures(1))
        let bench = Bench(vendor.provider("a"))

        #expect(try await bench.draw().status == .completed)
        #expect(vendor.ledger.submissions == 2)
    }

    @Test func `a second lost answer is final`() async throws {
        let first = FakeVendor { _, _ in .failing(.outcomeUnknown) }
        let second = FakeVendor { _, _ in .failing(.outcomeUnknown) }
        let third = FakeVendor.saying(.pictures(1))
        let bench = Bench(first.provider("a"), second.provider("b"), third.provider("c"))

        let task = try await bench.draw()

        #expect(task.failure?.code == .outcomeUnknown)
        #expect(task.attempts.map(\.provider) == ["a", "b"])
        #expect(third.ledger.submissions == 0)
    }

    @Test func `what is rejected after a lost answer still fails over for free`() async throws {
        let bench = Bench(
            FakeVendor.saying(.failing(.outcomeUnknown)).provider("a"),
            FakeVendor.saying(.failing(.overloaded)).provider("b"),
            FakeVendor.saying(.pictures(1)).provider("c")
        )

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.attempts.map(\.outcome) == [.unknown, .rejected, .succeeded])
    }

    @Test func `the one repeat is the task's, not each portion's`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            guard number <= 4 else { return .pictures(number) }
            // All four are under way before the first is lost.
            if number == 4 { gate.open() }
            _ = await gate.pass()
            return .failing(.outcomeUnknown)
        }
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw(count: 4)

        #expect(vendor.ledger.submissions == 5)
        #expect(task.status == .completed)
        #expect(task.pictures.count == 1)
        #expect(task.warnings.count == 1)
        #expect(
            task.portions.count { if case .failed(let why) = $0.stage { why.code == .outcomeUnknown } else { false } }
                == 3
        )
    }

    // MARK: A process that stops

    /// Runs a task whose vendor answers only when the run is cancelled.
    private func stopped(_ answer: FakeVendor.Answer, needsLink: Bool = true) async throws -> (Bench, ImageTask) {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in
            _ = await gate.pass()
            return answer
        }
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(needsLink: needsLink, node: "node-1")
        let run = Task { try await bench.run(created) }
        try await eventually { gate.waiting == 1 }
        run.cancel()
        return (bench, try await run.value)
    }

    @Test func `a call that a stopping process ends is unknown, and its task goes back`() async throws {
        let (_, task) = try await stopped(.failing(.outcomeUnknown))

        #expect(task.node == nil)
        #expect(task.status == .inProgress)
        #expect(task.portions.map(\.stage) == [.queued])
        #expect(task.attempts.map(\.outcome) == [.unknown])
    }

    @Test func `a call that certainly did nothing is not unknown because the process stops`() async throws {
        let (_, task) = try await stopped(.failing(.unreachable, .report))

        #expect(task.node == nil)
        #expect(task.portions.map(\.stage) == [.queued])
        #expect(task.attempts.map(\.outcome) == [.notSent])
    }

    @Test(arguments: [true, false])
    func `a picture that comes in the moment a process stops is kept`(needsLink: Bool) async throws {
        let (bench, task) = try await stopped(.pictures(7), needsLink: needsLink)

        #expect(task.status == .completed)
        #expect(bench.objects.objects.count == 1)
    }

    @Test func `what was written down and not sent when the process stopped is not unknown`() async throws {
        let gate = Gate()
        let store = HookedStore { task in
            if task.attempts.contains(where: { $0.outcome == nil }) { _ = await gate.pass() }
            return nil
        }
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a", resubmitUnknown: .never), store: store)
        let created = try await bench.create(node: "node-1")
        let run = Task { try await bench.run(created) }
        try await eventually { gate.waiting == 1 }

        run.cancel()

        let task = try await run.value
        #expect(vendor.ledger.submissions == 0)
        #expect(task.node == nil)
        #expect(task.attempts.map(\.outcome) == [.notSent])
        gate.open()
        let claimed = try await bench.store.claim(node: "node-2", limit: 1, excluding: [], now: bench.time.now) { _ in
            [1]
        }
        #expect(try await bench.run(try #require(claimed.first)).status == .completed)
    }
}
