// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Makes task views for this moment, and remembers those of finished tasks.
struct TaskViews: Sendable {
    let objects: any ObjectStore
    let store: any TaskStore
    let time: any TimeSource
    private let finished = FinishedViews()

    init(objects: any ObjectStore, store: any TaskStore, time: any TimeSource) {
        self.objects = objects
        self.store = store
        self.time = time
    }

    var view: TaskView { TaskView(objects: objects, now: time.now) }

    func response(
        _ task: ImageTask,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:],
        withAttempts: Bool = false,
        queuePosition: Int? = nil
    ) throws(ObjectError) -> Response {
        guard task.status.isFinal, !withAttempts else {
            return try view.response(
                task,
                status: status,
                headers: headers,
                withAttempts: withAttempts,
                queuePosition: queuePosition
            )
        }
        return Response(encoded: try finished.body(of: task, view, at: time.now), status: status, headers: headers)
    }

    /// A task that was made by this request or by the same one before.
    func response(
        _ entry: TaskDesk.Entry,
        status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let (task, isReplay) = entry.outcome
        var headers: HTTPFields = [.location: path(of: task)]
        if isReplay { headers[.idempotentReplayed] = "true" }
        // A new task is the last of the queue, which costs no question; one with a node is in no queue.
        let position = isReplay || task.node != nil ? await position(of: task) : await waiting
        return try response(task, status: status, headers: headers, queuePosition: position)
    }

    /// The task's place in the queue; a question that is not worth an error.
    func position(of task: ImageTask) async -> Int? {
        guard task.status == .pending, task.node == nil else { return nil }
        return (try? await store.queuePosition(of: task.id)) ?? nil
    }

    private var waiting: Int? {
        get async { (try? await store.pendingCount()).map { max(1, $0) } }
    }

    func path(of task: ImageTask) -> String { "/v1/images/tasks/\(task.id)" }
}

/// What was answered about finished tasks lately, as it is sent: no encoding, no signature.
///
/// The row stays the truth: a view is used only for the version of the task that the store has just given, so that a
/// change or a deletion by whomever shows at once. After a minute it is made anew, because the credentials that sign its
/// links may have changed meanwhile.
private final class FinishedViews: Sendable {
    private struct View {
        var version: Int
        /// From when on the task is shown otherwise.
        var expires: Timestamp
        var body: ByteBuffer
    }

    private static let capacity = 1024
    private static let lifetime = Duration.seconds(60)
    /// Longer ones are made anew each time: a few long prompts would fill the memory.
    private static let longest = 16 << 10

    private let views = Mutex(Generations<TaskID, View>(capacity: capacity))

    func body(of task: ImageTask, _ view: TaskView, at now: Timestamp) throws(ObjectError) -> ByteBuffer {
        let known = views.withLock { $0.find(task.id) }
        if let known, known.version == task.version, now < known.expires { return known.body }
        let body = try view.json(task).encoded()
        guard body.readableBytes <= Self.longest else { return body }
        // In whole seconds, as the links themselves count.
        let change = view.isExpired(task) ? nil : task.expiresAt.map { Timestamp(seconds: $0.seconds) }
        let expires = min(now.advanced(by: Self.lifetime), change ?? now.advanced(by: Self.lifetime))
        views.withLock { $0.keep(View(version: task.version, expires: expires, body: body), for: task.id) }
        return body
    }
}
