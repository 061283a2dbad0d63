// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Looking at tasks: one, many, and the picture itself; and deleting them.
struct TaskRoutes: Sendable {
    let parts: ServerParts
    let views: TaskViews

    func add(to routes: Routes) {
        for collection in ["generations", "edits", "tasks"] {
            routes.on(.get, "/v1/images/\(collection)/:id") { try await task($0, $1) }
        }
        routes.on(.get, "/v1/images/tasks") { try await list($0, $1) }
        routes.on(.get, "/v1/images/tasks/:id/content") { try await content($0, $1) }
        routes.on(.delete, "/v1/images/tasks/:id") { try await delete($0, $1) }
    }

    // MARK: One task

    private func task(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let query = Query(request)
        let id = try id(context)
        let wait = try query.wait()
        let withAttempts = query["include"]?.split(separator: ",").contains("attempts") ?? false
        let task = try await self.task(id, context.caller, changedWithin: wait)
        let position = await views.position(of: task)
        return try views.response(task, withAttempts: withAttempts, queuePosition: position)
    }

    /// The task, as soon as its state is another than now, or when the time is over.
    private func task(_ id: TaskID, _ caller: Caller, changedWithin wait: Duration) async throws -> ImageTask {
        guard wait > .zero else { return try await read(id, caller) }
        // Watch before reading, so that no change falls in between.
        let changes = parts.board.changes(of: id)
        let first = try await read(id, caller)
        guard !first.status.isFinal else { return first }
        return try await withThrowingTaskGroup(of: ImageTask?.self) { group in
            group.addTask {
                try await parts.time.sleep(for: wait)
                return nil
            }
            group.addTask {
                for await _ in changes {
                    let task = try await read(id, caller)
                    if task.status != first.status { return task }
                }
                return nil
            }
            group.addTask {
                // Another process may have changed the row without a word to this one.
                while true {
                    try await parts.time.sleep(for: .seconds(1))
                    let task = try await read(id, caller)
                    if task.status != first.status { return task }
                }
            }
            let changed = try await group.next() ?? nil
            group.cancelAll()
            if let changed { return changed }
            // When the process stops, the changes may end before the sleep is cut off.
            try Task.checkCancellation()
            return try await read(id, caller)
        }
    }

    private func read(_ id: TaskID, _ caller: Caller) async throws -> ImageTask {
        guard let task = try await parts.store.task(id, owner: caller.name) else { throw APIError.noTask }
        return task
    }

    /// A name that cannot be one is no task: the same answer as for a missing one and for somebody else's.
    private func id(_ context: GatewayContext) throws -> TaskID {
        guard let id = context.pathName.flatMap({ TaskID($0) }) else { throw APIError.noTask }
        return id
    }

    /// Removes the task, finished or not: who works on it here is stopped, and elsewhere finds the row gone at the next step.
    private func delete(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let id = try id(context)
        guard try await parts.store.delete(id, owner: context.caller.name, now: parts.time.now) else {
            throw APIError.noTask
        }
        parts.board.changed(id)
        parts.board.revoke(id)
        return Response(
            json: ["id": JSON(id.description), "object": "image.task.deleted", "deleted": .bool(true)]
        )
    }

    // MARK: Many tasks

    private func list(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let query = try Query(request).tasks(of: context.caller)
        let page: TaskPage
        do throws(StoreError) {
            page = try await parts.store.list(query)
        } catch {
            guard error.code == .unknownCursor else { throw error }
            throw InvalidRequest(.invalidValue, "after", "The parameter 'after' must be the id of one of your tasks.")
        }
        let view = views.view
        return Response(
            json: JSON(present: [
                "object": "list",
                "data": .array(try page.tasks.map { try view.json($0) }),
                "first_id": page.tasks.first.map { JSON($0.id.description) },
                "last_id": page.tasks.last.map { JSON($0.id.description) },
                "has_more": .bool(page.hasMore),
            ])
        )
    }

    // MARK: The picture

    private func content(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let index = try Query(request).index()
        let task = try await read(try id(context), context.caller)
        guard task.status == .completed else {
            if task.status == .failed { throw APIError(failureOf: task) }
            throw APIError(
                .conflict,
                "task_not_completed",
                "The task is not finished; ask again later.",
                headers: [.retryAfter: "2", .shouldRetry: "true"]
            )
        }
        if views.view.isExpired(task) {
            throw APIError(.gone, "result_expired", "The pictures of this task are no longer kept.")
        }
        guard task.pictures.indices.contains(index) else {
            let count = task.pictures.count
            let sentence =
                count == 0
                ? "The task has no stored picture."
                : "The parameter 'index' counts from 0, and the task has \(count) stored picture\(count == 1 ? "" : "s")."
            throw InvalidRequest(.invalidValue, "index", sentence)
        }
        let link = try views.view.link(to: task.pictures[index], of: task)
        return Response(status: .found, headers: [.location: link, .cacheControl: "no-store", .contentLength: "0"])
    }
}
