// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Logging
public import ServiceLifecycle

/// The limits of an engine.
public struct EngineSettings: Sendable {
    /// Calls and transfers at one moment; tasks that wait for a vendor cost none.
    public var workers: Int
    /// How long a task may take from its creation on.
    public var taskTimeout: Duration
    /// How long running calls may go on when the process is asked to stop.
    public var drainTimeout: Duration
    /// What to do with wishes a model cannot honor.
    public var parameterMode: ParameterMode
    /// How often a node says that it is alive, and looks for work that nobody announced.
    public var heartbeat: Duration
    /// After how long without a heartbeat a node counts as gone.
    public var nodeTimeout: Duration

    /// Creates limits.
    public init(
        workers: Int = 256,
        taskTimeout: Duration = .seconds(900),
        drainTimeout: Duration = .seconds(30),
        parameterMode: ParameterMode = .nearest,
        heartbeat: Duration = .seconds(3),
        nodeTimeout: Duration = .seconds(15)
    ) {
        self.workers = workers
        self.taskTimeout = taskTimeout
        self.drainTimeout = drainTimeout
        self.parameterMode = parameterMode
        self.heartbeat = heartbeat
        self.nodeTimeout = nodeTimeout
    }
}

/// Runs tasks: claims them, follows each to its pictures, stores those, and takes over what a dead process left behind.
public struct Engine: Service {
    private let parts: EngineParts
    private let settings: EngineSettings
    private let load: EngineLoad

    /// Creates an engine; nothing runs before ``run()``.
    ///
    /// - Parameters:
    ///   - node: This process's name among those that share the store; unique for each start.
    ///   - providers: The providers.
    ///   - router: Who serves which model.
    ///   - store: Where tasks live.
    ///   - objects: Where pictures go.
    ///   - board: The doors to the server of this process.
    ///   - settings: The limits.
    ///   - time: The clock.
    ///   - logger: Where to tell what happens.
    public init(
        node: String,
        providers: [EngineProvider],
        router: ProviderRouter,
        store: any TaskStore,
        objects: any ObjectStore,
        board: TaskBoard,
        settings: EngineSettings = EngineSettings(),
        time: any TimeSource = SystemTime(),
        logger: Logger
    ) {
        parts = EngineParts(
            node: node,
            pool: ProviderPool(providers),
            router: router,
            store: store,
            board: board,
            keeper: PictureKeeper(objects: objects, time: time, logger: logger),
            workers: Slots(limit: settings.workers),
            parameterMode: settings.parameterMode,
            taskTimeout: settings.taskTimeout,
            time: time,
            logger: logger
        )
        self.settings = settings
        load = EngineLoad(limit: settings.workers * 2)
    }

    /// Runs until the process is asked to stop; then running work gets the drain time, and the rest is handed back.
    ///
    /// - Throws: ``StoreError`` if the store fails at the start.
    public func run() async throws {
        try await parts.store.heartbeat(node: parts.node, now: parts.time.now)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask { await beat() }
            // The work ends when everything is drained; the heartbeat goes on until then.
            _ = try await group.next()
            group.cancelAll()
        }
    }

    /// Takes on tasks until the process is asked to stop, then waits for them, but not for ever.
    private func work() async throws {
        await withTaskGroup(of: Worker.self) { group in
            group.addTask {
                await takeAssignments()
                return .taker
            }
            group.addTask {
                await claimTasks()
                return .taker
            }
            group.addTask {
                await drain()
                return .drain
            }
            var takers = 2
            while takers > 0, await group.next() == .taker { takers -= 1 }
            // Either everything is done, or the time for it is over: what still runs is handed back.
            group.cancelAll()
        }
    }

    private enum Worker {
        case taker, drain
    }

    /// Waits for the signal to stop, stops taking on, and gives what runs its time.
    private func drain() async {
        try? await gracefulShutdown()
        parts.board.stopTaking()
        try? await parts.time.sleep(for: settings.drainTimeout)
    }

    /// Runs the tasks whose callers wait here.
    private func takeAssignments() async {
        await withDiscardingTaskGroup { group in
            for await task in parts.board.assignments {
                group.addTask { await run(task) }
            }
        }
    }

    /// Claims and runs what waits in the store, as much as fits.
    private func claimTasks() async {
        await withDiscardingTaskGroup { group in
            for await _ in parts.board.queueSignals {
                let adopted = await adopted()
                let claimed = await claimed()
                for task in adopted + claimed {
                    load.begin(task.request.model)
                    group.addTask {
                        await run(task)
                        if load.end(task.request.model) { parts.board.signalQueue() }
                    }
                }
            }
        }
    }

    private func claimed() async -> [ImageTask] {
        let room = load.room(appetite: { parts.pool.appetite(for: parts.router.candidates(for: $0)) })
        guard room.tasks > 0 else { return [] }
        do {
            let router = parts.router
            let tasks = try await parts.store.claim(
                node: parts.node,
                limit: room.tasks,
                excluding: room.fullModels,
                now: parts.time.now,
                divide: { router.portions(of: $0) }
            )
            load.claimed(all: tasks.count < room.tasks && room.fullModels.isEmpty)
            return tasks
        } catch {
            parts.logger.error("Tasks could not be claimed.", metadata: ["error": "\(error.message)"])
            return []
        }
    }

    private func adopted() async -> [ImageTask] {
        do {
            let silentSince = parts.time.now.advanced(by: .zero - settings.nodeTimeout)
            let tasks = try await parts.store.adopt(
                node: parts.node,
                silentSince: silentSince,
                limit: 256,
                now: parts.time.now
            )
            if !tasks.isEmpty {
                parts.logger.notice("Took over tasks of a process that is gone.", metadata: ["count": "\(tasks.count)"])
                parts.board.signalQueue()
            }
            return tasks
        } catch {
            parts.logger.error("Tasks could not be taken over.", metadata: ["error": "\(error.message)"])
            return []
        }
    }

    private func run(_ task: ImageTask) async {
        var logger = parts.logger
        logger[metadataKey: "task"] = "\(task.id)"
        let live = LiveTask(task, store: parts.store, board: parts.board, time: parts.time, logger: logger)
        await TaskRun(live: live, parts: parts, logger: logger).run()
    }

    /// Says that this node is alive, and looks for work that nobody announced.
    private func beat() async {
        while !Task.isCancelled {
            parts.board.signalQueue()
            do {
                try await parts.time.sleep(for: settings.heartbeat)
            } catch {
                return
            }
            do {
                try await parts.store.heartbeat(node: parts.node, now: parts.time.now)
            } catch {
                parts.logger.error("The heartbeat could not be written.", metadata: ["error": "\(error.message)"])
            }
        }
    }
}

/// What every run of a task needs.
struct EngineParts: Sendable {
    let node: String
    let pool: ProviderPool
    let router: ProviderRouter
    let store: any TaskStore
    let board: TaskBoard
    let keeper: PictureKeeper
    let workers: Slots
    let parameterMode: ParameterMode
    let taskTimeout: Duration
    let time: any TimeSource
    let logger: Logger
}
