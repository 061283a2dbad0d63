// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

/// What a process that takes a task over may do with it.
@Suite struct RestartTests {
    private static let claimed: TaskEvent = .claimed(node: "gone", portions: [1])

    private static func submitting(_ portion: Int = 0, by provider: String = "a") -> TaskEvent {
        .submitting(portion: portion, provider: provider, model: "one", warnings: [])
    }

    private static func lost(_ portion: Int = 0) -> TaskEvent {
        .attemptFailed(portion: portion, outcome: .unknown, error: "Lost.")
    }

    @Test(arguments: [ResubmitUnknown.once, .never])
    func `a submission that a dead process lost is bought again if the operator allows it`(
        policy: ResubmitUnknown
    ) async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a", resubmitUnknown: policy))

        let task = try await bench.run(try await bench.adopted(after: [Self.claimed, Self.submitting()]))

        #expect(vendor.ledger.submissions == (policy == .once ? 1 : 0))
        #expect(task.attempts.map(\.outcome) == (policy == .once ? [.unknown, .succeeded] : [.unknown]))
        #expect(task.failure?.code == (policy == .once ? nil : .outcomeUnknown))
    }

    @Test func `the repeat after a restart goes to the next provider`() async throws {
        let first = FakeVendor.saying()
        let second = FakeVendor.saying(.pictures(1))
        let bench = Bench(first.provider("a"), second.provider("b"))

        let task = try await bench.run(try await bench.adopted(after: [Self.claimed, Self.submitting()]))

        #expect(task.status == .completed)
        #expect(first.ledger.submissions == 0)
    }

    @Test func `a process lost twice does not buy a third time`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))
        let events = [Self.claimed, Self.submitting(), Self.lost(), Self.submitting()]

        let task = try await bench.run(try await bench.adopted(after: events))

        #expect(task.failure?.code == .outcomeUnknown)
        #expect(task.attempts.map(\.outcome) == [.unknown, .unknown])
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `of several submissions lost together one is repeated`() async throws {
        let vendor = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(vendor.provider("a"))
        let events = [.claimed(node: "gone", portions: [1, 1, 1])] + (0..<3).map { Self.submitting($0) }

        let task = try await bench.run(try await bench.adopted(count: 3, after: events))

        #expect(vendor.ledger.submissions == 1)
        #expect(task.status == .completed)
        #expect(task.pictures.count == 1)
    }

    @Test func `a repeat that was decided and not sent yet is sent after a restart`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.run(try await bench.adopted(after: [Self.claimed, Self.submitting(), Self.lost()]))

        #expect(task.status == .completed)
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `work that failed twice is not bought a third time after a restart`() async throws {
        let vendors = ["a", "b", "c"].map { (name: $0, vendor: FakeVendor.saying(.pictures(1))) }
        let providers = vendors.map { $0.vendor.provider($0.name) }
        let bench = Bench(providers[0], providers[1], providers[2])
        let failed: TaskEvent = .attemptFailed(portion: 0, outcome: .failed, error: "It failed.")
        let events = [Self.claimed, Self.submitting(), failed, Self.submitting(by: "b"), failed]

        let task = try await bench.run(try await bench.adopted(after: events))

        #expect(task.failure?.code == .upstreamError)
        #expect(vendors.allSatisfy { $0.vendor.ledger.submissions == 0 })
    }

    @Test func `a lost submission of a provider that is gone is bought nowhere else`() async throws {
        let other = FakeVendor.saying(.pictures(1))
        let bench = Bench(other.provider("b"))

        let task = try await bench.run(try await bench.adopted(after: [Self.claimed, Self.submitting()]))

        #expect(task.failure?.code == .outcomeUnknown)
        #expect(other.ledger.submissions == 0)
    }

    @Test func `an attempt that bought nothing leaves the front of the line open`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), FakeVendor.saying().provider("b"))
        let rejected: TaskEvent = .attemptFailed(portion: 0, outcome: .rejected, error: "Busy.")

        let task = try await bench.run(
            try await bench.adopted(after: [Self.claimed, Self.submitting(by: "b"), rejected])
        )

        #expect(task.status == .completed)
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a task that waited for a dead process is run by the one that takes it over`() async throws {
        let vendor = FakeVendor { _, number in .pictures(number) }
        let bench = Bench(vendor.provider("a"))
        try await bench.create(count: 2, node: "gone")
        let adopted = try await bench.store.adopt(
            node: "node-1",
            silentSince: bench.time.now,
            limit: 9,
            now: bench.time.now
        )

        let task = try await bench.run(try #require(adopted.first))

        #expect(task.status == .completed)
        #expect(vendor.ledger.submissions == 2)
    }

    @Test func `portions are resumed each from its own stage`() async throws {
        let vendor = FakeVendor { _, number in .pictures(10 + number) }
        let jobs = FakeVendor.init(poll: { _, _ in .pictures(50) }) { _, _ in .pictures(60) }
        let bench = Bench(vendor.provider("a"), jobs.provider("j", resubmitUnknown: .never))
        let stored = StoredPicture(key: "2023/11/14/kept.png", header: SampleTasks.header, bytes: 9)
        let events: [TaskEvent] = [
            .claimed(node: "gone", portions: [1, 1, 1, 1, 1]),
            Self.submitting(0),
            .stored(portion: 0, pictures: [stored], usage: nil, warnings: []),
            Self.submitting(1, by: "j"),
            .accepted(portion: 1, job: ProviderJob(id: "j1")),
            Self.submitting(2),
            .portionFailed(portion: 3, TaskFailure(.contentPolicyViolation, "No.")),
        ]

        let task = try await bench.run(try await bench.adopted(count: 5, after: events))

        #expect(task.status == .completed)
        #expect(task.pictures.first == stored)
        #expect(task.headers.map(\.size.width) == [1024, 50, 60, 11])
        #expect(task.warnings == ["4 of 5 pictures were made: No."])
        #expect(vendor.ledger.submissions == 1)
        #expect(jobs.ledger.submissions == 1)
        #expect(jobs.ledger.jobs.map(\.id) == ["j1"])
    }
}
