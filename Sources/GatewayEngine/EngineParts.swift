// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// What every run of a task needs.
struct EngineParts: Sendable {
    let node: String
    let pool: ProviderPool
    let router: ProviderRouter
    let store: any TaskStore
    let board: TaskBoard
    var memory = ByteBudget(limit: 0)
    let keeper: PictureKeeper
    /// Whether pictures can be stored; without that they are of use only to a caller who waits.
    var hasStorage = true
    let workers: Slots
    let parameterMode: ParameterMode
    let taskTimeout: Duration
    let time: any TimeSource
    let logger: Logger
    /// Where a task says that it waits for a provider to come back.
    var load: EngineLoad?
    /// Who knows what runs here, and whether this process stops.
    var book: RunBook?

    var fetcher: PictureFetcher { keeper.fetcher }
    var finisher: PictureFinisher { keeper.finisher }
    var transcoder: (any PictureTranscoder)? { keeper.finisher.transcoder }
}
