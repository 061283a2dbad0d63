// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCurl
import GatewayEngine
import GatewayObjects
import GatewayPictures
import GatewayStore
public import Logging
public import NIOCore
public import ServiceLifecycle

/// A whole gateway without its HTTP side: what the program serves, and what other services embed.
///
/// Run it as a service; hand tasks in by ``submit(_:owner:)`` or through a server built on the same parts.
public struct Gateway: Service {
    /// What it was made from.
    public let configuration: GatewayConfiguration
    /// This process's name among those that share the task store.
    public let node: String
    /// Where tasks live.
    public let store: any TaskStore
    /// Where pictures go.
    public let objects: any ObjectStore
    /// The files of the local store, if pictures go there.
    public let files: (any LinkedFiles)?
    /// The doors between engine and server.
    public let board: TaskBoard
    /// The names callers can use.
    public var models: ModelDirectory { router.directory }
    /// Who knows the keys.
    public let callers: any CallerDirectory
    /// The way to the network.
    public let transport: any HTTPTransport

    /// How the providers are at this moment: keys by their names in the pool, breakers, work in hand.
    public var providersStatus: ProvidersStatus { engine.providersStatus }

    /// Finds out whether the task database takes writes; costs nothing.
    ///
    /// - Throws: ``StoreError`` with a sentence for the operator.
    public func checkDatabase() throws(StoreError) { try engine.checkStore() }

    /// Whether pictures can be stored now; asked as often as somebody likes, it asks the storage rarely.
    public let storageReadiness: StorageReadiness

    /// Who is still to hear that tasks are finished.
    public let outbox: any WebhookStore
    /// Who tells them.
    public var webhooks: any WebhookControl { deliverer.control }

    let providers: [EngineProvider]
    private let refresh: CapabilityRefresh
    private let router: ProviderRouter
    private let engine: Engine
    private let janitor: Janitor
    private let deliverer: WebhookDeliverer
    private let curl: CurlTransport
    private let guarded: CurlTransport
    private let taskIDs: TaskIDSource
    private let time: any TimeSource

    /// Builds every part, opens database and storage; nothing is sent to a vendor.
    ///
    /// - Parameters:
    ///   - configuration: What to build.
    ///   - time: The clock.
    ///   - logger: Where to tell what happens.
    /// - Throws: ``ConfigurationError``, ``StoreError``, ``ObjectError``, ``TransportError``, each with a sentence for the
    ///   operator.
    public init(
        _ configuration: GatewayConfiguration,
        time: any TimeSource = SystemTime(),
        logger: Logger
    ) async throws {
        let curl = try CurlTransport()
        // A way of its own, so that no connection made without the rule is ever used again under it.
        let rule = AddressRule(allowing: configuration.fetch.allow)
        let guarded = try CurlTransport(addressRule: rule)
        let node = TaskIDSource(time: time).next().description.replacing(TaskID.prefix, with: "node_")
        let providers = try Self.providers(configuration, transport: curl)
        let published = CapabilityBook()
        let router = Self.router(configuration, providers, published)
        let (objects, files) = try Self.storage(configuration, transport: curl, time: time, logger: logger)
        let store = try await SQLiteTaskStore(path: configuration.database.path)
        self.configuration = configuration
        self.node = node
        self.store = store
        outbox = store
        self.objects = objects
        self.files = files
        storageReadiness = StorageReadiness(objects, isLocal: files != nil, time: time)
        self.router = router
        refresh = CapabilityRefresh(providers: providers, book: published, time: time, logger: logger)
        self.providers = providers
        self.curl = curl
        self.guarded = guarded
        self.time = time
        transport = curl
        let board = TaskBoard()
        self.board = board
        taskIDs = TaskIDSource(time: time)
        callers =
            switch configuration.auth.mode {
            case .none: NoCallerDirectory(limits: configuration.limits)
            case .keys: try KeyRing(configuration.auth.keys)
            }
        engine = Engine(
            node: node,
            providers: providers,
            router: router,
            store: store,
            objects: objects,
            board: board,
            fetch: FetchDoors(
                guarded: guarded,
                unguarded: curl,
                rule: rule,
                inputLimit: configuration.fetch.maxBytes,
                inputTimeout: configuration.fetch.timeout,
                time: time
            ),
            transcoder: configuration.server.transcode ? LibraryTranscoder() : nil,
            settings: EngineSettings(
                workers: configuration.engine.workers,
                memoryBudget: configuration.engine.memoryBudget,
                taskTimeout: configuration.engine.taskTimeout,
                drainTimeout: configuration.engine.drainTimeout,
                parameterMode: configuration.server.parameters,
                hasStorage: configuration.storage.isThere
            ),
            time: time,
            logger: logger
        )
        deliverer = WebhookDeliverer(
            tasks: store,
            store: store,
            board: board,
            objects: objects,
            transport: guarded,
            rule: rule,
            signer: StandardWebhookSigner(),
            settings: WebhookSettings(configuration.webhooks),
            time: time,
            logger: logger
        )
        try await deliverer.announce(configuration.webhooks, in: store)
        janitor = Janitor(
            store: store,
            objects: objects,
            settings: JanitorSettings(taskRetention: configuration.engine.taskRetention),
            time: time,
            logger: logger
        )
    }

