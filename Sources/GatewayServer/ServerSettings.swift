// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import NIOCore

/// How the HTTP side behaves.
public struct ServerSettings: Sendable {
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 for any that is free.
    public var port: Int
    /// How long a synchronous call waits for its picture before it becomes a task.
    public var syncWait: Duration
    /// The largest body that is read, in bytes.
    public var maxBody: Int
    /// How many bytes of callers' pictures may be in memory at once; 0 for no bound.
    public var bodyMemory: Int
    /// What to do with wishes that cannot be honored.
    public var parameterMode: ParameterMode
    /// Whether the gateway itself brings pictures into the wished format.
    public var transcodes: Bool
    /// How long links live.
    public var linkLifetime: Duration
    /// Whether pictures can be stored; without that only synchronous `b64_json` works.
    public var hasStorage: Bool
    /// How many tasks may wait to be begun; `nil` for any number.
    public var queueLimit: Int?
    /// How many connections may be open at once, more or less; `nil` for any number.
    ///
    /// Who comes then waits to be let in.
    public var mostConnections: Int?
    /// This process's name among those that share the task store.
    public var node: String

    /// Creates settings.
    public init(
        host: String = "127.0.0.1",
        port: Int = 8080,
        syncWait: Duration = .seconds(280),
        maxBody: Int = 64 << 20,
        bodyMemory: Int = 512 << 20,
        parameterMode: ParameterMode = .nearest,
        transcodes: Bool = false,
        linkLifetime: Duration = .seconds(86_400),
        hasStorage: Bool = true,
        queueLimit: Int? = nil,
        mostConnections: Int? = nil,
        node: String
    ) {
        self.host = host
        self.port = port
        self.syncWait = syncWait
        self.maxBody = maxBody
        self.bodyMemory = bodyMemory
        self.parameterMode = parameterMode
        self.transcodes = transcodes
        self.linkLifetime = linkLifetime
        self.hasStorage = hasStorage
        self.queueLimit = queueLimit
        self.mostConnections = mostConnections
        self.node = node
    }
}

/// What the server needs of the rest of the gateway: the doors, and nothing concrete.
public struct ServerParts: Sendable {
    /// Where tasks live.
    public var store: any TaskStore
    /// Who signs links.
    public var objects: any ObjectStore
    /// The gateway's own files, with local storage.
    public var files: (any LinkedFiles)?
    /// The doors to the engine of this process.
    public var board: TaskBoard
    /// The public models.
    public var models: ModelDirectory
    /// Who knows the keys.
    public var callers: any CallerDirectory
    /// The SHA-256 of buffers, one after the other.
    public var digest: @Sendable ([ByteBuffer]) throws -> [UInt8]
    /// Names for new tasks.
    public var taskIDs: TaskIDSource
    /// The clock.
    public var time: any TimeSource
    /// What must work for the gateway to be ready, by name; a check throws what is wrong.
    public var readiness: [String: @Sendable () async throws -> Void]
    /// How the providers are, for operators; `nil` if nobody can tell.
    public var providers: (@Sendable () -> ProvidersStatus)?
    /// Who tells receivers that tasks are finished, and what they are still to be told; `nil` for nobody.
    public var webhooks: (control: any WebhookControl, outbox: any WebhookStore)?
    /// Who writes the line about each request in the place of the server's logger; `nil` for that.
    public var requestLog: (@Sendable (AnsweredRequest) -> Void)?

    /// Checks where a request wants to be told that its task is finished.
    func check(_ address: WebhookAddress?) throws(InvalidRequest) {
        guard let address else { return }
        guard let webhooks else {
            throw InvalidRequest(
                .unsupportedParameter,
                "webhook_url",
                "The parameter 'webhook_url' is not supported: this gateway sends no webhooks."
            )
        }
        try webhooks.control.check(address)
    }

    /// Collects the parts.
    public init(
        store: any TaskStore,
        objects: any ObjectStore,
        files: (any LinkedFiles)?,
        board: TaskBoard,
        models: ModelDirectory,
        callers: any CallerDirectory,
        digest: @escaping @Sendable ([ByteBuffer]) throws -> [UInt8],
        taskIDs: TaskIDSource = TaskIDSource(),
        time: any TimeSource = SystemTime(),
        readiness: [String: @Sendable () async throws -> Void] = [:],
        providers: (@Sendable () -> ProvidersStatus)? = nil,
        webhooks: (control: any WebhookControl, outbox: any WebhookStore)? = nil,
        requestLog: (@Sendable (AnsweredRequest) -> Void)? = nil
    ) {
        self.store = store
        self.objects = objects
        self.files = files
        self.board = board
        self.models = models
        self.callers = callers
        self.digest = digest
        self.taskIDs = taskIDs
        self.time = time
        self.readiness = readiness
        self.providers = providers
        self.webhooks = webhooks
        self.requestLog = requestLog
    }
}
