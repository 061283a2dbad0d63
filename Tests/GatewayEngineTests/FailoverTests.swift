// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import Testing

/// Every failure, and what is done after it; how often a task may repeat is tested where tasks run.
@Suite struct FailoverTests {
    private static func vendor(_ policy: ResubmitUnknown, _ failed: FailedTask = .failOver) -> EngineProvider {
        FakeVendor.saying().provider("a", resubmitUnknown: policy, failedTask: failed)
    }

    /// Everybody can be asked, and there is time.
    private static func open(_ candidates: Int) -> Failover.Situation {
        situation([Failover.Standing](repeating: .ready(after: .zero), count: candidates))
    }

    private static func situation(
        _ standings: [Failover.Standing],
        timeLeft: Duration = .seconds(900),
        patience: Duration = .seconds(900)
    ) -> Failover.Situation {
        Failover.Situation(standings: standings, timeLeft: timeLeft, patience: patience)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var code: ProviderError.Code
        var failsOver: Bool
        var told: TaskFailure.Code
        var testDescription: String { "\(code)" }

        init(_ code: ProviderError.Code, failsOver: Bool, _ told: TaskFailure.Code) {
            self.code = code
            self.failsOver = failsOver
            self.told = told
        }
    }

    /// The failures that bought nothing, and lie with no key.
    static let harmless = [
        Case(.invalidRequest, failsOver: false, .unsupportedParameter),
        Case(.refused, failsOver: false, .contentPolicyViolation),
        Case(.overloaded, failsOver: true, .upstreamError),
        Case(.unreachable, failsOver: true, .providerUnavailable),
        Case(.noImage, failsOver: true, .noImageGenerated),
    ]

    @Test(arguments: harmless, [1, 2, 3])
    func `what bought nothing goes on to the next provider, or is the request's own fault`(
        failure: Case,
        candidates: Int
    ) {
        let error = ProviderError(failure.code, "Why.")
        let now = Self.open(candidates)
        for granted in [true, false] {
            var failover = Failover(candidates: candidates)
            var steps = [failover.next(now)]
            while case .submit = steps.last { steps.append(failover.step(after: error, isRepeatGranted: granted, now)) }

            let asked = failure.failsOver ? candidates : 1
            let expected = (0..<asked).map { Failover.Step.submit(candidate: $0, after: .zero) }
            #expect(steps == expected + [.giveUp(TaskFailure(failure.told, "Why."))])
            #expect(!failover.mayRepeat(after: error, by: Self.vendor(.once)))
        }
    }

