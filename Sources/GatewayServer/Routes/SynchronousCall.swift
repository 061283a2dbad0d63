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
        let begun = try await begin(order, context)
        switch try await outcome(of: begun, context, wait: wait) {
        case .pictures(let task, let pictures): return ImagesView(task: task).response(pictures: pictures)
        case .links(let task, let links): return ImagesView(task: task).response(links: links)
        case .goesOn(let task):
            return try views.response(task, status: .accepted, headers: [.location: views.path(of: task)])
        }
    }

    /// A task that was written, and the caller's place in front of it.
    final class Begun: Sendable {
        let task: ImageTask
        let uploads: [InputPicture]
        fileprivate let deliveries: AsyncStream<Delivery>
        private let board: TaskBoard

        fileprivate init(_ task: ImageTask, uploads: [InputPicture], board: TaskBoard) {
            self.task = task
            self.uploads = uploads
            self.board = board
            deliveries = board.expect(task.id)
        }

        deinit {
            // Whatever happened, nobody waits any more: what is made from now on is stored.
            board.withdraw(task.id)
        }
    }

    /// What became of a call.
    enum Outcome {
        case pictures(ImageTask, [DeliveredPicture])
        case links(ImageTask, [ImagesView.Link])
        case goesOn(ImageTask)
    }

    /// Writes the task; nothing runs yet.
    func begin(_ order: PictureOrder, _ context: GatewayContext) async throws -> Begun {
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
        let inputs = order.pictures.placed
        let begun = Begun(task, uploads: inputs.map(\.picture), board: parts.board)
        let keeper = InputKeeper(parts, logger: context.logger)
        // What takes longer than the caller waits is finished from the row, maybe by another process.
        try await keeper.keep(settings.hasStorage ? inputs : [], of: task) { () throws(StoreError) in
            try await parts.store.create(task)
        }
        return begun
    }

    /// Has the task run, and waits.
    ///
    /// - Parameters:
    ///   - begun: The task.
    ///   - context: The connection whose end ends the wait.
    ///   - wait: How long at most; `nil` for as long as the task lives.
    func outcome(of begun: Begun, _ context: GatewayContext, wait: Duration?) async throws -> Outcome {
        let (board, id) = (parts.board, begun.task.id)
        return try await context.watchingCaller(onHangUp: { board.hangUp(id) }) {
            board.assign(begun.task, uploads: begun.uploads)
            if let delivery = await delivery(begun, wait) { return .pictures(delivery.task, delivery.pictures) }
            return try await answer(about: begun.task)
        }
    }

    private func delivery(_ begun: Begun, _ wait: Duration?) async -> Delivery? {
        await withTaskGroup(of: Void.self) { group in
            // Without storage there is nothing a caller could come back for: the call waits as long as the task lives.
            if let wait, settings.hasStorage {
                group.addTask {
                    // Withdrawing ends the deliveries, unless one was promised in this very moment: then it is waited for.
                    if (try? await parts.time.sleep(for: wait)) != nil { parts.board.withdraw(begun.task.id) }
                }
            }
            var delivery: Delivery?
            for await given in begun.deliveries { delivery = given }
            group.cancelAll()
            return delivery
        }
    }

    /// The row's word, when there was no delivery: links, a failure, or a task that goes on.
    private func answer(about begun: ImageTask) async throws -> Outcome {
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
            return .links(
                task,
                try task.pictures.map { picture in
                    (url: try views.view.link(to: picture, of: task), revisedPrompt: picture.revisedPrompt)
                }
            )
        // Completed: the waiting time ended in the very moment in which the pictures were stored instead.
        case .pending, .inProgress, .completed: return .goesOn(task)
        }
    }
}
