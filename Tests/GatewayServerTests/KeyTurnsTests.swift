// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayServer
import Synchronization
import Testing

/// How many are inside at once.
private final class Room: Sendable {
    private let counts = Mutex((now: 0, most: 0, all: 0))

    var most: Int { counts.withLock(\.most) }
    var all: Int { counts.withLock(\.all) }

    func enter() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.all + 1) } }
    func leave() { counts.withLock { $0.now -= 1 } }
}

@Suite(.timeLimit(.minutes(1))) struct KeyTurnsTests {
    @Test func `who has the same name comes one after the other, and nothing is left behind`() async throws {
        let turns = KeyTurns()
        let room = Room()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    try await turns.taking("order-7", of: "alice") {
                        room.enter()
                        await Task.yield()
                        room.leave()
                    }
                }
            }
            try await group.waitForAll()
        }

        #expect(room.most == 1)
        #expect(room.all == 100)
        #expect(turns.isIdle)
    }

    @Test func `another name, and another caller's, does not wait`() async throws {
        let turns = KeyTurns()
        let reached = try await turns.taking("a", of: "alice") {
            try await turns.taking("b", of: "alice") {
                try await turns.taking("a", of: "bob") { true }
            }
        }
        #expect(reached)
        #expect(turns.isIdle)
    }

    @Test func `a failure lets the next one in`() async throws {
        struct Mishap: Error {}
        let turns = KeyTurns()
        await #expect(throws: Mishap.self) { try await turns.taking("a", of: "alice") { throw Mishap() } }
        #expect(try await turns.taking("a", of: "alice") { 7 } == 7)
        #expect(turns.isIdle)
    }
}