    @Test func `a refusal goes to the next provider where the route says so`() {
        let error = ProviderError(.refused, "No.")
        var failover = Failover(candidates: 2, onRefusal: .failOver)

        #expect(
            failover.step(after: error, isRepeatGranted: false, Self.open(2)) == .submit(candidate: 1, after: .zero)
        )
        #expect(
            failover.step(after: ProviderError(.overloaded, "Busy."), isRepeatGranted: false, Self.open(2))
                == .giveUp(TaskFailure(.contentPolicyViolation, "No."))
        )
    }

    static let aboutKeys: [ProviderError.Code] = [.credential, .outOfCredit, .modelUnavailable, .rateLimited]

    @Test(arguments: aboutKeys)
    func `what lies with a key goes to the next key at once, then to the next provider`(code: ProviderError.Code) {
        let error = ProviderError(code, "Why.", recovery: .retry(3, after: .seconds(1), thenFailOver: true))
        var failover = Failover(candidates: 2)

        let next = failover.step(after: error, isRepeatGranted: false, Self.open(2))
        let out = Self.situation([.gone, .ready(after: .zero)])
        let last = failover.step(after: error, isRepeatGranted: false, out)

        #expect(next == .submit(candidate: 0, after: .zero))
        #expect(last == .submit(candidate: 1, after: .zero))
        #expect(
            failover.step(after: error, isRepeatGranted: false, Self.situation([.gone, .gone]))
                == .giveUp(TaskFailure(.providerUnavailable, "Why."))
        )
    }

    @Test func `a provider that only limits its callers is come back to, others are not`() {
        let now = Self.situation([.returning(after: .seconds(9)), .returning(after: .seconds(7))])
        let limited = ProviderError(.rateLimited, "Slow down.")
        for (code, step) in [
            (ProviderError.Code.rateLimited, Failover.Step.wait(.seconds(7))), (.credential, .wait(.seconds(7))),
        ] {
            var failover = Failover(candidates: 2)
            #expect(failover.step(after: ProviderError(code, "Why."), isRepeatGranted: false, now) == step)
        }
        var alone = Failover(candidates: 1)
        let returning = Self.situation([.returning(after: .seconds(7))])
        #expect(alone.step(after: limited, isRepeatGranted: false, returning) == .wait(.seconds(7)))
        #expect(alone.next(Self.open(1)) == .submit(candidate: 0, after: .zero))
        var refused = Failover(candidates: 1)
        let bad = ProviderError(.credential, "Bad key.")
        #expect(
            refused.step(after: bad, isRepeatGranted: false, returning)
                == .giveUp(TaskFailure(.providerUnavailable, "Bad key."))
        )
        for _ in 0..<40 { _ = alone.step(after: limited, isRepeatGranted: false, returning) }
        #expect(alone.next(Self.open(1)) == .giveUp(TaskFailure(.providerUnavailable, "Slow down.")))
    }

    // MARK: Who can be asked

    struct Choice: Sendable, CustomTestStringConvertible {
        var standings: [Failover.Standing]
        var patience = 900.0
        var step: Failover.Step
        var testDescription: String { "\(standings) \(patience)" }
    }

    static let choices = [
        Choice(standings: [.ready(after: .zero), .ready(after: .zero)], step: .submit(candidate: 0, after: .zero)),
        Choice(standings: [.gone, .ready(after: .zero)], step: .submit(candidate: 1, after: .zero)),
        Choice(
            standings: [.returning(after: .seconds(1)), .ready(after: .zero)],
            step: .submit(candidate: 1, after: .zero)
        ),
        // Its pace: a short wait is worth it, a long one is not while another can be asked.
        Choice(
            standings: [.ready(after: .seconds(2)), .ready(after: .zero)],
            step: .submit(candidate: 0, after: .zero)
        ),
        Choice(
            standings: [.ready(after: .seconds(3)), .ready(after: .zero)],
            step: .submit(candidate: 1, after: .zero)
        ),
        Choice(
            standings: [.ready(after: .seconds(9)), .ready(after: .seconds(5))],
            step: .submit(candidate: 1, after: .zero)
        ),
        Choice(
            standings: [.ready(after: .seconds(9)), .returning(after: .seconds(20))],
            step: .submit(candidate: 0, after: .zero)
        ),
        Choice(standings: [.ready(after: .seconds(9)), .returning(after: .seconds(5))], step: .wait(.seconds(5))),
        Choice(
            standings: [.ready(after: .seconds(9)), .returning(after: .seconds(5))],
            patience: 4,
            step: .submit(candidate: 0, after: .zero)
        ),
        Choice(standings: [.ready(after: .seconds(900))], step: .giveUp(Failover.nobody)),
        // Nobody can be asked now.
        Choice(
            standings: [.returning(after: .seconds(30)), .returning(after: .seconds(20))],
            step: .wait(.seconds(20))
        ),
        Choice(standings: [.returning(after: .seconds(30)), .gone], patience: 5, step: .giveUp(Failover.nobody)),
        Choice(standings: [.returning(after: .seconds(900))], step: .giveUp(Failover.nobody)),
        Choice(standings: [.gone, .gone], step: .giveUp(Failover.nobody)),
        Choice(standings: [], step: .giveUp(Failover.nobody)),
    ]

    @Test(arguments: choices)
    func `who is out is passed over, and waited for only if nobody else can be asked`(choice: Choice) {
        var failover = Failover(candidates: choice.standings.count)

        let now = Self.situation(choice.standings, patience: .seconds(choice.patience))

        #expect(failover.next(now) == choice.step)
    }

    // MARK: What may have been bought

    @Test(arguments: [ProviderError.Code.outcomeUnknown, .notUnderstood], [1, 2])
    func `what may have been bought is asked for again only where the operator allows it`(
        code: ProviderError.Code,
        candidates: Int
    ) {
        let lost = ProviderError(code, "Lost.")
        var failover = Failover(candidates: candidates)

        #expect(!failover.mayRepeat(after: lost, by: Self.vendor(.never)))
        #expect(!failover.mayRepeat(after: lost, by: nil))
        #expect(failover.mayRepeat(after: lost, by: Self.vendor(.once)))
        let again = failover.step(after: lost, isRepeatGranted: true, Self.open(candidates))
        #expect(again == .submit(candidate: candidates - 1, after: .zero))
        #expect(
            failover.step(after: lost, isRepeatGranted: false, Self.open(candidates))
                == .giveUp(TaskFailure(.outcomeUnknown, "Lost."))
        )
    }

    @Test func `what was lost is asked for again where it was when nobody else can be asked`() {
        var failover = Failover(candidates: 2)
        let now = Self.situation([.ready(after: .zero), .returning(after: .seconds(30))])

        let step = failover.step(after: ProviderError(.outcomeUnknown, "Lost."), isRepeatGranted: true, now)

        #expect(step == .submit(candidate: 0, after: .zero))
    }

    @Test func `work that a vendor says has failed goes to the next provider if the operator allows it`() {
        let failed = ProviderError(.failed, "It failed.")
        let final = ProviderError(.failed, "It failed.", recovery: .report)
        var failover = Failover(candidates: 2)

        #expect(failover.mayRepeat(after: failed, by: Self.vendor(.never)))
        #expect(!failover.mayRepeat(after: failed, by: Self.vendor(.once, .report)))
        #expect(!failover.mayRepeat(after: final, by: Self.vendor(.once)))
        #expect(!failover.mayRepeat(after: failed, by: nil))
        #expect(
            failover.step(after: failed, isRepeatGranted: true, Self.open(2)) == .submit(candidate: 1, after: .zero)
        )
        #expect(!failover.mayRepeat(after: failed, by: Self.vendor(.once)))
        #expect(
            failover.step(after: failed, isRepeatGranted: false, Self.open(2))
                == .giveUp(TaskFailure(.upstreamError, "It failed."))
        )
    }

    @Test func `a vendor is asked again as often and as late as it says`() {
        let error = ProviderError(.overloaded, "Busy.", recovery: .retry(2, after: .seconds(1), thenFailOver: true))
        var failover = Failover(candidates: 2)

        let steps = (1...6).map { _ in failover.step(after: error, isRepeatGranted: false, Self.open(2)) }

        let again = Duration.seconds(1)
        #expect(
            Array(steps.prefix(5)) == [
                .submit(candidate: 0, after: again), .submit(candidate: 0, after: again),
                .submit(candidate: 1, after: .zero),
                .submit(candidate: 1, after: again), .submit(candidate: 1, after: again),
            ]
        )
        #expect(steps.last == .giveUp(TaskFailure(.upstreamError, "Busy.")))
    }

    @Test(arguments: [(2.0, 0), (2.1, 1), (60.0, 1)])
    func `nobody waits long for one provider while another could draw`(seconds: Double, next: Int) {
        let delay = Duration.seconds(seconds)
        let error = ProviderError(.overloaded, "Busy.", recovery: .retry(1, after: delay, thenFailOver: true))
        var several = Failover(candidates: 2)
        var others = Failover(candidates: 2)
        var alone = Failover(candidates: 1)
        var hasty = Failover(candidates: 1)

        let step = several.step(after: error, isRepeatGranted: false, Self.open(2))

        #expect(step == .submit(candidate: next, after: next == 0 ? delay : .zero))
        let out = Self.situation([.ready(after: .zero), .gone])
        #expect(others.step(after: error, isRepeatGranted: false, out) == .submit(candidate: 0, after: delay))
        #expect(alone.step(after: error, isRepeatGranted: false, Self.open(1)) == .submit(candidate: 0, after: delay))
        let short = Self.situation([.ready(after: .zero)], patience: delay)
        #expect(
            hasty.step(after: error, isRepeatGranted: false, short) == .giveUp(TaskFailure(.upstreamError, "Busy."))
        )
    }

    @Test func `a provider whose breaker opened is not asked again`() {
        let error = ProviderError(.overloaded, "Busy.", recovery: .retry(2, after: .seconds(1), thenFailOver: true))
        var failover = Failover(candidates: 2)
        let now = Self.situation([.returning(after: .seconds(30)), .ready(after: .zero)])

        #expect(failover.step(after: error, isRepeatGranted: false, now) == .submit(candidate: 1, after: .zero))
    }

    @Test(
        arguments: [
            ([.noImage, .overloaded], .noImageGenerated),
            ([.overloaded, .unreachable], .providerUnavailable),
            ([.unreachable, .overloaded], .upstreamError),
            ([.noImage, .invalidRequest], .unsupportedParameter),
            ([.noImage, .refused], .contentPolicyViolation),
            ([.outcomeUnknown, .overloaded], .outcomeUnknown),
            ([.outcomeUnknown, .invalidRequest], .outcomeUnknown),
            ([.outcomeUnknown, .refused], .contentPolicyViolation),
            ([.outcomeUnknown, .failed], .outcomeUnknown),
            ([.noImage, .outcomeUnknown], .outcomeUnknown),
        ] as [([ProviderError.Code], TaskFailure.Code)]
    )
    func `the caller is told the failure that says most`(codes: [ProviderError.Code], told: TaskFailure.Code) {
        var failover = Failover(candidates: codes.count)
        var step = failover.next(Self.open(codes.count))

        for (place, code) in codes.enumerated() {
            // Whoever failed is out, so that nobody is asked twice.
            let standings = codes.indices.map { $0 <= place ? Failover.Standing.gone : .ready(after: .zero) }
            let error = ProviderError(code, "\(code)")
            step = failover.step(after: error, isRepeatGranted: place == 0, Self.situation(standings))
        }

        guard case .giveUp(let failure) = step else {
            Issue.record("It goes on: \(step)")
            return
        }
        #expect(failure.code == told)
    }

    @Test func `work lost by a provider that is a candidate no more goes on at the first`() {
        var failover = Failover(candidates: 2, place: nil)

        let step = failover.step(after: ProviderError(.outcomeUnknown, "Lost."), isRepeatGranted: true, Self.open(2))

        #expect(step == .submit(candidate: 0, after: .zero))
    }
}
