// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import Testing

/// The bar of survival: a gateway that dies again and again in the middle of everything loses nothing, and buys nothing
/// beyond the promise.
///
/// `make crash` runs the long form. `GATEWAY_CRASH_ROUNDS` and `GATEWAY_CRASH_TASKS` set how often and with how many
/// tasks; `GATEWAY_CRASH_SEED` repeats the moments of an earlier run, whose seed is in its output.
@Suite(.serialized) struct CrashTests {
    static let environment = ProcessInfo.processInfo.environment
    static let rounds = environment["GATEWAY_CRASH_ROUNDS"].flatMap { Int($0) } ?? 2
    static let tasks = environment["GATEWAY_CRASH_TASKS"].flatMap { Int($0) } ?? 80
    static let seed = environment["GATEWAY_CRASH_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    static let latency = "500ms-2500ms"
    /// After this time no vendor works on anything any more.
    static let longestCall = Duration.seconds(3)

    /// How long the tasks of a round are under way, from the first order to the last picture, as far as that is known.
    private static var span: Double { 1.5 + Double(tasks) / 80 }

    @Test func `after kill -9 no task and no picture is lost, and nothing is bought beyond the promise`() async throws {
        let fixture = try await GatewayFixture(vendors: CrashOrder.configuration)
        try await fixture.settings(["latency": JSON(Self.latency)])
        var chance = SeededChance(seed: Self.seed)
        var gateway = try await fixture.startGateway()
        var total = CrashCensus()
        print("crash: \(Self.rounds) rounds of \(Self.tasks) tasks, seed \(Self.seed)")
        for round in 1...Self.rounds {
            // One time in three it dies again while it takes up what it had left.
            var moments = [chance.moment(within: 0.05...Self.span)]
            if chance.next() % 3 == 0 { moments.append(chance.moment(within: 0...1.5)) }
            let deaths = moments
            let callers = CrashCallers(fixture)
            let orders = (0..<Self.tasks).map { CrashOrder(round: round, number: $0) }
            async let sending: Void = callers.send(orders)
            var accepted: [Int] = []
            for moment in deaths {
                try await Task.sleep(for: moment)
                await gateway.end(SIGKILL)
                accepted.append(callers.told.accepted.count)
                gateway = try await fixture.startGateway()
            }
            try await sending
            let census = try await CrashCensus.taken(round, callers.told, fixture)
            let times = deaths.map { String(format: "%.2f s", $0.inSeconds) }.joined(separator: " and ")
            print("crash: round \(round), killed after \(times) with \(accepted) accepted: \(census.summary)")
            Self.expectClean(census)
            total += census
            try await fixture.clearLedger()
        }
        #expect(await gateway.end() == 0)
        let inventory = try await CrashInventory(fixture)
        print("crash: \(Self.rounds) rounds in all, seed \(Self.seed), \(total.summary)")
        print(
            "crash: \(inventory.pictures) pictures stored, without a task \(inventory.strays.count), "
                + "to be deleted within the hour \(inventory.leftovers)"
        )
        #expect(inventory.strays.isEmpty, "\(inventory.strays.prefix(9))")
        #expect(total.tasks >= Self.rounds * Self.tasks * 9 / 10)
        await fixture.end()
    }

    @Test func `after SIGTERM nothing is unknown, nobody is cut off, and everything completes`() async throws {
        let fixture = try await GatewayFixture(engine: "drain_timeout: 10s", vendors: CrashOrder.configuration)
        try await fixture.settings(["latency": JSON(Self.latency)])
        var chance = SeededChance(seed: Self.seed)
        var gateway = try await fixture.startGateway()
        var total = CrashCensus()
        var longest = Duration.zero
        print("stop: \(Self.rounds) rounds of \(Self.tasks) tasks, seed \(Self.seed)")
        for round in 1...Self.rounds {
            let moment = chance.moment(within: 0.05...Self.span)
            let callers = CrashCallers(fixture)
            let orders = (0..<Self.tasks).map { CrashOrder(round: round, number: $0) }
            async let sending: Void = callers.send(orders)
            try await Task.sleep(for: moment)
            let start = ContinuousClock.now
            #expect(await gateway.end(SIGTERM) == 0)
            longest = max(longest, ContinuousClock.now - start)
            gateway = try await fixture.startGateway()
            try await sending
            let census = try await CrashCensus.taken(round, callers.told, fixture)
            print("stop: round \(round), after \(String(format: "%.2f s", moment.inSeconds)): \(census.summary)")
            Self.expectClean(census)
            total += census
            try await fixture.clearLedger()
        }
        #expect(total.unknownAttempts == 0)
        #expect(total.repeated == 0)
        #expect(total.outcomeUnknown == 0)
        #expect(total.droppedAnswers == 0)
        #expect(total.cutOff == 0)
        #expect(longest < .seconds(14))
        #expect(await gateway.end() == 0)
        let inventory = try await CrashInventory(fixture)
        print(
            "stop: \(Self.rounds) rounds in all, seed \(Self.seed), \(total.summary), cut off \(total.cutOff), pictures "
                + "without a task \(inventory.strays.count), slowest stop \(longest)"
        )
        #expect(inventory.strays.isEmpty)
        #expect(inventory.leftovers == 0)
        await fixture.end()
    }

    private static func expectClean(_ census: CrashCensus) {
        #expect(census.lost == 0)
        #expect(census.unfinished == 0)
        #expect(census.overbought == 0)
        #expect(census.pictureless == 0)
        #expect(census.wronged == 0)
        #expect(census.doubled == 0)
        #expect(census.mixedUp == 0)
        if !census.isClean { print("crash: " + census.details.prefix(20).joined(separator: "\ncrash: ")) }
    }
}

extension GatewayFixture {
    /// Has the vendors forget what they have billed.
    func clearLedger() async throws {
        _ = try await transport.send(TransportRequest(.delete, "\(emulator.base)/_emulator/ledger"))
    }
}
