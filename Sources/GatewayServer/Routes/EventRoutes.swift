// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The changes of a task as they happen: Server-Sent Events.
///
/// An event's id is the version of the task's row, so a caller who comes back with `Last-Event-ID` is told only what it
/// has not seen. Several changes in a row may show as one event: what counts is the state they led to.
struct EventRoutes: Sendable {
    let parts: ServerParts
    let views: TaskViews

    /// How often a silent stream shows that it is alive.
    private static let heartbeat = Duration.seconds(15)
    /// How often the row is looked at for changes by other processes.
    private static let glance = Duration.seconds(1)

    func add(to routes: Routes) {
        routes.on(.get, "/v1/images/tasks/:id/events") { try await events($0, $1) }
    }

    private func events(_ request: Request, _ context: GatewayContext) async throws -> Response {
        guard let id = context.pathName.flatMap({ TaskID($0) }) else { throw APIError.noTask }
        let caller = context.caller
        // Watch before reading, so that no change falls in between.
        let changes = parts.board.changes(of: id)
        guard let task = try await parts.store.task(id, owner: caller.name) else { throw APIError.noTask }
        let seen = Self.lastSeen(request, of: task)
        // The one answer to which a browser does not come back for more.
        if task.status.isFinal, seen == task.version { return Response(status: .noContent) }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var stream = EventStream(views: views, seen: seen)
                if try await stream.tell(task, to: &writer) {
                    try await follow(task, changes, context, &stream, &writer)
                }
                try await writer.finish(nil)
            }
        )
    }

    /// What the caller has been told already: nothing, if it names what this task never came to.
    private static func lastSeen(_ request: Request, of task: ImageTask) -> Int {
        let seen = request.headers[.lastEventID].flatMap { Int($0) } ?? -1
        return seen > task.version ? -1 : seen
    }

    private enum Tick {
        case look, beat
    }

    /// Tells every change until the task is over, the caller is gone, or this process stops.
    private func follow(
        _ task: ImageTask,
        _ changes: AsyncStream<Void>,
        _ context: GatewayContext,
        _ stream: inout EventStream,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        let (ticks, ticker) = AsyncStream.makeStream(of: Tick.self, bufferingPolicy: .bufferingNewest(2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in changes { ticker.yield(.look) }
                // The engine has ended: the caller goes on where another process can tell more.
                ticker.yield(.look)
                ticker.finish()
            }
            group.addTask { try await every(Self.glance) { ticker.yield(.look) } }
            group.addTask { try await every(Self.heartbeat) { ticker.yield(.beat) } }
            defer { group.cancelAll() }
            try await context.watchingCaller(onHangUp: { ticker.finish() }) {
                for await tick in ticks {
                    switch tick {
                    case .beat: try await writer.write(EventStream.heartbeat)
                    case .look:
                        guard let task = try await parts.store.task(task.id, owner: task.owner),
                            try await stream.tell(task, to: &writer)
                        else { return }
                    }
                }
            }
        }
    }

    private func every(_ pause: Duration, _ action: () -> Void) async throws {
        while true {
            try await parts.time.sleep(for: pause)
            action()
        }
    }
}

/// What one listener has been told.
private struct EventStream {
    let views: TaskViews
    var seen: Int

    static let heartbeat = ByteBuffer(string: ": alive\n\n")

    /// Writes an event if the task has changed since the last.
    ///
    /// - Returns: Whether more can follow.
    mutating func tell(_ task: ImageTask, to writer: inout any ResponseBodyWriter) async throws -> Bool {
        if task.version > seen {
            seen = task.version
            var event = ByteBuffer(string: "event: task.updated\nid: \(task.version)\ndata: ")
            let position = await views.position(of: task)
            event.writeImmutableBuffer(try views.view.json(task, queuePosition: position).encoded())
            event.writeString("\n\n")
            try await writer.write(event)
        }
        return !task.status.isFinal
    }
}

extension HTTPField.Name {
    /// Where a caller's stream of events broke off.
    static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .accept
}
