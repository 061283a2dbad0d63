// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import ImageGateway
import Logging
import Testing

/// What happens without a file, and what never shows.
@Suite struct DefaultConfigurationTests {
    private static let google = GatewayConfiguration(environment: ["GEMINI_API_KEY": "sk-canary", "HOME": "/"])

    @Test func `without a file nobody is asked for a key, on loopback only`() {
        let configuration = Self.google
        #expect(configuration.auth.mode == .none)
        #expect(configuration.auth.keys.isEmpty)
        #expect(configuration.server.listen.isLoopback)
        #expect(configuration.server.adminListen?.isLoopback == true)
        #expect(configuration.database.path == "data/gateway.sqlite")
        #expect(configuration.log.format == .text)
        guard case .local(let path) = configuration.storage else { return #expect(Bool(false), "not a folder") }
        #expect(path == "data/images")
    }

    @Test func `each vendor whose key is in the environment is there`() {
        #expect(Self.google.providers.map(\.kind) == ["gemini", "imagen"])
        #expect(Self.google.providers.allSatisfy { $0.apiKeys == [Secret("sk-canary")] })
        #expect(GatewayConfiguration(environment: [:]).providers.isEmpty)
        #expect(GatewayConfiguration(environment: ["GEMINI_API_KEY": ""]).providers.isEmpty)
    }

    /// A gateway in a folder of its own.
    private func withGateway<Value>(
        _ configuration: GatewayConfiguration,
        _ work: (Gateway) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var configuration = configuration
        configuration.database.path = folder + "/gateway.sqlite"
        configuration.storage = .local(path: folder + "/images")
        let gateway = try await Gateway(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let value = try await work(gateway)
        await gateway.close()
        return value
    }

    @Test func `gemini's models go to gemini directly, imagen's fail over to it`() async throws {
        try await withGateway(Self.google) { gateway in
            let gemini = try #require(gateway.models["gemini-3-pro-image-preview"])
            #expect(gemini.family == "gemini")
            #expect(gemini.capabilities.count == 1)
            for name in ["imagen-4.0-generate-001", "imagen-4.0-fast-generate-001", "imagen-4.0-ultra-generate-001"] {
                let imagen = try #require(gateway.models[name])
                #expect(imagen.family == "imagen")
                #expect(imagen.capabilities.count == 2)
                #expect(imagen.capabilities.last == gateway.models.models.first?.capabilities.first)
            }
            #expect(gateway.models["dall-e-3"] == nil)
        }
    }

    @Test func `with every key each model goes to its maker first, then to who else sells it`() async throws {
        let keys = ["GEMINI_API_KEY": "k-1", "HINGNET_API_KEY": "k-2", "AITOEARN_API_KEY": "k-3"]
        let configuration = GatewayConfiguration(environment: keys)
        #expect(configuration.providers.map(\.name) == ["gemini", "imagen", "aitoearn", "hingnet"])
        #expect(configuration.routes.map(\.match) == ["imagen-", ""])
        #expect(configuration.routes.first?.providers == ["imagen", "hingnet", "gemini"])
        try await withGateway(configuration) { gateway in
            let makers = [
                "gemini-2.5-flash-image": "gemini", "imagen-4.0-generate-001": "imagen", "gpt-image-2": "aitoearn",
            ]
            for (model, maker) in makers {
                let found = try #require(gateway.models[model])
                #expect(found.family == maker)
                #expect(found.capabilities.count >= 2)
            }
        }
    }

    @Test func `vendors that are replaced need no keys and are not looked at`() throws {
        let yaml = """
            auth: { mode: none }
            providers: [ { kind: nonsense, api_keys: ["${NOT_SET}"] } ]
            routes: [ { match: x, providers: [nobody] } ]
            """
        let configuration = try GatewayConfiguration(yaml: yaml, environment: [:], needsProviders: false)
        #expect(configuration.providers.isEmpty)
        #expect(throws: ConfigurationError.self) { try GatewayConfiguration(yaml: yaml, environment: [:]) }
        #expect(throws: ConfigurationError.self) {
            try GatewayConfiguration(yaml: yaml + "\nroute: []", environment: [:], needsProviders: false)
        }
    }

    @Test func `an alias is a name like any other`() async throws {
        let configuration = try SampleFile.read("aliases: { banana: gemini-3-pro-image-preview }")
        try await withGateway(configuration) { gateway in
            let banana = try #require(gateway.models["banana"])
            #expect(banana.capabilities == gateway.models["gemini-3-pro-image-preview"]?.capabilities)
        }
    }

    @Test func `a key is known by the whole of it`() async throws {
        let file =
            "auth: { keys: [ { name: alice, key: sk-alice, models: [\"gemini-*\"] }, { name: bob, key: sk-bob } ] }"
        try await withGateway(try SampleFile.read(file)) { gateway in
            let callers = gateway.callers
            #expect(await callers.caller(presenting: "sk-alice") == Caller(name: "alice", models: ["gemini-*"]))
            #expect(await callers.caller(presenting: "sk-bob")?.name == "bob")
            for wrong in [nil, "", "sk-alic", "sk-alice ", "SK-ALICE", "alice"] {
                #expect(await callers.caller(presenting: wrong) == nil)
            }
        }
        try await withGateway(Self.google) { gateway in
            #expect(await gateway.callers.caller(presenting: nil)?.name == "local")
        }
    }

    // MARK: The manual

    @Test(arguments: ["docs/configuration.md", "docs/emulator.md", "README.md"])
    func `the documents' own files are accepted`(document: String) throws {
        let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let manual = tests.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(document)
        let text = try String(contentsOf: manual, encoding: .utf8)
        let start = try #require(text.range(of: "```yaml\n"))
        let end = try #require(text.range(of: "```", range: start.upperBound..<text.endIndex))
        let names = [
            "ALICE_KEY", "BOB_KEY", "IMAGE_GATEWAY_ADMIN_TOKEN", "ADMIN_TOKEN", "S3_ACCESS_KEY_ID", "S3_KEY",
            "S3_SECRET_ACCESS_KEY", "S3_SECRET", "GEMINI_API_KEY", "GEMINI_API_KEY_2", "SECOND_PROJECT_KEY",
            "AITOEARN_API_KEY", "HINGNET_API_KEY",
        ]
        var environment = Dictionary(uniqueKeysWithValues: names.map { ($0, "value-of-\($0)") })
        for name in ["WEBHOOK_SECRET", "HOOK_SECRET"] { environment[name] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }
        let yaml = String(text[start.upperBound..<end.lowerBound])
        #expect(SampleFile.mistakes(yaml, environment) == [])
        let kinds = try GatewayConfiguration(yaml: yaml, environment: environment).providers.map(\.kind)
        #expect(Set(kinds) == Set(GatewayConfiguration.knownVendors.map { $0.descriptor.kind }))
    }

    // MARK: Secrets

    @Test func `no secret shows, however a configuration is printed`() throws {
        let configuration = try SampleFile.read(
            """
            auth: { admin_token: canary-admin, keys: [ { name: alice, key: canary-alice } ] }
            providers: [ { kind: gemini, api_keys: [canary-vendor, "${SECOND}"] } ]
            storage:
              { kind: s3, endpoint: https://e, bucket: b, access_key_id: id, secret_access_key: canary-s3,
                session_token: canary-session }
            """,
            ["SECOND": "canary-second"]
        )
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in [dumped, "\(configuration)", String(reflecting: configuration), "\(configuration.providers)"] {
            #expect(!text.contains("canary"))
        }
        #expect(dumped.contains("alice"))
    }

    @Test func `no secret shows in what is wrong with its neighbors`() {
        let mistakes = SampleFile.mistakes(
            """
            auth: { admin_tokn: canary, keys: [ { name: alice, key: canary, modles: canary } ] }
            providers: [ { kind: gemini, api_keys: { first: canary } }, { kind: imagen, api_keys: [[canary]] } ]
            storage: { kind: s3, secret_access_key: canary, session_token: [canary] }
            """
        )
        #expect(mistakes.count >= 6)
        #expect(!mistakes.joined().contains("canary"))
    }
}
