// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Four vendors behind one gateway, and one of them ill.
///
/// `GATEWAY_FAILOVER_TASKS` sets how many tasks each illness gets; the full size is 5,000 over all of them.
@Suite(.serialized) struct FailoverTests {
    static let tasks = ProcessInfo.processInfo.environment["GATEWAY_FAILOVER_TASKS"].flatMap { Int($0) } ?? 60

    /// What ails the first vendor, what the emulator plays for it, and how often one prompt may be bought then.
    static let illnesses: [(name: String, fault: String, purchases: Int)] = [
        ("down", "drop-early", 1), ("slow", "silent", 2), ("rate-limited", "rate-limit", 1),
        ("out of credit", "prepaid", 1), ("out of key", "bad-key", 1), ("answering HTML", "bad-gateway", 1),
        ("answering no picture", "no-image", 1), ("overloaded", "unavailable", 1), ("gone", "model-retired", 1),
    ]

    @Test(arguments: illnesses)
    func `with the first vendor ill the second completes every task`(
        illness: (name: String, fault: String, purchases: Int)
    ) async throws {
        let fixture = try await FourVendors()
        try await fixture.settings(["vendor_faults": ["gemini": JSON(illness.fault)], "hold": "30s"])
        let gateway = try await fixture.startGateway()

        let ids = try await fixture.create(Self.tasks, model: "gemini-3-pro-image-preview")
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(300))

        let completed = outcomes["completed", default: 0]
        #expect(Double(completed) >= Double(Self.tasks) * 0.999, "\(illness.name): \(outcomes)")
        let most = try await fixture.mostPurchases()
        #expect(most <= illness.purchases, "\(illness.name): a prompt was bought \(most) times")
        print("failover, \(illness.name): \(outcomes), most purchases of a prompt: \(most)")
        await gateway.end()
        await fixture.end()
    }

    @Test func `with a vendor that cannot be reached at all the second completes every task`() async throws {
        let fixture = try await FourVendors(googleIsThere: false)
        let gateway = try await fixture.startGateway()

        let ids = try await fixture.create(Self.tasks, model: "gemini-3-pro-image-preview")
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(300))

        #expect(outcomes == ["completed": Self.tasks])
        #expect(try await fixture.mostPurchases() == 1)
        await gateway.end()
        await fixture.end()
    }

    @Test(arguments: [
        ("gemini-3-pro-image-preview", "gemini"), ("imagen-4.0-generate-001", "imagen"), ("gpt-image-2", "aitoearn"),
    ])
    func `each name goes to its first vendor while all are well`(model: String, vendor: String) async throws {
        let fixture = try await FourVendors()
        let gateway = try await fixture.startGateway()

        let ids = try await fixture.create(8, model: model)
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(120))

        #expect(outcomes == ["completed": 8])
        let vendors = try await fixture.ledger()["vendors"]
        #expect(vendors?[vendor]?["pictures_billed"]?.integer == 8)
        #expect(try await fixture.mostPurchases() == 1)
        await gateway.end()
        await fixture.end()
    }
}

/// A gateway in front of all four emulated vendors.
final class FourVendors: Sendable {
    let fixture: GatewayFixture

    init(googleIsThere: Bool = true, latency: String = "20ms") async throws {
        let nowhere = try RunningProgram.freePort()
        fixture = try await GatewayFixture(latency: latency) { vendors in
            """
            providers:
              - name: google
                kind: gemini
                base_url: \(googleIsThere ? vendors : "http://127.0.0.1:\(nowhere)")
                api_keys: [emulated-google]
                timeout: 3s
              - { name: imagen, kind: imagen, base_url: "\(vendors)", api_keys: [emulated-imagen], timeout: 3s }
              - name: hingnet
                kind: hingnet
                base_url: \(vendors)/hingnet
                api_keys: [emulated-hingnet]
                poll_interval: 100ms
                allow_private_network: true
              - name: aitoearn
                kind: aitoearn
                base_url: \(vendors)/aitoearn
                api_keys: [emulated-aitoearn]
                poll_interval: 100ms
                allow_private_network: true
            routes:
              - { match: gemini-, providers: [google, hingnet] }
              - { match: imagen-, providers: [imagen, hingnet] }
              - { match: gpt-image-, providers: [aitoearn] }
            """
        }
    }

    func settings(_ settings: JSON) async throws {
        let request = TransportRequest(
            .put,
            "\(fixture.emulator.base)/_emulator/settings",
            headers: [.contentType: "application/json"],
            body: .bytes([settings.encoded()])
        )
        let answer = try await fixture.transport.send(request)
        guard answer.status == 200 else {
            throw ProgramFailure(message: "The emulator says: \(String(buffer: answer.body))")
        }
    }

    func startGateway() async throws -> RunningProgram { try await fixture.startGateway() }

    /// Creates tasks by many clients at once, each with a prompt of its own.
    func create(_ count: Int, model: String) async throws -> [String] {
        try await fixture.create(count, clients: 32) { number in
            ["model": JSON(model), "prompt": JSON("fox number \(number)")]
        }
    }

    func outcomes(of ids: [String], within limit: Duration) async throws -> [String: Int] {
        try await fixture.outcomes(of: ids, within: limit)
    }

    func ledger() async throws -> JSON { try await fixture.ledger() }

    /// How many pictures were billed at most for one prompt, all vendors together.
    func mostPurchases() async throws -> Int {
        var bought: [String: Int] = [:]
        for entry in try await ledger()["entries"]?.array ?? [] {
            bought[entry["prompt"]?.string ?? "", default: 0] += entry["pictures_billed"]?.integer ?? 0
        }
        return bought.values.max() ?? 0
    }

    func end() async { await fixture.end() }
}
