// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import GatewayCore

/// The one timer for all who sleep.
@Suite(.timeLimit(.minutes(5))) struct AlarmClockTests {
    /// Who woke, in order.
    private final class Woken: Sendable {
        let times = Mutex<[Int]>([])
    }

    let clock = AlarmClock()

    @Test func `nobody is woken before the time, and all in the order of their times`() async throws {
        let woken = Woken()
        let start = ContinuousClock.now

        try await withThrowingTaskGroup(of: Void.self) { group in
            for milliseconds in [180, 60, 120, 0, -5] {
                group.addTask { [clock] in
                    try await clock.sleep(for: .milliseconds(milliseconds))
                    #expect(start.duration(to: .now) >= .milliseconds(milliseconds))
                    woken.times.withLock { $0.append(milliseconds) }
                }
            }
            try await group.waitForAll()
        }

        #expect(woken.times.withLock { Array($0.suffix(3)) } == [60, 120, 180])
        #expect(clock.sleeperCount == 0)
    }

    @Test func `a sleeper who is cancelled wakes at once, one who was before does not sleep`() async throws {
        let sleeper = Task { [clock] in try await clock.sleep(for: .seconds(600)) }
        while clock.sleeperCount == 0 { await Task.yield() }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }

        let late = Task { [clock] in
            while !Task.isCancelled { await Task.yield() }
            try await clock.sleep(for: .seconds(600))
        }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(clock.sleeperCount == 0)
    }

    @Test func `time limits that were not needed are forgotten, and the others kept`() async throws {
        let patient = Task { [clock] in try await clock.sleep(for: .seconds(600)) }
        for _ in 0..<1000 {
            let sleeper = Task { [clock] in try await clock.sleep(for: .seconds(600)) }
            while clock.sleeperCount < 2 { await Task.yield() }
            sleeper.cancel()
            _ = await sleeper.result
        }
        #expect((1..<100).contains(clock.alarmCount))
        #expect(clock.sleeperCount == 1)
        try await clock.sleep(for: .milliseconds(20))
        #expect(clock.sleeperCount == 1)
        patient.cancel()
        _ = await patient.result
        #expect(clock.sleeperCount == 0)
    }
}
