// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// Whatever vendors do: no portion is bought twice but for the one repeat of its task, where the operator allows it.
@Suite struct PurchaseRuleTests {
    /// Chance that is the same each time.
    private final class Chance: Sendable {
        private let seed: Mutex<UInt64>

        init(_ seed: UInt64) { self.seed = Mutex(seed) }

        func below(_ limit: Int) -> Int {
            seed.withLock { seed in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((seed >> 33) % UInt64(limit))
            }
        }
    }

    /// Every failure a vendor can have; those of the second list may have bought.
    private static let free: [ProviderError.Code] = [
        .refused, .invalidRequest, .credential, .outOfCredit, .modelUnavailable, .rateLimited, .overloaded,
        .unreachable, .noImage,
    ]
    private static let costly: [ProviderError.Code] = [.outcomeUnknown, .badPicture, .notUnderstood, .failed]

    private static func failure(_ code: ProviderError.Code, _ chance: Chance) -> FakeVendor.Answer {
        let recoveries: [ProviderError.Recovery?] = [
            nil, .report, .failOver, .retry(2, after: .seconds(1), thenFailOver: true),
            .retry(1, after: .seconds(30), thenFailOver: false),
        ]
        let consequences: [ProviderError.Consequence?] = [
            nil, nil, .disableKey, .disableModel, .disableModelForKey, .coolDown(.seconds(9)),
        ]
        return .failure(
            ProviderError(
                code,
                "The provider says: \(code).",
                recovery: recoveries[chance.below(recoveries.count)],
                consequence: consequences[chance.below(consequences.count)]
            )
        )
    }

    private static func vendor(_ chance: Chance, hasJobs: Bool) -> FakeVendor {
        FakeVendor { job, _ in
            switch chance.below(8) {
            case 0...2: .job(job.id)
            case 3: failure([.jobNotFound, .credential, .overloaded, .unreachable][chance.below(4)], chance)
            case 4: failure((free + costly)[chance.below(13)], chance)
            case 5: .images([])
            default: .pictures(1)
            }
        } submit: { _, _ in
            switch chance.below(10) {
            case 0...2: failure(free[chance.below(free.count)], chance)
            case 3...4: failure(costly[chance.below(costly.count)], chance)
            case 5: .images([.bytes(.init(string: "oops"))])
            default: hasJobs ? .job("j") : .pictures(1)
            }
        }
    }

    @Test(arguments: 1...60)
    func `no portion is bought twice but for the one repeat of its task`(seed: Int) async throws {
        let chance = Chance(UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
        func provider(_ name: String) -> EngineProvider {
            Self.vendor(chance, hasJobs: chance.below(2) == 0).provider(
                name,
                keys: Array(["k1", "k2", "k3"].prefix(1 + chance.below(3))),
                maxConcurrent: chance.below(3),
                requestsPerMinute: chance.below(2) * 60,
                resubmitUnknown: chance.below(2) == 0 ? .once : .never,
                failedTask: chance.below(2) == 0 ? .failOver : .report
            )
        }
        let route = ProviderRouter.Route(
            match: "",
            providers: ["a", "b", "c"],
            strategy: chance.below(2) == 0 ? .priority : .weighted(["a": 1, "b": 2, "c": 1]),
            onRefusal: chance.below(2) == 0 ? .report : .failOver
        )
        let bench = Bench(provider("a"), provider("b"), provider("c"), routes: [route])

        for _ in 1...8 {
            let task = try await bench.draw(count: 1 + chance.below(4))
            bench.time.clock.advance(by: .seconds(chance.below(900)))

            #expect(task.status.isFinal)
            #expect(task.attempts.allSatisfy { $0.outcome != nil })
            check(task, bench)
        }
    }

    /// Counts what followed submissions that may have bought.
    private func check(_ task: ImageTask, _ bench: Bench) {
        var repeats = 0
        for place in task.attempts.indices {
            let attempt = task.attempts[place]
            let isFollowed = task.attempts[(place + 1)...].contains { $0.portion == attempt.portion }
            switch attempt.outcome {
            case .unknown?, .failed?:
                guard isFollowed else { continue }
                repeats += 1
                let provider = bench.parts.pool[attempt.provider]?.provider
                let isAllowed =
                    attempt.outcome == .failed
                    ? provider?.failedTask == .failOver : provider?.resubmitUnknown == .once
                #expect(isAllowed, "\(task.attempts)")
            case .succeeded?: #expect(!isFollowed, "\(task.attempts)")
            default: break
            }
        }
        #expect(repeats <= 1, "\(task.attempts)")
        let bought = task.attempts.count { $0.outcome?.mayHaveBought == true || $0.outcome == .succeeded }
        #expect(bought <= task.portions.count + 1)
    }
}
