// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayObjects
import GatewayServer
import GatewayTesting
import Hummingbird
import HummingbirdTesting

/// The HTTP side of a gateway on stores in memory; each test makes its own.
struct TestGateway: Sendable {
    let store = MemoryTaskStore()
    let board = TaskBoard()
    let log = CapturedLog()
    let uploads = HandedUploads()
    let time: any TimeSource
    var objects: any ObjectStore = MemoryObjectStore()
    var files: (any LinkedFiles)?
    var callers: any CallerDirectory = KnownKeys()
    var models = ModelDirectory([
        PublicModel(id: "gemini-3-pro-image-preview", family: "gemini", capabilities: [.versatile]),
        PublicModel(id: "imagen-4.0-generate-001", family: "imagen", capabilities: [.simple, .versatile]),
        PublicModel(id: "imagen-plain", family: "imagen", capabilities: [.simple]),
        PublicModel(id: "editor", family: "other", capabilities: [.simple, .editor]),
        PublicModel(id: "masked", family: "other", capabilities: [.editor, .masked]),
        PublicModel(id: "vendor/with-slash", family: "other", capabilities: [.simple]),
    ])
    var readiness: [String: @Sendable () async throws -> Void] = [:]
    var settings = ServerSettings(node: "node-under-test")

    /// A gateway whose clock stands, unless another is given.
    init(time: any TimeSource = ManualTime(), _ change: (inout TestGateway) -> Void = { _ in }) {
        self.time = time
        change(&self)
    }

    /// The server, ready to be asked.
    var server: GatewayServer {
        GatewayServer(
            parts: ServerParts(
                store: store,
                objects: objects,
                files: files,
                board: board,
                models: models,
                callers: callers,
                digest: { try Digest.hash(.sha256, $0) },
                taskIDs: TaskIDSource(time: time),
                time: time,
                readiness: readiness
            ),
            settings: settings,
            logger: log.logger()
        )
    }

    /// Runs a test against the server, with an engine that treats each assigned task as told.
    func run<Value: Sendable>(
        on setup: TestingSetup = .router,
        engine conduct: FakeEngine.Conduct? = nil,
        _ test: @escaping @Sendable (any TestClientProtocol) async throws -> Value
    ) async throws -> Value {
        let engine = FakeEngine(store: store, board: board, time: time, node: settings.node, uploads: uploads)
        let application = try server.application()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            if let conduct { group.addTask { await engine.run(conduct) } }
            defer { group.cancelAll() }
            return try await application.test(setup) { client in try await test(client) }
        }
    }
}

/// The keys of the tests: alice may use every model, bob only gemini's, carol exactly one.
struct KnownKeys: CallerDirectory {
    func caller(presenting credential: String?) async -> Caller? {
        switch credential {
        case "key-alice": Caller(name: "alice")
        case "key-bob": Caller(name: "bob", models: ["gemini-*"])
        case "key-carol": Caller(name: "carol", models: ["imagen-plain"])
        default: nil
        }
    }
}

extension ModelCapabilities {
    /// A model that honors nearly every wish.
    static let versatile = ModelCapabilities(
        aspectRatios: [AspectRatio(1, 1), AspectRatio(16, 9), AspectRatio(9, 16)],
        tiers: [.oneK, .twoK, .fourK],
        pixels: PixelTable([.oneK, .twoK, .fourK], ["1:1": "1024x1024 2048x2048 4096x4096"]),
        formats: [.png, .jpeg, .webp],
        nativeFormat: .png,
        hasSeed: true,
        hasNegativePrompt: true,
        hasTransparency: true
    )
    /// A model that draws squares and takes no other wish.
    static let simple = ModelCapabilities(
        aspectRatios: [AspectRatio(1, 1)],
        tiers: [],
        pixels: PixelTable([.oneK], ["1:1": "1024x1024"]),
        nativeFormat: .png
    )
}

extension ModelCapabilities {
    /// A model that edits up to sixteen pictures, and takes short prompts.
    static let editor = {
        var editor = versatile
        (editor.maxInputs, editor.promptLimit) = (16, 1000)
        return editor
    }()
    /// A model that edits one picture where it is told.
    static let masked = {
        var masked = versatile
        (masked.maxInputs, masked.takesMask) = (1, true)
        return masked
    }()
}
