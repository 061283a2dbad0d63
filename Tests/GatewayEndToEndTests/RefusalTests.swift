// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// What a vendor's content policy forbids is the caller's matter, not the vendor's illness.
@Suite(.serialized) struct RefusalTests {
    static let refusals = 50

    @Test(arguments: [
        ("google, hingnet", ["gemini": "google", "imagen": "imagen", "gpt-image": "aitoearn"]),
        ("hingnet, google", ["gemini": "hingnet"]),
    ])
    func `refusals are told once, asked of nobody else, and leave their vendor in work`(
        order: String,
        firsts: [String: String]
    ) async throws {
        let fixture = try await FourVendors(firstForGemini: order)
        let gateway = try await fixture.startGateway()

        for (family, provider) in firsts {
            let model = JSON(FourVendors.models[family] ?? family)
            let ids = try await fixture.fixture.create(Self.refusals, clients: 16) { number in
                ["model": model, "prompt": JSON("[emulate:refuse] \(family) \(number)")]
            }
            let tasks = try await fixture.fixture.finished(ids, within: .seconds(60))
            for task in tasks.values {
                #expect(task["error"]?["code"]?.string == "content_policy_violation", "\(provider): \(task)")
                let attempts = task["attempts"]?.array ?? []
                #expect(attempts.map { $0["outcome"]?.string } == ["refused"], "\(provider): \(attempts)")
                #expect(attempts.first?["provider"]?.string == provider)
            }
            #expect(tasks.count == Self.refusals)
            try await expectHealth(of: provider, fixture)

            let good = try await fixture.fixture.create(1, clients: 1) { _ in ["model": model, "prompt": "a good fox"] }
            let done = try await fixture.fixture.finished(good, within: .seconds(60)).values.first
            #expect(done?["status"]?.string == "completed")
            #expect(done?["attempts"]?.array?.map { $0["provider"]?.string } == [provider])
        }
        let entries = try await fixture.ledger()["entries"]?.array ?? []
        let refused = entries.filter { $0["prompt"]?.string?.hasPrefix("[emulate:refuse]") == true }
        #expect(refused.count == Self.refusals * firsts.count)
        #expect(
            refused.allSatisfy {
                $0["calls"]?.integer == 1 && $0["calls_billed"]?.integer == $0["pictures_billed"]?.integer
            }
        )
        await gateway.end()
        await fixture.end()
    }

    /// Neither its keys nor its models are out.
    private func expectHealth(of name: String, _ fixture: FourVendors) async throws {
        let providers = try await fixture.fixture.admin("/providers")["data"]?.array ?? []
        let provider = providers.first { $0["name"]?.string == name }
        #expect(provider?["usable"]?.bool == true)
        #expect(provider?["models"]?.array == [], "\(name): a breaker is open")
        #expect(provider?["keys"]?.array?.map { $0["state"]?.string } == ["usable"])
    }
}
