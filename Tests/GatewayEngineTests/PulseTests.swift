// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

/// What the heartbeat says about the task store.
@Suite struct PulseTests {
    @Test func `a store that refuses a heartbeat is out of order until it takes one`() async throws {
        let (store, time, pulse) = (MemoryTaskStore(), ManualTime(), Pulse())
        try pulse.check(at: time.now)
        store.fail([StoreError(.full, "No space is left.")])

        await #expect(throws: StoreError.self) { try await pulse.beat(store, node: "n", time: time) }
        #expect { try pulse.check(at: time.now) } throws: { ($0 as? StoreError)?.code == .full }

        try await pulse.beat(store, node: "n", time: time)
        try pulse.check(at: time.now)
    }

    @Test func `a heartbeat that hangs is out of order after two seconds, and well when it is written`() async throws {
        let (gate, time, pulse) = (Gate(), ManualTime(), Pulse())
        let store = HookedStore(beating: { _ = await gate.pass() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pulse.beat(store, node: "n", time: time) }
            try await eventually { gate.waiting == 1 }

            time.advance(by: .seconds(2))
            try pulse.check(at: time.now)
            time.advance(by: .seconds(1))
            #expect { try pulse.check(at: time.now) } throws: { ($0 as? StoreError)?.code == .unavailable }

            gate.open()
            try await group.waitForAll()
        }
        try pulse.check(at: time.now)
    }
}
