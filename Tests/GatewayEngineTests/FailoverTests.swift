// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import Testing

/// Every failure, and what is done after it; how often a task may repeat is tested where tasks run.
@Suite struct FailoverTests {
    private static func vendor(_ policy: ResubmitUnknown, _ failed: FailedTask = .failOver) -> EngineProvider {
        FakeVendor.saying().provider("a", resubmitUnknown: policy, failedTask: failed)
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

    /// The failures that bought nothing.
    static let harmless = [
        Case(.invalidRequest, failsOver: false, .unsupportedParameter),
        Case(.refused, failsOver: false, .contentPolicyViolation),
        Case(.credential, failsOver: true, .providerUnavailable),
        Case(.outOfCredit, failsOver: true, .providerUnavailable),
        Case(.modelUnavailable, failsOver: true, .providerUnavailable),
        Case(.rateLimited, failsOver: true, .providerUnavailable),
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
        for granted in [true, false] {
            var failover = Failover(candidates: candidates)
            var steps = [failover.first()]
            while case .submit = steps.last { steps.append(failover.step(after: error, isRepeatGranted: granted)) }

            let asked = failure.failsOver ? candidates : 1
            let expected = (0..<asked).map { Failover.Step.submit(candidate: $0, after: .zero) }
            #expect(steps == expected + [.giveUp(TaskFailure(failure.told, "Why."))])
            #expect(!failover.mayRepeat(after: error, by: Self.vendor(.once)))
        }
    }

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
        let again = failover.step(after: lost, isRepeatGranted: true)
        #expect(again == .submit(candidate: candidates - 1, after: .zero))
        #expect(failover.step(after: lost, isRepeatGranted: false) == .giveUp(TaskFailure(.outcomeUnknown, "Lost.")))
    }

    @Test func `work that a vendor says has failed goes to the next provider if the operator allows it`() {
        let failed = ProviderError(.failed, "It failed.")
        let final = ProviderError(.failed, "It failed.", recovery: .report)
        var failover = Failover(candidates: 2)

        #expect(failover.mayRepeat(after: failed, by: Self.vendor(.never)))
        #expect(!failover.mayRepeat(after: failed, by: Self.vendor(.once, .report)))
        #expect(!failover.mayRepeat(after: final, by: Self.vendor(.once)))
        #expect(!failover.mayRepeat(after: failed, by: nil))
        #expect(failover.step(after: failed, isRepeatGranted: true) == .submit(candidate: 1, after: .zero))
        #expect(!failover.mayRepeat(after: failed, by: Self.vendor(.once)))
        #expect(
            failover.step(after: failed, isRepeatGranted: false) == .giveUp(TaskFailure(.upstreamError, "It failed."))
        )
    }

    @Test func `a vendor is asked again as often and as late as it says`() {
        let error = ProviderError(.overloaded, "Busy.", recovery: .retry(2, after: .seconds(1), thenFailOver: true))
        var failover = Failover(candidates: 2)

        let steps = (1...6).map { _ in failover.step(after: error, isRepeatGranted: false) }

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
        let error = ProviderError(.rateLimited, "Slow down.", recovery: .retry(1, after: delay, thenFailOver: true))
        var several = Failover(candidates: 2)
        var alone = Failover(candidates: 1)
        var last = Failover(candidates: 2, place: 1)

        let step = several.step(after: error, isRepeatGranted: false)

        #expect(step == .submit(candidate: next, after: next == 0 ? delay : .zero))
        #expect(alone.step(after: error, isRepeatGranted: false) == .submit(candidate: 0, after: delay))
        #expect(last.step(after: error, isRepeatGranted: false) == .submit(candidate: 1, after: delay))
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
        var step = failover.first()

        for (place, code) in codes.enumerated() {
            step = failover.step(after: ProviderError(code, "\(code)"), isRepeatGranted: place == 0)
        }

        guard case .giveUp(let failure) = step else {
            Issue.record("It goes on: \(step)")
            return
        }
        #expect(failure.code == told)
    }

    @Test func `without candidates nobody is asked`() {
        #expect(Failover(candidates: 0).first() == .giveUp(Failover.nobody))
    }

    @Test func `work lost by a provider that is a candidate no more goes on at the first`() {
        var failover = Failover(candidates: 2, place: -1)

        let step = failover.step(after: ProviderError(.outcomeUnknown, "Lost."), isRepeatGranted: true)

        #expect(step == .submit(candidate: 0, after: .zero))
    }
}
