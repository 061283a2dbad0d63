// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import ImageGateway
import Logging
import NIOCore
import Synchronization
import Testing

@testable import GatewayProviders

/// Proves `docs/adding-a-provider.md`: the vendor that the guide adds keeps every rule, and makes pictures in a gateway.
@Suite struct AcmeTests {
    @Test(arguments: ProviderConformance.Rule.allCases)
    func `the vendor of the guide keeps the rule`(rule: ProviderConformance.Rule) async throws {
        let suite = ProviderConformance(AcmeProvider.self, recordings: try recordings(of: "acme"))

        #expect(await suite.violations(of: rule) == [])
    }

    @Test func `the guide shows the files as they are`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let root = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let guide = try text(root.appending(path: "docs/adding-a-provider.md"))
        let shown = guide.split(separator: "```").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }

        for name in ["AcmeWire.swift", "AcmeProvider.swift"] {
            // Beside the other vendors it needs no import of them.
            let file = try text(folder.appending(path: name)).replacing(
                "\n@testable import GatewayProviders\n",
                with: ""
            )
            #expect(shown.contains("swift\n" + file), "\(name) differs from docs/adding-a-provider.md")
        }
        let recording = try text(folder.deletingLastPathComponent().appending(path: "Recordings/acme/refusal.json"))
        #expect(shown.contains("json\n" + recording))
    }

    @Test func `one more entry in the list, and a gateway makes its pictures`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "acme-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let vendors = GatewayConfiguration.knownVendors + [OfflineAcme.self]
        let yaml = """
            auth: { mode: none }
            database: { url: "sqlite:\(folder.path)/tasks.sqlite" }
            storage: { kind: local, path: "\(folder.path)/images" }
            providers: [ { name: painter, kind: acme, api_keys: ["acme-key"] } ]
            """
        let configuration = try GatewayConfiguration(yaml: yaml, environment: [:], vendors: vendors)
        let gateway = try await Gateway(configuration, logger: Logger(label: "acme") { _ in SwiftLogNoOpLogHandler() })

        let done = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await gateway.run() }
            var draft = ImageRequest.Draft()
            (draft.model, draft.prompt, draft.aspectRatio) = ("acme-painter", "a fox", "16:9")
            let task = try await gateway.submit(try ImageRequest(draft), owner: "test")
            let done = try await gateway.finished(task.id, owner: "test")
            group.cancelAll()
            return done
        }
        await gateway.close()

        #expect(done?.status == .completed)
        #expect(done?.attempts.map(\.provider) == ["painter"])
        let bodies = OfflineAcme.sent.withLock { $0 }
        #expect(bodies.count == 1)
        #expect(bodies.first?["model"]?.string == "acme-painter-1")
        #expect(bodies.first?["shape"]?.string == "16:9")
    }

    @Test func `without the entry the kind is not known`() {
        let yaml = "{ auth: { mode: none }, providers: [ { kind: acme, api_keys: [x] } ] }"

        let error = #expect(throws: ConfigurationError.self) {
            try GatewayConfiguration(yaml: yaml, environment: [:])
        }

        #expect(error?.mistakes.contains { $0.contains("kind must be one of") } == true)
    }

    @Test func `its key in the environment is enough`() {
        let configuration = GatewayConfiguration(environment: ["ACME_API_KEY": "k"], vendors: [AcmeProvider.self])

        #expect(configuration.providers.map(\.kind) == ["acme"])
    }

    private func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }
}

/// The vendor of the guide, with a service that answers in its place.
private struct OfflineAcme: ImageTaskProvider {
    static let descriptor = AcmeProvider.descriptor
    static let sent = Mutex<[JSON]>([])
    private let inner: AcmeProvider

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        let picture =
            "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mM4ESCHFTEMLQkAcwpNgfrDu50AAAAASUVORK5CYII="
        let service = ReplayTransport(answering: { sent in
            if let body = try? JSON(reading: sent.body) { Self.sent.withLock { $0.append(body) } }
            return .json(["pictures": [JSON(picture)]])
        })
        inner = AcmeProvider(settings: settings, transport: service)
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await inner.submit(call, key: key)
    }

    func models(key: Secret) async throws(ProviderError) -> [String] { try await inner.models(key: key) }
}
