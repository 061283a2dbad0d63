// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Logging
public import ServiceLifecycle

/// Runs tasks: claims them, follows each to its pictures, stores those, and takes over what a dead process left behind.
public struct Engine: Service {
    let parts: EngineParts
    let settings: EngineSettings
    let load: EngineLoad
    /// The tasks that only wait for vendors' jobs.
    private let schedule: PollSchedule
    let outages = Outages()
    private let pulse = Pulse()

    /// Creates an engine; nothing runs before ``run()``.
    ///
    /// - Parameters:
    ///   - node: This process's name among those that share the store; unique for each start.
    ///   - providers: The providers.
    ///   - router: Who serves which model.
    ///   - store: Where tasks live.
    ///   - objects: Where pictures go.
    ///   - board: The doors to the server of this process.
    ///   - fetch: The ways to pictures that callers and vendors give addresses for.
    ///   - transcoder: Who brings pictures into the format that was asked for; `nil` to leave them as they come.
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
        fetch: FetchDoors,
        transcoder: (any PictureTranscoder)? = nil,
        settings: EngineSettings = EngineSettings(),
        time: any TimeSource = SystemTime(),
        logger: Logger
    ) {
        let pool = ProviderPool(providers)
        let workers = Slots(limit: settings.workers)
        load = EngineLoad(limit: settings.workers * 2, router: router, pool: pool)
        parts = EngineParts(
            node: node,
            pool: pool,
            router: router,
            store: store,
            board: board,
            memory: ByteBudget(limit: settings.memoryBudget),
            keeper: PictureKeeper(
                objects: objects,
                store: store,
                fetcher: PictureFetcher(fetch, workers: workers, pool: pool, time: time, logger: logger),
                finisher: PictureFinisher(transcoder: transcoder, logger: logger),
                workers: workers,
                time: time,
                logger: logger
            ),
            hasStorage: settings.hasStorage,
            workers: workers,
            parameterMode: settings.parameterMode,
            taskTimeout: settings.taskTimeout,
            time: time,
            logger: logger,
            load: load,
            book: RunBook(board: board)
        )
        self.settings = settings
        schedule = PollSchedule(time: time)
    }

    /// How the providers are at this moment.
    public var providersStatus: ProvidersStatus { parts.pool.status(router: parts.router, at: parts.time.now) }

    /// Finds out whether the task store takes writes, as far as the last heartbeat tells; costs nothing.
    ///
    /// - Throws: ``StoreError`` with a sentence for the operator.
    public func checkStore() throws(StoreError) { try pulse.check(at: parts.time.now) }

    /// Runs until the process is asked to stop; then running work gets the drain time, and the rest is handed back.
    ///
    /// - Throws: ``StoreError`` if the store fails at the start.
    public func run() async throws {
        // Whoever watches or waits here learns that nothing more will happen.
        defer { parts.board.engineEnded() }
        try await pulse.beat(parts.store, node: parts.node, time: parts.time)
        parts.board.offerRoom { [load, weak board = parts.board] id, model in
            guard let board, load.keepsRoom(for: id, model: model) else { return nil }
            return TaskRoom { if load.end(id) { board.signalQueue() } }
        }
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
                await schedule.run()
                return .taker
            }
            group.addTask {
                await drain()
                return .drain
            }
            var takers = 3
            while takers > 0, await group.next() == .taker { takers -= 1 }
            // Either everything is done, or the time for it is over: what still runs is handed back.
            group.cancelAll()
        }
    }

    private enum Worker {
        case taker, drain
    }

    /// Waits for the signal to stop, stops taking on, hands back what only waits, and gives the rest its time.
    private func drain() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await gracefulShutdown() }
            group.addTask { await parts.board.untilStopping() }
            _ = await group.next()
            group.cancelAll()
        }
        guard !Task.isCancelled else { return }
        load.close()
        parts.board.stopTaking()
        schedule.close()
        parts.book?.close()
        try? await parts.time.sleep(for: settings.drainTimeout)
    }

    /// Runs the tasks whose callers wait here.
    private func takeAssignments() async {
        await withDiscardingTaskGroup { group in
            for await assignment in parts.board.assignments {
                group.addTask {
                    guard let room = assignment.room else {
                        return await run(assignment.task, uploads: assignment.uploads)
                    }
                    room.use()
                    await runCounted(assignment.task)
                }
            }
        }
    }

    /// Runs a task until it is over, or rests in the schedule.
    func run(
        _ task: ImageTask,
        uploads: [InputPicture] = [],
        changed: @escaping @Sendable (ImageTask) -> Void = { _ in },
        ended: @escaping @Sendable () -> Void = {}
    ) async {
        guard let book = parts.book, book.begin(task.id) else { return ended() }
        var logger = parts.logger
        logger[metadataKey: "task"] = "\(task.id)"
        let live = LiveTask(
            task,
            store: parts.store,
            board: parts.board,
            time: parts.time,
            logger: logger,
            changed: { task in
                changed(task)
                book.changed(task)
            }
        )
        let run = TaskRun(live: live, uploads: uploads, parts: parts, logger: logger) {
            book.end(task.id)
            ended()
        }
        await schedule.begin(run)
    }

    /// Says that this node is alive, and looks for work that nobody announced.
    private func beat() async {
        for beat in 1... {
            parts.board.signalQueue()
            do {
                try await parts.time.sleep(for: settings.heartbeat)
            } catch {
                return
            }
            parts.memory.spare.shrink()
            // Seldom: a large picture on a slow line is no standstill.
            if beat.isMultiple(of: 10) { parts.memory.relieve() }
            do {
                try await pulse.beat(parts.store, node: parts.node, time: parts.time)
                outages.worked(.heartbeat, parts.logger)
            } catch {
                outages.failed(.heartbeat, error.message, parts.logger)
            }
        }
    }
}
