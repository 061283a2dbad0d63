// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// What every run of a task needs.
///
/// A reference: thousands of tasks wait at the same time, each with several frames that would hold a copy.
final class EngineParts: Sendable {
    let node: String
    let pool: ProviderPool
    let router: ProviderRouter
    let store: any TaskStore
    let board: TaskBoard
    let memory: ByteBudget
    let keeper: PictureKeeper
    /// Whether pictures can be stored; without that they are of use only to a caller who waits.
    let hasStorage: Bool
    let workers: Slots
    let parameterMode: ParameterMode
    let taskTimeout: Duration
    let time: any TimeSource
    let logger: Logger
    /// Where a task says that it waits for a provider to come back.
    let load: EngineLoad?
    /// Who knows what runs here, and whether this process stops.
    let book: RunBook?

    var fetcher: PictureFetcher { keeper.fetcher }
    var finisher: PictureFinisher { keeper.finisher }
    var transcoder: (any PictureTranscoder)? { keeper.finisher.transcoder }

    init(
        node: String,
        pool: ProviderPool,
        router: ProviderRouter,
        store: any TaskStore,
        board: TaskBoard,
        memory: ByteBudget = ByteBudget(limit: 0),
        keeper: PictureKeeper,
        hasStorage: Bool = true,
        workers: Slots,
        parameterMode: ParameterMode,
        taskTimeout: Duration,
        time: any TimeSource,
        logger: Logger,
        load: EngineLoad? = nil,
        book: RunBook? = nil
    ) {
        self.node = node
        self.pool = pool
        self.router = router
        self.store = store
        self.board = board
        self.memory = memory
        self.keeper = keeper
        self.hasStorage = hasStorage
        self.workers = workers
        self.parameterMode = parameterMode
        self.taskTimeout = taskTimeout
        self.time = time
        self.logger = logger
        self.load = load
        self.book = book
    }
}
