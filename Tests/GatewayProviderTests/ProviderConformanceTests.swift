// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayProviders
import GatewayTesting
import Testing

/// The folder of a vendor's recordings.
func recordings(of kind: String) throws -> [String: Recording] {
    let folder = try #require(Bundle.module.resourceURL).appending(path: "Recordings/\(kind)")
    return try Recording.all(inFolder: folder.path)
}

@Suite struct ProviderConformanceTests {
    static let kinds = ProviderCatalog.all.map { $0.descriptor.kind }

    @Test(arguments: kinds, ProviderConformance.Rule.allCases)
    func `a vendor keeps the rule`(kind: String, rule: ProviderConformance.Rule) async throws {
        let provider = try #require(ProviderCatalog.all.first { $0.descriptor.kind == kind })
        let suite = ProviderConformance(provider, recordings: try recordings(of: kind))

        let violations = await suite.violations(of: rule)

        #expect(violations == [])
    }

    @Test(arguments: kinds)
    func `a vendor without recordings is told which are missing`(kind: String) async throws {
        let provider = try #require(ProviderCatalog.all.first { $0.descriptor.kind == kind })
        var some = try recordings(of: kind)
        some["rate_limit"] = nil

        let violations = await ProviderConformance(provider, recordings: some).violations(of: .recordingsAreComplete)

        #expect(violations == ["the recording 'rate_limit' is missing"])
    }
}
