// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import ImageGateway
import NIOCore
import Testing

@Suite struct ProviderManualTests {
    @Test func `the document of the providers is up to date`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = try String(contentsOf: root.appending(path: "docs/providers.md"), encoding: .utf8)

        #expect(file == ProviderManual().markdown, "docs/providers.md is stale: run 'make docs' and commit it.")
    }

    @Test func `every vendor and every model is named in all three forms`() throws {
        let manual = ProviderManual()
        let json = String(buffer: manual.json.encoded())

        for vendor in GatewayConfiguration.knownVendors {
            let descriptor = vendor.descriptor
            for name in [descriptor.kind, descriptor.keyVariable] + descriptor.models.flatMap({ [$0.id] + $0.aliases })
            {
                #expect(manual.text.contains(name) && manual.markdown.contains(name) && json.contains("\"\(name)\""))
            }
        }
        #expect(manual.json["providers"]?.array?.count == GatewayConfiguration.knownVendors.count)
    }
}
