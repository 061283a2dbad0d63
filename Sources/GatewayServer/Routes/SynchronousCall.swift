// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// A call that waits for its picture: a task like any other, run by this process, whose picture is handed over in memory
/// unless a link was asked for or the caller is gone.
struct SynchronousCall: Sendable {
    let parts: ServerParts
    let settings: ServerSettings
    let views: TaskViews

    /// Makes the task and waits for what becomes of it.
    ///
    /// - Parameters:
    ///   - order: What to draw, with the pictures that came along.
    ///   - context: Who asks, on which connection.
    ///   - wait: How long; then the answer is the task, which goes on.
    func run(_ order: PictureOrder, _ context: GatewayContext, wait: Duration) async throws -> Response {
        let task = ImageTask(
            id: parts.taskIDs.next(),
            owner: context.caller.name,
            request: order.request,
            needsLink: order.request.responseFormat == .url,
            createdAt: parts.time.now,
            linkLifetime: settings.linkLifetime,
            node: settings.node
        )
        // Without an engine to take it on, the task would wait for another process while its caller waits here.
        guard parts.board.isTaking else { throw APIError.shuttingDown }
        let board = parts.board
        let (inputs, uploads) = (order.pictures.placed, order.pictures.placed.map(\.picture))
        let deliveries = board.expect(task.id)
        do {
            let keeper = InputKeeper(parts, logger: context.logger)
            // What takes longer than the caller waits is finished from the row, maybe by another process.
            try await keeper.keep(settings.hasStorage ? inputs : [], of: task) { () throws(StoreError) in
                try await parts.store.create(task)
            }
        } catch {
            board.withdraw(task.id)
            throw error
        }
        // Whatever happens here, nobody waits any more when it has happened.
        defer { board.withdraw(task.id) }
        return try await context.watchingCaller(onHangUp: { board.hangUp(task.id) }) {
            board.assign(task, uploads: uploads)
            return try await outcome(of: task, deliveries, wait: wait)
        }
    }

    private func outcome(
        of task: ImageTask,
        _ deliveries: AsyncStream<Delivery>,
        wait: Duration
    ) async throws -> Response {
        let delivery = await withTaskGroup(of: Void.self) { group in
            // Without storage there is nothing a caller could come back for: the call waits as long as the task lives.
            if settings.hasStorage {
                group.addTask {
                    // Withdrawing ends the deliveries, unless one was promised in this very moment: then it is waited for.
                    if (try? await parts.time.sleep(for: wait)) != nil { parts.board.withdraw(task.id) }
                }
            }
            var delivery: Delivery?
            for await given in deliveries { delivery = given }
            group.cancelAll()
            return delivery
        }
        if let delivery { return ImagesView(task: delivery.task).response(pictures: delivery.pictures) }
        return try await answer(about: task)
    }

    /// The row's word, when there was no delivery: links, a failure, or a task that goes on.
    private func answer(about begun: ImageTask) async throws -> Response {
        let row: ImageTask?
        do throws(StoreError) {
            row = try await parts.store.task(begun.id, owner: nil)
        } catch {
            throw APIError.lostSight(of: begun.id, path: views.path(of: begun))
        }
        guard let task = row else { throw APIError.noTask }
        switch task.status {
        case .failed: throw APIError(failureOf: task)
        case .completed where task.needsLink:
            let links = try task.pictures.map {
                (url: try views.view.link(to: $0, of: task), revisedPrompt: $0.revisedPrompt)
            }
            return ImagesView(task: task).response(links: links)
        case .pending, .inProgress, .completed:
            // Completed: the waiting time ended in the very moment in which the pictures were stored instead.
            return try views.response(task, status: .accepted, headers: [.location: views.path(of: task)])
        }
    }
}
