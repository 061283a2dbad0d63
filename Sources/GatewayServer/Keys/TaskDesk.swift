// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import Logging

/// Where requests become tasks: the one way to a new row, or to the row that the same request became before.
struct TaskDesk: Sendable {
    /// What a request became.
    enum Entry {
        /// A task that was written now.
        case new(ImageTask)
        /// The task that the same request became before.
        case again(ImageTask)

        /// The task, and whether it was there before.
        var outcome: (task: ImageTask, isReplay: Bool) {
            switch self {
            case .new(let task): (task, false)
            case .again(let task): (task, true)
            }
        }
    }

    let parts: ServerParts
    let settings: ServerSettings
    let turns: KeyTurns

    typealias Pictures = [(place: Int, picture: InputPicture)]

    /// Writes a task unless its request was made before.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - pictures: Those that came along and must be stored for it.
    ///   - named: The request's name, if it has one.
    ///   - context: Who asks.
    /// - Throws: ``APIError`` if the name belongs to another request, or if there is no room; then nothing is written.
    func enter(
        _ task: ImageTask,
        _ pictures: Pictures,
        _ named: NamedRequest?,
        _ context: GatewayContext
    ) async throws -> Entry {
        guard let named else { return try await write(task, pictures, nil, context) }
        return try await turns.taking(named.key.text, of: context.caller.name) {
            if let earlier = try await kept(try await earlier(named, context.caller)) { return .again(earlier) }
            return try await write(task, pictures, named, context)
        }
    }

    /// Writes a task that need not be on the disk before its work begins: nobody knows its name, no limit and no earlier
    /// request is in its way, and its first attempt, which is written before anything is sent, takes it along.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - failed: Called if it could not be written; then nothing was sent, and nothing will be.
    /// - Returns: `false` if that does not do for this caller: the task is to be entered.
    func enterSoon(
        _ task: ImageTask,
        _ context: GatewayContext,
        failed: @escaping @Sendable (StoreError) -> Void
    ) async throws -> Bool {
        guard task.node != nil, context.caller.limits.concurrentTasks == nil else { return false }
        try await parts.store.createSoon(task, failed: failed)
        return true
    }

    /// The task that the same request became before.
    ///
    /// - Throws: ``APIError`` if the name belongs to another request.
    func earlier(_ named: NamedRequest, _ caller: Caller) async throws -> ImageTask? {
        let claim = try await parts.store.claim(named.key.text, of: caller.name, now: parts.time.now)
        guard let claim else { return nil }
        return try await task(behind: claim, named)
    }

    /// The task of a claim; `nil` if it, and the claim with it, is gone.
    func task(behind claim: IdempotencyClaim, _ named: NamedRequest) async throws -> ImageTask? {
        guard claim.request == named.digest else { throw APIError.idempotencyConflict }
        return try await parts.store.task(claim.task, owner: claim.owner)
    }

    /// The earlier task of an order, unless the order may be made anew: where nothing is stored, a call whose last caller
    /// hung up before anything was sent has not happened.
    private func kept(_ earlier: ImageTask?) async throws -> ImageTask? {
        guard let earlier, !settings.hasStorage, earlier.wasDroppedUnsent else { return earlier }
        try await parts.store.delete(earlier.id, owner: earlier.owner, now: parts.time.now)
        return nil
    }

    private func write(
        _ task: ImageTask,
        _ pictures: Pictures,
        _ named: NamedRequest?,
        _ context: GatewayContext
    ) async throws -> Entry {
        let terms = TaskTerms(
            claim: named?.claim(for: task.id, of: context.caller, now: task.createdAt),
            queueLimit: settings.queueLimit,
            unfinishedLimit: context.caller.limits.concurrentTasks
        )
        let entry = try await keep(pictures, of: task, on: terms, context)
        switch entry {
        case .written: return .new(task)
        case .queueFull: throw APIError.queueFull
        case .tooManyUnfinished: throw APIError.tooManyTasks(terms.unfinishedLimit ?? 0)
        case .claimed(let claim):
            // Another process was first.
            guard let named, let earlier = try await kept(try await self.task(behind: claim, named)) else {
                throw APIError.goneMeanwhile
            }
            return .again(earlier)
        }
    }

    private func keep(
        _ pictures: Pictures,
        of task: ImageTask,
        on terms: TaskTerms,
        _ context: GatewayContext
    ) async throws -> TaskEntry {
        guard !pictures.isEmpty else { return try await parts.store.create(task, on: terms) }
        try await refuseEarly(task, terms)
        return try await InputKeeper(parts, logger: context.logger).keep(pictures, of: task) {
            () throws(StoreError) in try await parts.store.create(task, on: terms)
        }
    }

    /// Looks before pictures are stored for a task that would not be written; the commit decides.
    private func refuseEarly(_ task: ImageTask, _ terms: TaskTerms) async throws {
        if let limit = terms.queueLimit, task.node == nil {
            guard try await parts.store.pendingCount() < limit else { throw APIError.queueFull }
        }
        if let limit = terms.unfinishedLimit {
            let count = try await parts.store.unfinishedCount(of: task.owner, atMost: limit)
            guard count < limit else { throw APIError.tooManyTasks(limit) }
        }
    }
}

extension ImageTask {
    /// Whether the task ended before anything was sent to a vendor because nobody waited for it any more; one that its
    /// caller cancelled was not dropped.
    var wasDroppedUnsent: Bool { failure == .callerGone && nothingWasSent }
}

extension APIError {
    fileprivate static let queueFull = APIError(
        .tooManyRequests,
        "queue_full",
        "As many tasks wait as may; try again.",
        headers: [.retryAfter: "5"]
    )

    fileprivate static func tooManyTasks(_ limit: Int) -> APIError {
        APIError(
            .tooManyRequests,
            "quota_exceeded",
            "This key may have \(limit) unfinished task\(limit == 1 ? "" : "s") at once; wait until one is finished.",
            headers: [.retryAfter: "5"]
        )
    }

    /// The task of a claim was deleted in this very moment.
    fileprivate static let goneMeanwhile = APIError(
        .serviceUnavailable,
        "provider_unavailable",
        "The task of this Idempotency-Key was deleted at this moment; try again.",
        headers: [.retryAfter: "1"]
    )
}
