// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// What a caller can do to a task: end it, or try it again.
struct TaskActions: Sendable {
    let parts: ServerParts
    let settings: ServerSettings
    let views: TaskViews
    let desk: TaskDesk

    /// The largest input picture that is copied for another try, in bytes; none larger was ever taken.
    private static let inputLimit = 64 << 20

    /// - Parameters:
    ///   - routes: Where ending tasks goes: who has asked too often may still do that.
    ///   - paced: Where making tasks goes.
    func add(to routes: Routes, paced: Routes) {
        routes.on(.post, "/v1/images/tasks/:id/cancel") { try await cancel($0, $1) }
        paced.on(.post, "/v1/images/tasks/:id/retry") { try await retry($0, $1) }
    }

    // MARK: Cancel

    private func cancel(_ request: Request, _ context: GatewayContext) async throws -> Response {
        guard let named = try named(request, "cancel", context) else {
            return try views.response(try await cancelled(nil, context).outcome.task, withAttempts: true)
        }
        let entry = try await desk.turns.taking(named.key.text, of: context.caller.name) {
            if let earlier = try await desk.earlier(named, context.caller) { return TaskDesk.Entry.again(earlier) }
            return try await cancelled(named, context)
        }.outcome
        let headers: HTTPFields = entry.isReplay ? [.idempotentReplayed: "true"] : [:]
        return try views.response(entry.task, headers: headers, withAttempts: true)
    }

    /// Ends the task, under the request's name if it has one.
    private func cancelled(_ named: NamedRequest?, _ context: GatewayContext) async throws -> TaskDesk.Entry {
        while true {
            let task = try await task(context)
            guard !task.status.isFinal else {
                throw APIError(
                    .conflict,
                    "task_not_cancellable",
                    "The task is \(task.status.rawValue) already.",
                    headers: [.shouldRetry: "false"]
                )
            }
            let cancelled: ImageTask
            do throws(TaskStateError) {
                cancelled = try task.applying(.gaveUp(Self.failure(of: task)), at: parts.time.now)
            } catch {
                throw APIError.unforeseen
            }
            let earlier: IdempotencyClaim?
            do throws(StoreError) {
                earlier = try await write(cancelled, from: task.version, named, context.caller)
            } catch {
                // The engine wrote first: what it wrote decides what can still be cancelled.
                guard error.code == .conflict else { throw error }
                continue
            }
            if let earlier, let named {
                // Another process was first.
                guard let task = try await desk.task(behind: earlier, named) else { throw APIError.noTask }
                return .again(task)
            }
            parts.board.changed(task.id)
            parts.board.revoke(task.id)
            return .new(cancelled)
        }
    }

    /// Writes a change; gives the claim that was there before, if there was one.
    private func write(
        _ task: ImageTask,
        from version: Int,
        _ named: NamedRequest?,
        _ caller: Caller
    ) async throws(StoreError) -> IdempotencyClaim? {
        guard let named else {
            try await parts.store.update(task, from: version)
            return nil
        }
        let now = parts.time.now
        let claim = named.claim(for: task.id, of: caller, now: now)
        return try await parts.store.update(task, from: version, claiming: claim, now: now)
    }

    private func named(
        _ request: Request,
        _ action: String,
        _ context: GatewayContext
    ) throws -> NamedRequest? {
        try RequestKey(request).map { try NamedRequest($0, action: action, try id(context), parts) }
    }

    /// What is true of the moment: whether a provider has, or may have, done what costs money.
    private static func failure(of task: ImageTask) -> TaskFailure {
        let mayBeBilled = task.attempts.contains { ($0.outcome?.billed ?? .unknown) != .no }
        return TaskFailure(
            .taskCancelled,
            mayBeBilled
                ? "The task was cancelled after a provider had it: it may be billed, and a late picture is not kept."
                : "The task was cancelled before a provider had it."
        )
    }

    // MARK: Retry

    private func retry(_ request: Request, _ context: GatewayContext) async throws -> Response {
        guard settings.hasStorage else { throw APIError.noStorage }
        let named = try named(request, "retry", context)
        // Asked before the old task is looked at: it may be gone by now.
        if let named, let earlier = try await desk.earlier(named, context.caller) {
            return try await views.response(.again(earlier))
        }
        guard parts.board.isTaking else { throw APIError.shuttingDown }
        let old = try await task(context)
        guard old.status == .failed else {
            throw APIError(
                .conflict,
                "task_not_retryable",
                "Only a failed task can be tried again; this one is \(old.status.rawValue).",
                headers: [.shouldRetry: "false"]
            )
        }
        guard context.caller.mayUse(old.request.model) else {
            throw InvalidRequest(.modelNotAllowed, "model", "This key may not use the model '\(old.request.model)'.")
        }
        guard parts.models[old.request.model] != nil else {
            throw InvalidRequest(.modelNotFound, "model", "The model '\(old.request.model)' does not exist any more.")
        }
        try parts.check(old.request.webhookAddress)
        let task = ImageTask(
            id: parts.taskIDs.next(),
            owner: old.owner,
            request: old.request,
            needsLink: true,
            createdAt: parts.time.now,
            linkLifetime: settings.linkLifetime,
            retryOf: old.id
        )
        let entry = try await desk.enter(task, try await inputs(of: old), named, context)
        if case .new = entry { parts.board.signalQueue() }
        return try await views.response(entry)
    }

    /// The pictures that came with a task, which a failed one keeps.
    private func inputs(of task: ImageTask) async throws -> [(place: Int, picture: InputPicture)] {
        var inputs: [(place: Int, picture: InputPicture)] = []
        let all = task.request.inputs + (task.request.mask.map { [$0] } ?? [])
        for (place, input) in all.enumerated() {
            guard case .upload(let header, _) = input else { continue }
            let key = ObjectKey.input(of: task, place: place, format: header.format)
            do throws(ObjectError) {
                let bytes = try await parts.objects.get(key, atMost: Self.inputLimit)
                guard let picture = InputPicture(bytes) else { throw ObjectError.gone }
                inputs.append((place, picture))
            } catch {
                guard error.code == .notFound else { throw error }
                throw APIError(
                    .conflict,
                    "task_not_retryable",
                    "The pictures of the task's request are no longer kept; send them again.",
                    headers: [.shouldRetry: "false"]
                )
            }
        }
        return inputs
    }

    private func task(_ context: GatewayContext) async throws -> ImageTask {
        guard let task = try await parts.store.task(try id(context), owner: context.caller.name) else {
            throw APIError.noTask
        }
        return task
    }

    private func id(_ context: GatewayContext) throws -> TaskID {
        guard let id = context.pathName.flatMap({ TaskID($0) }) else { throw APIError.noTask }
        return id
    }
}

extension ObjectError {
    fileprivate static let gone = ObjectError(.notFound, isTemporary: false, "The picture is no picture any more.")
}
