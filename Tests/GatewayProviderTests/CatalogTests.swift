// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayProviders
import Testing

@Suite struct CatalogTests {
    @Test func `every folder is in the catalog, and nothing else`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let providers = root.appending(path: "providers").resolvingSymlinksInPath()
        let entries = try FileManager.default.contentsOfDirectory(at: providers, includingPropertiesForKeys: nil)

        let folders = entries.filter(\.hasDirectoryPath).map(\.lastPathComponent).filter { $0 != "Shared" }
        let listed = ProviderCatalog.all.map { String(describing: $0) }

        #expect(folders.count >= 2)
        #expect(Set(folders.map { "\($0)Provider" }) == Set(listed))
    }

    @Test func `no two vendors have one kind`() {
        let kinds = ProviderCatalog.all.map { $0.descriptor.kind }

        #expect(Set(kinds).count == kinds.count)
        #expect(kinds.starts(with: ["gemini", "imagen"]))
    }

    @Test func `no vendor claims one model name twice`() {
        // Several vendors may sell one model; that is what failing over lives on.
        for provider in ProviderCatalog.all {
            let names = provider.descriptor.models.flatMap { [$0.id] + $0.aliases }

            #expect(Set(names).count == names.count)
        }
    }
}
