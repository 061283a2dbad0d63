// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import Testing

/// The rounds of one way to die: what they share, and what is told of them at the end.
final class CrashRun {
    /// What one round takes: when the process dies, and what is to happen then.
    typealias Round = (_ run: CrashRun, _ chance: inout SeededChance, _ callers: CrashCallers) async throws -> String

    static let environment = ProcessInfo.processInfo.environment
    static let rounds = environment["GATEWAY_CRASH_ROUNDS"].flatMap { Int($0) } ?? 2
    static let tasks = environment["GATEWAY_CRASH_TASKS"].flatMap { Int($0) } ?? 80
    static let seed = environment["GATEWAY_CRASH_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    static let latency = "500ms-2500ms"
    /// After this time no vendor works on anything any more.
    static let longestCall = Duration.seconds(3)
    /// How long the tasks of a round are under way, from the first order to the last picture, as far as that is known.
    static let span = 1.5 + Double(tasks) / 80

    let name: String
    let fixture: GatewayFixture
    let receiver: CrashReceiver
    var gateway: RunningProgram
    /// Whether every attempt has to have a known end, and every caller an answer.
    let isGraceful: Bool
    private(set) var total = CrashCensus()
    private(set) var done = 0
    var ends = 0
    var longestEnd = Duration.zero
    private let start = ContinuousClock.now

    private init(_ name: String, isGraceful: Bool, engine: String) async throws {
        self.name = name
        self.isGraceful = isGraceful
        receiver = try CrashReceiver()
        fixture = try await GatewayFixture(engine: engine, vendors: CrashOrder.configuration)
        try await fixture.settings(["latency": JSON(Self.latency)])
        gateway = try await fixture.startGateway()
    }

    /// Dies round after round, until all are done or one is not clean; then everything that was written stays where it is.
    static func rounds(_ name: String, isGraceful: Bool, engine: String, _ round: Round) async throws {
        let run = try await CrashRun(name, isGraceful: isGraceful, engine: engine)
        print("\(name): \(rounds) rounds of \(tasks) tasks, seed \(seed)")
        var isClean = false
        do {
            isClean = try await run.all(round)
        } catch {
            Issue.record(error)
        }
        run.receiver.stop()
        await run.fixture.emulator.end()
        await run.fixture.transport.close()
        if isClean { return try FileManager.default.removeItem(at: run.fixture.folder) }
        print(
            """
            \(name): NOT CLEAN. Logs and data stay in \(run.fixture.folder.path); the last round alone:
            \(name):     make crash ROUNDS=1 TASKS=\(tasks) SEED=\(seed &+ UInt64(max(run.done - 1, 0)))
            """
        )
    }

    private func all(_ round: Round) async throws -> Bool {
        var isClean = true
        while done < Self.rounds, isClean {
            done += 1
            // A seed for each round, so that one can be repeated without those before it.
            var chance = SeededChance(seed: Self.seed &+ UInt64(done - 1))
            let callers = CrashCallers(fixture)
            let begun = ContinuousClock.now
            let what = try await round(self, &chance, callers)
            let census = try await CrashCensus.taken(done, callers.told, fixture, receiver)
            #expect(census.tasks >= Self.tasks)
            let took = String(format: "%.1f s", (ContinuousClock.now - begun).inSeconds)
            print("\(name): round \(done), \(what), \(took): \(census.summary)")
            isClean = census.isClean(isGraceful: isGraceful)
            if !isClean { print("\(name): " + census.details.prefix(20).joined(separator: "\n\(name): ")) }
            total += census
            try await fixture.clearLedger()
        }
        let status = await gateway.end()
        #expect(status == 0)
        let inventory = try await CrashInventory(fixture)
        let table = CrashTable(self, inventory, took: ContinuousClock.now - start)
        print(table.text)
        for row in table.broken { Issue.record("\(row)") }
        return isClean && status == 0 && table.broken.isEmpty
    }

    /// The orders of the present round.
    var orders: [CrashOrder] {
        (0..<Self.tasks).map { CrashOrder(round: done, number: $0, hook: receiver.address($0)) }
    }
}

/// The numbers of the bar, of all rounds together.
struct CrashTable {
    let text: String
    /// The rows that are not as they must be.
    let broken: [String]

    init(_ run: CrashRun, _ inventory: CrashInventory, took: Duration) {
        let total = run.total
        var bars: [(String, Int)] = [
            ("lost", total.lost), ("without final state", total.unfinished),
            ("purchases beyond the promise", total.overbought),
            ("pictures stored without a task", inventory.strays.count),
            ("completed without a picture", total.pictureless), ("failed without reason", total.wronged),
            ("made twice", total.doubled), ("edits of other pictures", total.mixedUp),
            ("ends that no webhook told", total.untold), ("tasks told of in two ways", total.contradicted),
            ("webhooks that cannot be read", run.receiver.unreadable),
        ]
        var rest: [(String, Int)] = [
            ("tasks", total.tasks), ("ends of the process", run.ends), ("pictures stored", inventory.pictures),
            ("webhooks told once more", total.toldAgain),
        ]
        let graceful = [
            ("attempts unknown", total.unknownAttempts), ("outcome unknown", total.outcomeUnknown),
            ("bought once more", total.repeated), ("answers lost on their way", total.droppedAnswers),
            ("cut off", total.cutOff), ("pictures of nobody to be deleted", inventory.leftovers),
        ]
        if run.isGraceful { bars += graceful } else { rest += graceful }
        broken = bars.filter { $0.1 != 0 }.map { "\($0.0): \($0.1)" }
        let shape = "\(run.done) rounds of \(CrashRun.tasks) tasks, seed \(CrashRun.seed)"
        let lines =
            ["\(shape), \(Int(took.inSeconds)) s, slowest end \(String(format: "%.1f s", run.longestEnd.inSeconds))"]
            + rest.map { Self.line($0) } + bars.map { Self.line($0) + "   must be 0" }
        text = lines.map { "\(run.name): \($0)" }.joined(separator: "\n")
    }

    private static func line(_ row: (String, Int)) -> String {
        let number = String(row.1)
        return "    " + row.0 + String(repeating: " ", count: max(1, 44 - row.0.count - number.count)) + number
    }
}

extension GatewayFixture {
    /// Has the vendors forget what they have billed.
    func clearLedger() async throws {
        _ = try await transport.send(TransportRequest(.delete, "\(emulator.base)/_emulator/ledger"))
    }
}
