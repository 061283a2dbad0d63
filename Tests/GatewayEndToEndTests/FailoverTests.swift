// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// Four vendors behind one gateway, and some of them ill.
///
/// `GATEWAY_FAILOVER_TASKS` sets how many tasks each model gets in each illness; with 122 they are 5,000 in all.
@Suite(.serialized) struct FailoverTests {
    static let tasks = ProcessInfo.processInfo.environment["GATEWAY_FAILOVER_TASKS"].flatMap { Int($0) } ?? 16

    /// What ails vendors, what the emulator plays for it, and how often one prompt may be bought then.
    struct Illness: Sendable, CustomTestStringConvertible {
        let name: String
        let faults: [String: String]
        let purchases: Int

        var testDescription: String { name }

        init(_ name: String, _ faults: [String: String], purchases: Int = 1) {
            self.name = name
            self.faults = faults
            self.purchases = purchases
        }

        /// Who never answers is waited for only so long; everybody else has time, however busy the machine is.
        var timeout: String { faults.values.contains("silent") ? "3s" : "60s" }

        init(_ name: String, everywhere fault: String, purchases: Int = 1) {
            self.init(name, ["gemini": fault, "imagen": fault, "aitoearn": fault], purchases: purchases)
        }
    }

    /// Of the vendors that are asked first, all at once.
    static let illnesses = [
        Illness("down", everywhere: "drop-early"),
        Illness("slow", everywhere: "silent", purchases: 2),
        Illness("rate-limited", everywhere: "429"),
        Illness("out of credit", ["gemini": "prepaid", "imagen": "prepaid", "aitoearn": "code-12001"]),
        Illness("out of key", ["gemini": "bad-key", "imagen": "leaked-key", "aitoearn": "code-401"]),
        Illness("answering HTML", ["gemini": "bad-gateway", "imagen": "bad-gateway", "aitoearn": "page-200"]),
        // Imagen's answer without pictures means that all were filtered, so an empty picture it is, which is billed;
        // AiToEarn bills a task that ends without any.
        Illness(
            "answering no picture",
            ["gemini": "no-image", "imagen": "empty-data", "aitoearn": "no-images"],
            purchases: 2
        ),
        Illness("overloaded", ["gemini": "503", "imagen": "503", "aitoearn": "code-500"]),
        Illness("gone", ["gemini": "model-retired", "imagen": "model-retired", "aitoearn": "code-12300"]),
    ]

    /// Of HingNet, when it is asked first.
    static let illnessesOfHingNet = [
        Illness("down", ["hingnet": "drop-early"]), Illness("slow", ["hingnet": "silent"], purchases: 2),
        Illness("rate-limited", ["hingnet": "rate-limit"]),
        Illness("out of credit", ["hingnet": "no-balance-429"]), Illness("out of key", ["hingnet": "expired-key"]),
        Illness("answering HTML", ["hingnet": "bad-gateway"]),
        Illness("answering no picture", ["hingnet": "no-image-generated"]),
        Illness("done without a picture", ["hingnet": "no-data"], purchases: 2),
        Illness("failing tasks", ["hingnet": "task-failed"], purchases: 2),
        Illness("without routes", ["hingnet": "no-route"]), Illness("gone", ["hingnet": "model-unknown"]),
    ]

    @Test(arguments: illnesses)
    func `with the first vendors ill the second completes every task`(illness: Illness) async throws {
        let fixture = try await FourVendors(timeout: illness.timeout)
        try await complete(illness, at: "hingnet", of: ["gemini", "imagen", "gpt-image"], fixture)
    }

    @Test(arguments: illnessesOfHingNet)
    func `with a task vendor ill the second completes every task`(illness: Illness) async throws {
        let fixture = try await FourVendors(firstForGemini: "hingnet, google", timeout: illness.timeout)
        try await complete(illness, at: "gemini", of: ["gemini"], fixture)
    }

    @Test func `with vendors that cannot be reached at all the second completes every task`() async throws {
        let fixture = try await FourVendors(firstsAreThere: false)
        let nothing = Illness("unreachable", [:])
        try await complete(nothing, at: "hingnet", of: ["gemini", "imagen", "gpt-image"], fixture)
    }

    private func complete(
        _ illness: Illness,
        at second: String,
        of families: [String],
        _ fixture: FourVendors
    ) async throws {
        let start = ContinuousClock.now
        let faults = illness.faults.map { JSON.Member($0.key, JSON($0.value)) }
        try await fixture.settings(["vendor_faults": .object(faults), "hold": "30s"])
        let gateway = try await fixture.startGateway()

        var ids: [String] = []
        for family in families {
            ids += try await fixture.create(Self.tasks, model: FourVendors.models[family] ?? family)
        }
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(300))

