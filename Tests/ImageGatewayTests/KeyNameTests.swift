// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import ImageGateway
import Logging
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The names of keys in status, attempts and logs.
@Suite struct KeyNameTests {
    @Test func `keys are named by the beginning of their digest, each once, and a gateway tells how they are`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("key-names-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = GatewayConfiguration(environment: [:])
        configuration.storage = .none
        configuration.database.path = folder.appendingPathComponent("gateway.sqlite").path
        configuration.providers = [
            GatewayConfiguration.Provider(
                name: "google",
                kind: "gemini",
                apiKeys: ["abc", "secret-2", "abc"].map { Secret($0) }
            )
        ]
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        let gateway = try await Gateway(configuration, logger: logger)

        let status = gateway.providersStatus
        await gateway.close()
        // The first four bytes of SHA-256("abc"), as FIPS 180-2 has it.
        #expect(status.providers.map { $0.keys.map(\.id).first } == ["ba7816bf"])
        #expect(status.providers.map(\.keys.count) == [2])
        #expect(status.providers.flatMap(\.keys).allSatisfy { $0.id.count == 8 && $0.state == .usable })
        #expect(status.isUsable)
        #expect(!"\(status)".contains("secret"))
    }
}
