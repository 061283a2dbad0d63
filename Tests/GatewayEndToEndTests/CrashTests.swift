// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The bar of survival: a gateway that dies again and again in the middle of everything loses nothing, buys nothing
/// beyond the promise, and tells everybody what became of it.
///
/// `make crash` runs the long form. `GATEWAY_CRASH_ROUNDS` and `GATEWAY_CRASH_TASKS` set how often and with how many
/// tasks; `GATEWAY_CRASH_SEED` repeats the moments of an earlier run, whose seed is in its output. A run ends with the
/// first round that is not clean, and leaves its folder.
@Suite(.serialized) struct CrashTests {
    @Test func `after kill -9 no task and no picture is lost, and nothing is bought beyond the promise`() async throws {
        try await CrashRun.rounds("crash", isGraceful: false, engine: "memory_budget: 96MiB") { run, chance, callers in
            // One time in three it dies again while it takes up what it had left.
            var deaths = [chance.moment(within: 0.05...CrashRun.span)]
            if chance.next() % 3 == 0 { deaths.append(chance.moment(within: 0...1.5)) }
            let orders = run.orders
            async let sending: Void = callers.send(orders)
            var accepted: [Int] = []
            for moment in deaths {
                try await Task.sleep(for: moment)
                await run.gateway.end(SIGKILL)
                run.ends += 1
                accepted.append(callers.told.accepted.count)
                run.gateway = try await run.fixture.startGateway()
            }
            try await sending
            let times = deaths.map { String(format: "%.2f s", $0.inSeconds) }.joined(separator: " and ")
            return "killed after \(times) with \(accepted) accepted"
        }
    }

    @Test func `after SIGTERM nothing is unknown, nobody is cut off, and everything completes`() async throws {
        try await CrashRun.rounds("stop", isGraceful: true, engine: "drain_timeout: 10s") { run, chance, callers in
            let moment = chance.moment(within: 0.05...CrashRun.span)
            let orders = run.orders
            async let sending: Void = callers.send(orders)
            try await Task.sleep(for: moment)
            let start = ContinuousClock.now
            #expect(await run.gateway.end(SIGTERM) == 0)
            run.ends += 1
            run.longestEnd = max(run.longestEnd, ContinuousClock.now - start)
            run.gateway = try await run.fixture.startGateway()
            try await sending
            #expect(run.longestEnd < .seconds(14))
            return "ended after \(String(format: "%.2f s", moment.inSeconds))"
        }
    }
}
