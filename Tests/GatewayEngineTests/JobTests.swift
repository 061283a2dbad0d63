// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// Tasks whose vendor gives a job to ask for.
@Suite struct JobTests {
    @Test func `a job is asked for until it is done`() async throws {
        let vendor = FakeVendor.saying(.job("j"), polled: [.job("j"), .job("j"), .pictures(3)])
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.headers.map(\.size.width) == [3])
        #expect(task.attempts.map(\.vendorTaskID) == ["j"])
        #expect(task.attempts.map(\.outcome) == [.succeeded])
        #expect(vendor.ledger.submissions == 1)
        #expect(vendor.ledger.polls == 3)
    }

    @Test func `questions come at the operator's distance, give or take a tenth`() async throws {
        let waiting = [FakeVendor.Answer](repeating: .job("j"), count: 40)
        let vendor = FakeVendor.saying(.job("j"), polled: waiting + [.pictures(3)])
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(10)))

        try await bench.draw()

        let pauses = bench.time.slept
        #expect(pauses.count == 41)
        #expect(pauses.allSatisfy { $0 >= .seconds(9) && $0 <= .seconds(11) })
        #expect(Set(pauses).count > 1)
    }

    @Test(arguments: [(0, 3), (1, 3), (5, 5), (9, 9), (10, 9), (3600, 9)])
    func `a vendor may slow questions down to a third, and not speed them up`(asked: Int, kept: Int) async throws {
        let job = FakeVendor.Answer.job("j", pollAfter: .seconds(asked))
        let vendor = FakeVendor.saying(job, polled: [job, .pictures(3)])
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(3)))

        try await bench.draw()

        let pauses = bench.time.slept
        #expect(pauses.count == 2)
        #expect(pauses.allSatisfy { $0 >= .seconds(kept) * 0.9 && $0 <= .seconds(kept) * 1.1 })
    }

    @Test func `a question that fails says nothing about the work`() async throws {
        let slow = ProviderError.Recovery.retry(1, after: .seconds(20), thenFailOver: true)
        let never = ProviderError.Recovery.retry(1, after: .seconds(86_400), thenFailOver: true)
        let vendor = FakeVendor.saying(
            .job("j"),
            polled: [
                .failing(.unreachable), .failing(.overloaded), .failing(.rateLimited, slow),
                .failing(.rateLimited, never), .failing(.credential), .failing(.outcomeUnknown),
                .failing(.notUnderstood), .job("j"), .pictures(3),
            ]
        )
        let bench = Bench(vendor.provider("a", resubmitUnknown: .never))

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.attempts.count == 1)
        #expect(vendor.ledger.polls == 9)
        #expect(bench.time.slept.contains(.seconds(20)))
        #expect(bench.time.slept.max() == .seconds(60))
    }

    @Test func `another name of the job is written down before it is asked for`() async throws {
        let memory = MemoryTaskStore()
        let written = Mutex<[String?]>([])
        let vendor = FakeVendor { job, number in
            written.withLock { $0.append(memory.all.first?.attempts.first?.vendorTaskID) }
            return number < 3 ? .job("j\(number)") : .pictures(3)
        } submit: { _, _ in
            .job("j0")
        }
        let bench = Bench(vendor.provider("a"), store: memory)

        try await bench.draw()

        #expect(vendor.ledger.jobs.map(\.id) == ["j0", "j1", "j2"])
        #expect(written.withLock(\.self) == ["j0", "j1", "j2"])
    }

    @Test func `a job that never ends is given up with the task, and unknown`() async throws {
        let vendor = FakeVendor { _, _ in
            .job("j")
        } submit: { _, _ in
            .job("j")
        }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(60)))

        let task = try await bench.draw()

        #expect(task.failure?.code == .taskTimeout)
        #expect(task.attempts.map(\.outcome) == [.unknown])
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a refusal of the work is final`() async throws {
        let vendor = FakeVendor.saying(.job("j"), polled: [.failing(.refused)])
        let other = FakeVendor.saying(.pictures(3))
        let bench = Bench(vendor.provider("a"), other.provider("b"))

        let task = try await bench.draw()

        #expect(task.failure?.code == .contentPolicyViolation)
        #expect(other.ledger.submissions == 0)
    }

    @Test func `work that failed goes to the next provider once`() async throws {
        let first = FakeVendor.saying(.job("j"), polled: [.failing(.failed)])
        let second = FakeVendor.saying(.job("k"), polled: [.failing(.failed)])
        let third = FakeVendor.saying(.pictures(3))
        let bench = Bench(
            first.provider("a", resubmitUnknown: .never),
            second.provider("b", resubmitUnknown: .never),
            third.provider("c")
        )

        let task = try await bench.draw()

        #expect(task.failure?.code == .upstreamError)
        #expect(task.attempts.map(\.outcome) == [.failed, .failed])
        #expect(third.ledger.submissions == 0)
    }

    @Test(arguments: [Attempt.Outcome.failed, .rejected])
    func `work that failed is reported where the operator wants that, refunded or not`(
        outcome: Attempt.Outcome
    ) async throws {
        let failure = FakeVendor.Answer.failure(
            ProviderError(
                .failed,
                "It failed.",
                recovery: .retry(1, after: .seconds(5), thenFailOver: true),
                outcome: outcome
            )
        )
        let first = FakeVendor.saying(.job("j"), .job("k"), polled: [failure, failure])
        let second = FakeVendor.saying(.pictures(3))
        let bench = Bench(first.provider("a", failedTask: .report), second.provider("b"))

        let task = try await bench.draw()

        #expect(task.failure?.code == .upstreamError)
        #expect(first.ledger.submissions == 1)
        #expect(second.ledger.submissions == 0)
    }

    @Test(arguments: [
        (FakeVendor.Answer.failing(.noImage), TaskFailure.Code.outcomeUnknown), (.images([]), .outcomeUnknown),
        (.images([.bytes(.init(string: "oops"))]), .invalidImage),
    ])
    func `a job that ends without a picture may be billed`(
        _ end: FakeVendor.Answer,
        code: TaskFailure.Code
    ) async throws {
        let never = Bench(
            FakeVendor.saying(.job("j"), polled: [end]).provider("a", resubmitUnknown: .never),
            FakeVendor.saying(.pictures(3)).provider("b")
        )
        let once = Bench(
            FakeVendor.saying(.job("j"), polled: [end]).provider("a", resubmitUnknown: .once),
            FakeVendor.saying(.job("k"), polled: [end]).provider("b", resubmitUnknown: .once),
            FakeVendor.saying(.pictures(3)).provider("c")
        )

        let reported = try await never.draw()
        let repeated = try await once.draw()

        #expect(reported.failure?.code == code)
        #expect(reported.attempts.map(\.outcome) == [.unknown])
        #expect(repeated.failure?.code == code)
        #expect(repeated.attempts.map(\.provider) == ["a", "b"])
    }

    @Test func `what the vendor accepted is written down even when the process stops in that moment`() async throws {
        let gate = Gate()
        let vendor = FakeVendor.init(poll: { _, _ in .pictures(3) }) { _, _ in
            _ = await gate.pass()
            return .job("j")
        }
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(node: "node-1")
        let run = Task { try await bench.run(created) }
        try await eventually { gate.waiting == 1 }

        run.cancel()
        let released = try await run.value

        #expect(released.node == nil)
        #expect(released.portions.map(\.stage) == [.waiting(attempt: 0, job: ProviderJob(id: "j"))])
        let claimed = try await bench.store.claim(node: "node-2", limit: 1, excluding: [], now: bench.time.now) { _ in
            [1]
        }
        let task = try await bench.run(try #require(claimed.first))
        #expect(task.status == .completed)
        #expect(vendor.ledger.submissions == 1)
    }

    // MARK: Jobs that are out of reach

    @Test(arguments: [ProviderError.Code.jobNotFound, .credential], [ResubmitUnknown.never, .once])
    func `a job that nobody can account for is lost, and counts as one that may be billed`(
        code: ProviderError.Code,
        policy: ResubmitUnknown
    ) async throws {
        let vendor = FakeVendor.init(poll: { _, _ in .failing(code) }) { _, _ in .job("j") }
        let other = FakeVendor.saying(.pictures(3))
        let bench = Bench(
            vendor.provider("a", pollInterval: .seconds(20), resubmitUnknown: policy),
            other.provider("b")
        )

        let task = try await bench.draw()

        #expect(task.failure?.code == (policy == .never ? .outcomeUnknown : nil))
        #expect(task.attempts.map(\.outcome) == (policy == .never ? [.unknown] : [.unknown, .succeeded]))
        #expect(vendor.ledger.polls == 3)
    }

    @Test func `three answers in a row within half a minute are not believed`() async throws {
        let vendor = FakeVendor { _, number in
            number < 10 ? .failing(.jobNotFound) : .pictures(3)
        } submit: { _, _ in
            .job("j")
        }
        let bench = Bench(vendor.provider("a", pollInterval: .seconds(3), resubmitUnknown: .never))

        #expect(try await bench.draw().status == .completed)
        #expect(vendor.ledger.polls == 10)
    }

    @Test func `an answer about the work in between begins the count anew, a failed question does not`() {
        var strikes = Strikes()
        let now = Timestamp(seconds: 1_700_000_000)

        #expect(strikes.areOut(after: .jobNotFound, at: now) == false)
        #expect(strikes.areOut(after: .overloaded, at: now.advanced(by: .seconds(20))) == false)
        #expect(strikes.areOut(after: .jobNotFound, at: now.advanced(by: .seconds(40))) == false)
        #expect(strikes.areOut(after: .credential, at: now.advanced(by: .seconds(60))) == false)
        #expect(strikes.areOut(after: .jobNotFound, at: now.advanced(by: .seconds(61))) == false)
        #expect(strikes.areOut(after: .jobNotFound, at: now.advanced(by: .seconds(62))) == false)
        #expect(strikes.areOut(after: .jobNotFound, at: now.advanced(by: .seconds(90))) == false)
        #expect(strikes.areOut(after: .jobNotFound, at: now.advanced(by: .seconds(91))) == true)
    }

    @Test func `a job is asked for with the key that submitted it`() async throws {
        let vendor = FakeVendor(keyedPoll: { _, _, number in number < 3 ? .job("j") : .pictures(3) }) { _, _, _ in
            .job("j")
        }
        let bench = Bench(vendor.provider("a", keys: ["k1", "k2", "k3"]))

        for _ in 1...3 { try await bench.draw() }

        let keys = vendor.ledger.keys
        #expect(Set(keys) == ["k1", "k2", "k3"])
        #expect(vendor.ledger.pollKeys.prefix(3) == [keys[0], keys[0], keys[0]])
    }

    @Test func `when that key is not accepted any more another of the same account is asked`() async throws {
        let vendor = FakeVendor(
            keyedPoll: { _, key, number in
                switch key.withPlaintext({ $0 }) {
                case "k1": number == 1 ? .job("j") : .failing(.credential)
                case "k2": .failing(.jobNotFound)
                default: number < 6 ? .job("j") : .pictures(3)
                }
            },
            keyedSubmit: { _, _, _ in .job("j") }
        )
        let bench = Bench(vendor.provider("a", keys: ["k3", "k1", "k2"], resubmitUnknown: .never))

        #expect(try await bench.draw().status == .completed)
        #expect(vendor.ledger.pollKeys == ["k1", "k1", "k3", "k3", "k3"].dropLast(0) + ["k3"])
    }

    // MARK: After a restart

    private static let waiting: [TaskEvent] = [
        .claimed(node: "gone", portions: [1]),
        .submitting(portion: 0, provider: "a", model: "one", warnings: []),
        .accepted(portion: 0, job: ProviderJob(id: "j")),
    ]

    @Test func `a job that was done meanwhile is asked for and never submitted again`() async throws {
        let vendor = FakeVendor.saying(polled: [.pictures(3)])
        let other = FakeVendor.saying()
        let bench = Bench(other.provider("b"), vendor.provider("a", maxConcurrent: 1))

        let task = try await bench.run(try await bench.adopted(after: Self.waiting))

        #expect(task.status == .completed)
        #expect(task.attempts.count == 1)
        #expect(vendor.ledger.jobs.map(\.id) == ["j"])
        #expect(vendor.ledger.submissions + other.ledger.submissions == 0)
        #expect(bench.time.slept.allSatisfy { $0 <= .seconds(3) })
    }

    @Test(arguments: [("id-k2", "k2"), ("id-gone", "k1")])
    func `after a restart it is asked for with the key that submitted it, or any if that is gone`(
        submitted: String,
        asked: String
    ) async throws {
        let vendor = FakeVendor.saying(polled: [.pictures(3)])
        let bench = Bench(vendor.provider("a", keys: ["k1", "k2"]))
        let events: [TaskEvent] = [
            .claimed(node: "gone", portions: [1]),
            .submitting(portion: 0, provider: "a", model: "one", key: submitted, warnings: []),
            .accepted(portion: 0, job: ProviderJob(id: "j")),
        ]

        #expect(try await bench.run(try await bench.adopted(after: events)).status == .completed)
        #expect(vendor.ledger.pollKeys == [asked])
    }

    @Test func `a job is asked for at once even when its vendor is full`() async throws {
        let gate = Gate()
        let vendor = FakeVendor.init(poll: { _, _ in .pictures(3) }) { _, _ in
            _ = await gate.pass()
            return .pictures(4)
        }
        let bench = Bench(vendor.provider("a", maxConcurrent: 1))
        let adopted = try await bench.adopted(after: Self.waiting)
        let blocking = Task { try await bench.draw() }
        try await eventually { gate.waiting == 1 }

        let task = try await bench.run(adopted)

        #expect(task.status == .completed)
        gate.open()
        #expect(try await blocking.value.status == .completed)
    }

    @Test func `a job is asked for although its vendor is no candidate any more`() async throws {
        let vendor = FakeVendor.saying(polled: [.pictures(3)])
        let other = FakeVendor.saying()
        let bench = Bench(
            vendor.provider("a"),
            other.provider("b"),
            routes: [.init(match: "", providers: ["b"])]
        )

        let task = try await bench.run(try await bench.adopted(after: Self.waiting))

        #expect(task.status == .completed)
        #expect(other.ledger.submissions == 0)
    }

    @Test func `a job whose provider is gone from the configuration is unknown, and bought nowhere else`() async throws
    {
        let other = FakeVendor.saying(.pictures(3))
        let bench = Bench(other.provider("b"))

        let task = try await bench.run(try await bench.adopted(after: Self.waiting))

        #expect(task.failure?.code == .outcomeUnknown)
        #expect(task.attempts.map(\.outcome) == [.unknown])
        #expect(other.ledger.submissions == 0)
    }
}
