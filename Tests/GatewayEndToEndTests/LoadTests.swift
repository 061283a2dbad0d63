// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import Testing

/// Many tasks at once, with and without a crash in the middle.
///
/// `GATEWAY_LOAD_TASKS` sets how many; the full size of 2,000 takes a minute in a release build.
@Suite(.serialized) struct LoadTests {
    static let tasks = ProcessInfo.processInfo.environment["GATEWAY_LOAD_TASKS"].flatMap { Int($0) } ?? 400
    static let clients = 64

    @Test func `every accepted task completes and memory stays flat`() async throws {
        let fixture = try await GatewayFixture(latency: "2s", pictureBytes: 1 << 20)
        let gateway = try await fixture.startGateway()

        let ids = try await create(Self.tasks, fixture)
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(300))

        #expect(Set(ids).count == Self.tasks)
        #expect(outcomes == ["completed": Self.tasks])
        #expect(gateway.peakMemory < 300 << 20, "peak memory: \(gateway.peakMemory >> 20) MiB")
        let ledger = try await fixture.ledger()
        #expect(ledger["pictures_billed"]?.integer == Self.tasks)
        print("load: \(Self.tasks) tasks, \(outcomes), peak memory \(gateway.peakMemory >> 20) MiB")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `after kill -9 every accepted task reaches a final state and none is bought more than twice`()
        async throws
    {
        let fixture = try await GatewayFixture(latency: "2s", pictureBytes: 1 << 20)
        var gateway = try await fixture.startGateway()

        let ids = try await create(Self.tasks, fixture)
        try await Task.sleep(for: .milliseconds(Int.random(in: 500...2500)))
        await gateway.end(SIGKILL)
        gateway = try await fixture.startGateway()
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(300))

        #expect(outcomes["lost"] == nil)
        #expect(outcomes["unfinished"] == nil)
        #expect(outcomes.values.reduce(0, +) == Self.tasks)
        #expect(
            outcomes["completed"] == Self.tasks,
            "a lost answer of a vendor that answers at once may be bought once more"
        )
        let entries = try await fixture.ledger()["entries"]?.array ?? []
        let most = entries.compactMap { $0["pictures_billed"]?.integer }.max() ?? 0
        #expect(entries.count == Self.tasks)
        #expect(most <= 2)
        print("crash: \(outcomes), bought twice: \(entries.count { $0["pictures_billed"]?.integer == 2 })")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    private func create(_ count: Int, _ fixture: GatewayFixture) async throws -> [String] {
        try await fixture.create(count, clients: Self.clients) { number in
            ["model": "gemini-2.5-flash-image", "prompt": JSON("fox number \(number)")]
        }
    }
}