        #expect(Double(outcomes["completed", default: 0]) >= Double(ids.count) * 0.999, "\(outcomes)")
        let most = try await fixture.mostPurchases()
        #expect(most <= illness.purchases, "a prompt was bought \(most) times")
        // The second drew them, and not the first with some luck.
        let drawn = try await fixture.ledger()["vendors"]?[second]?["calls_billed"]?.integer ?? 0
        #expect(drawn >= outcomes["completed", default: 0])
        let time = (ContinuousClock.now - start).formatted(
            .units(allowed: [.seconds], fractionalPart: .show(length: 1))
        )
        print("failover, \(second) for \(illness.name): \(outcomes), bought at most \(most) times each, \(time)")
        await gateway.end()
        await fixture.end()
    }

    @Test func `each name goes to its first vendor while all are well`() async throws {
        let fixture = try await FourVendors()
        let gateway = try await fixture.startGateway()

        var ids: [String] = []
        for model in FourVendors.models.values { ids += try await fixture.create(8, model: model) }
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(120))

        #expect(outcomes == ["completed": 24])
        let vendors = try await fixture.ledger()["vendors"]
        for vendor in ["gemini", "imagen", "aitoearn"] {
            #expect(vendors?[vendor]?["pictures_billed"]?.integer == 8, "\(vendor)")
        }
        #expect(try await fixture.mostPurchases() == 1)
        await gateway.end()
        await fixture.end()
    }
}

/// A gateway in front of all four emulated vendors.
final class FourVendors: Sendable {
    let fixture: GatewayFixture

    /// A model of each family.
    static let models = [
        "gemini": "gemini-2.5-flash-image", "imagen": "imagen-4.0-generate-001", "gpt-image": "gpt-image-2",
    ]

    /// - Parameters:
    ///   - firstsAreThere: Whether anything listens where the vendors asked first should be.
    ///   - firstForGemini: The providers of Gemini's models, in order.
    ///   - latency: How long the vendors take.
    ///   - resubmit: `resubmit_unknown` of all of them.
    ///   - timeout: How long they are waited for.
    init(
        firstsAreThere: Bool = true,
        firstForGemini: String = "google, hingnet",
        latency: String = "20ms",
        resubmit: String = "once",
        timeout: String = "60s"
    ) async throws {
        let nowhere = "http://127.0.0.1:\(LoopbackPorts.take())"
        let conduct = "resubmit_unknown: \(resubmit), poll_interval: 100ms, allow_private_network: true"
        // Who is asked first is given up on as soon as the test wants; who has to draw everything at once has time for it.
        let soon = "timeout: \(timeout)"
        let hingNet = firstForGemini.hasPrefix("hingnet") ? soon : "timeout: 60s"
        fixture = try await GatewayFixture(latency: latency) { vendors in
            let first = firstsAreThere ? vendors : nowhere
            return """
                providers:
                  - { name: google, kind: gemini, base_url: "\(first)", api_keys: [emulated-google], \(soon), \(conduct) }
                  - { name: imagen, kind: imagen, base_url: "\(first)", api_keys: [emulated-imagen], \(soon), \(conduct) }
                  - { name: aitoearn, kind: aitoearn, base_url: "\(first)/aitoearn", api_keys: [emulated-aito], \(soon), \(conduct) }
                  - { name: hingnet, kind: hingnet, base_url: "\(vendors)/hingnet", api_keys: [emulated-hing], \(hingNet), \(conduct) }
                routes:
                  - { match: gemini-, providers: [\(firstForGemini)] }
                  - { match: imagen-, providers: [imagen, hingnet] }
                  - { match: gpt-image-, providers: [aitoearn, hingnet] }
                """
        }
    }

    func settings(_ settings: JSON) async throws { try await fixture.settings(settings) }

    func startGateway() async throws -> RunningProgram { try await fixture.startGateway() }

    /// Creates tasks by many clients at once, each with a prompt of its own.
    func create(_ count: Int, model: String) async throws -> [String] {
        try await fixture.create(count, clients: 32) { number in
            ["model": JSON(model), "prompt": JSON("\(model), fox number \(number)")]
        }
    }

    func outcomes(of ids: [String], within limit: Duration) async throws -> [String: Int] {
        try await fixture.outcomes(of: ids, within: limit)
    }

    func ledger() async throws -> JSON { try await fixture.ledger() }

    /// How often the prompt that was bought most was bought, all vendors together.
    func mostPurchases() async throws -> Int { try await fixture.purchases().values.max() ?? 0 }

    func end() async { await fixture.end() }
}