    /// Runs tasks, tells that they are finished, and deletes what is over, until the process is asked to stop.
    ///
    /// Then running work gets its time, and the rest is handed back.
    ///
    /// - Throws: ``StoreError`` if the database fails at the start.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // They end with the engine, and nothing waits for them.
            group.addTask { await refresh.run() }
            group.addTask { await janitor.run() }
            group.addTask { await deliverer.run() }
            defer { group.cancelAll() }
            try await engine.run()
            await deliverer.close()
        }
    }

    /// Closes database and network; after ``run()`` has ended.
    public func close() async {
        await store.close()
        await guarded.close()
        await curl.close()
    }

    // MARK: For services that embed the gateway

    /// Hands a task in; it is durable when this returns, and run by the engine.
    ///
    /// - Parameters:
    ///   - request: What to draw.
    ///   - owner: Whose task it is.
    /// - Returns: The task as it was written.
    public func submit(_ request: ImageRequest, owner: String) async throws -> ImageTask {
        guard router.directory[request.model] != nil else {
            throw InvalidRequest(.modelNotFound, "model", "The model '\(request.model)' does not exist.")
        }
        let task = ImageTask(
            id: taskIDs.next(),
            owner: owner,
            request: request,
            needsLink: true,
            createdAt: time.now,
            linkLifetime: configuration.linkLifetime
        )
        try await store.create(task)
        board.signalQueue()
        return task
    }

    /// Waits until a task is final.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - owner: Whose task it is.
    /// - Returns: The task; `nil` if there is none of that name.
    /// - Throws: ``StoreError``; `CancellationError` when the gateway ends before the task does.
    public func finished(_ id: TaskID, owner: String) async throws -> ImageTask? {
        // Watch before reading, so that no change falls in between.
        var changes = board.changes(of: id).makeAsyncIterator()
        while let task = try await store.task(id, owner: owner) {
            if task.status.isFinal { return task }
            // The end of the changes is that of the engine, or of whoever waits.
            guard await changes.next() != nil else { throw CancellationError() }
        }
        return nil
    }

    /// The SHA-256 of buffers, one after the other, by OpenSSL.
    public static func digest(_ buffers: [ByteBuffer]) throws -> [UInt8] { try Digest.hash(.sha256, buffers) }

    /// The signed links to a finished task's pictures.
    public func links(of task: ImageTask) throws -> [String] {
        guard let completedAt = task.completedAt else { return [] }
        return try task.pictures.compactMap { picture in
            try ObjectKey(picture.key).map {
                try objects.link(to: $0, signedAt: completedAt, lifetime: task.linkLifetime)
            }
        }
    }
}
