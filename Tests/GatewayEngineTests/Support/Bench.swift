// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Logging
import ServiceLifecycle
import Testing

/// An engine's parts around fakes.
struct Bench: Sendable {
    let time: HastyTime
    let samples: SampleTasks
    let store: any TaskStore
    let objects: MemoryObjectStore
    let doors: FetchDoors
    let board = TaskBoard()
    let providers: [EngineProvider]
    let router: ProviderRouter
    let parts: EngineParts
    let logger: Logger

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        _ providers: EngineProvider...,
        routes: [ProviderRouter.Route] = [],
        mode: ParameterMode = .nearest,
        isPatient: Bool = false,
        logger: Logger = Self.logger,
        store: any TaskStore = MemoryTaskStore(),
        objects: MemoryObjectStore = MemoryObjectStore(),
        time: HastyTime? = nil,
        keeping: (any ObjectStore)? = nil,
        memory: ByteBudget = ByteBudget(limit: 0),
        web: ReplayTransport = ReplayTransport([]),
        intranet: ReplayTransport = ReplayTransport([]),
        transcoder: (any PictureTranscoder)? = nil
    ) {
        let time = time ?? HastyTime(isPatient: isPatient)
        self.time = time
        self.logger = logger
        let router = ProviderRouter(
            tables: providers.map { .init(name: $0.name, descriptor: FakeVendor.descriptor, models: [:]) },
            routes: routes,
            aliases: [:]
        )
        let workers = Slots(limit: 16)
        samples = SampleTasks(time: time.clock)
        self.store = store
        self.objects = objects
        self.providers = providers
        self.router = router
        let pool = ProviderPool(providers)
        doors = FetchDoors(guarded: web, unguarded: intranet, inputLimit: 1 << 20, time: time)
        parts = EngineParts(
            node: "node-1",
            pool: pool,
            router: router,
            store: store,
            board: board,
            memory: memory,
            keeper: PictureKeeper(
                objects: keeping ?? objects,
                store: store,
                fetcher: PictureFetcher(doors, workers: workers, pool: pool, time: time, logger: Self.logger),
                finisher: PictureFinisher(transcoder: transcoder, logger: Self.logger),
                workers: workers,
                time: time,
                logger: Self.logger
            ),
            workers: workers,
            parameterMode: mode,
            taskTimeout: .seconds(900),
            time: time,
            logger: Self.logger
        )
    }

    // MARK: Tasks

    /// Writes a task that waits to be claimed, or belongs to a node already.
    @discardableResult
    func create(
        id: TaskID? = nil,
        model: String = "one",
        count: Int = 1,
        needsLink: Bool = true,
        node: String? = nil,
        after events: [TaskEvent] = [],
        adjust: (inout ImageRequest.Draft) -> Void = { _ in }
    ) async throws -> ImageTask {
        let pending = ImageTask(
            id: id ?? samples.id(),
            owner: "alice",
            request: try SampleTasks.request(model: model, count: count, adjust: adjust),
            needsLink: needsLink,
            createdAt: time.now,
            linkLifetime: .seconds(86_400),
            node: node
        )
        let task = try samples.task(pending, after: events)
        try await store.create(task)
        return task
    }

    /// The task as a node has it that took it over from one that is gone.
    func adopted(_ model: String = "one", count: Int = 1, after events: [TaskEvent]) async throws -> ImageTask {
        try await create(model: model, count: count, after: events)
        let adopted = try await store.adopt(node: "node-1", silentSince: time.now, limit: 9, now: time.now)
        return try #require(adopted.first)
    }

    /// Room for a task, as soon as the engine has any.
    func room(for id: TaskID) async throws -> TaskRoom {
        var room: TaskRoom?
        try await eventually {
            room = board.room(for: id, model: "one")
            return room != nil
        }
        return try #require(room)
    }

    func row(_ id: TaskID) async throws -> ImageTask { try #require(try await store.task(id, owner: nil)) }

    /// Runs a task to its end and reads the row.
    @discardableResult
    func run(_ task: ImageTask, uploads: [InputPicture] = []) async throws -> ImageTask {
        let live = LiveTask(task, store: store, board: board, time: time, logger: Self.logger)
        await TaskRun(live: live, uploads: uploads, parts: parts, logger: logger).run()
        return try await row(task.id)
    }

    /// Makes a task and runs it to its end.
    @discardableResult
    func draw(model: String = "one", count: Int = 1, needsLink: Bool = true) async throws -> ImageTask {
        try await run(try await create(model: model, count: count, needsLink: needsLink, node: "node-1"))
    }

    // MARK: Engines

    func engine(
        node: String = "node-1",
        board: TaskBoard? = nil,
        workers: Int = 16
    ) -> Engine {
        Engine(
            node: node,
            providers: providers,
            router: router,
            store: store,
            objects: objects,
            board: board ?? self.board,
            fetch: doors,
            // Nothing here beats or drains before a test moves the clock: all that happens is asked for.
            settings: EngineSettings(
                workers: workers,
                taskTimeout: .seconds(3000),
                drainTimeout: .seconds(400),
                heartbeat: .seconds(400),
                nodeTimeout: .seconds(1000)
            ),
            time: time,
            logger: Self.logger
        )
    }

    /// Waits until all tasks are final.
    func untilAllFinal() async throws -> [ImageTask] {
        func all() async throws -> [ImageTask] {
            try await store.list(TaskQuery(owner: "alice", limit: 10_000, ascending: true)).tasks
        }
        try await eventually { try await all().allSatisfy(\.status.isFinal) }
        return try await all()
    }
}

/// Runs an engine for the length of a body, then has it stop.
func running(_ engine: Engine, _ body: (ServiceGroup) async throws -> Void) async throws {
    let group = ServiceGroup(services: [engine], logger: Bench.logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await body(group)
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

extension EngineParts {
    /// The same with some parts replaced.
    func with(
        memory: ByteBudget? = nil,
        hasStorage: Bool? = nil,
        book: RunBook? = nil,
        time: (any TimeSource)? = nil
    ) -> EngineParts {
        EngineParts(
            node: node,
            pool: pool,
            router: router,
            store: store,
            board: board,
            memory: memory ?? self.memory,
            keeper: keeper,
            hasStorage: hasStorage ?? self.hasStorage,
            workers: workers,
            parameterMode: parameterMode,
            taskTimeout: taskTimeout,
            time: time ?? self.time,
            logger: logger,
            load: load,
            book: book ?? self.book
        )
    }
}
