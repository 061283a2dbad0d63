// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import Synchronization

/// A call that waits for its picture: a task like any other, run by this process, whose picture is handed over in memory
/// unless a link was asked for or the caller is gone.
struct SynchronousCall: Sendable {
    let parts: ServerParts
    let settings: ServerSettings
    let views: TaskViews
    let desk: TaskDesk
    let reader: PictureReader

    /// Waits for what becomes of a task.
    ///
    /// - Parameters:
    ///   - begun: The task.
    ///   - context: Who asks, on which connection.
    ///   - wait: How long; then the answer is the task, which goes on.
    func run(_ begun: Begun, _ context: GatewayContext, wait: Duration) async throws -> Response {
        var response =
            switch try await outcome(of: begun, context, wait: wait) {
            case .pictures(let task, let pictures, let share):
                ImagesView(task: task).response(pictures: pictures).holding(share)
            case .links(let task, let links): ImagesView(task: task).response(links: links)
            case .goesOn(let task):
                try views.response(task, status: .accepted, headers: [.location: views.path(of: task)])
            }
        if begun.isReplay { response.headers[.idempotentReplayed] = "true" }
        return response
    }

    /// A task that was written, now or by the same request before, and the caller's place in front of it.
    final class Begun: Sendable {
        let task: ImageTask
        /// Whether the same request made it before.
        let isReplay: Bool
        /// Whether the caller can come back for what becomes of it.
        let isNamed: Bool
        let place: CallerPlace
        private let uploads: Mutex<[InputPicture]?>
        private let loss = Mutex<StoreError?>(nil)
        private let board: TaskBoard

        fileprivate init(
            _ task: ImageTask,
            uploads: [InputPicture]? = nil,
            isReplay: Bool = false,
            isNamed: Bool,
            board: TaskBoard
        ) {
            self.task = task
            self.isReplay = isReplay
            self.isNamed = isNamed
            self.uploads = Mutex(uploads)
            self.board = board
            place = board.expect(task.id)
        }

        deinit {
            // Whatever happened, this caller waits no more: if none does, what is made from now on is stored.
            board.withdraw(place)
        }

        /// Why the task could not be written: there is none then.
        var failure: StoreError? { loss.withLock(\.self) }

        fileprivate func fail(_ error: StoreError) {
            loss.withLock { $0 = error }
            board.hangUp(place)
        }

        /// Has the engine run the task, if that is this call's business; only once.
        func start() {
            let uploads = uploads.withLock { uploads in
                defer { uploads = nil }
                return uploads
            }
            if let uploads { board.assign(task, uploads: uploads) }
        }
    }

    /// What became of a call.
    enum Outcome {
        /// With the room that pictures take which were read back.
        case pictures(ImageTask, [DeliveredPicture], BodyRoom.Share?)
        case links(ImageTask, [ImagesView.Link])
        case goesOn(ImageTask)
    }

    /// Writes the task, or finds that of the same request before; nothing runs yet.
    ///
    /// - Parameters:
    ///   - order: What to draw, with the pictures that came along.
    ///   - named: The request's name, if it has one.
    ///   - context: Who asks.
    func begin(_ order: PictureOrder, _ named: NamedRequest?, _ context: GatewayContext) async throws -> Begun {
        let task = ImageTask(
            id: parts.taskIDs.next(),
            owner: context.caller.name,
            request: order.request,
            // A picture that can be asked for again is stored, however it is answered.
            needsLink: order.request.responseFormat == .url || (named != nil && settings.hasStorage),
            createdAt: parts.time.now,
            linkLifetime: settings.linkLifetime,
            node: settings.node
        )
        // Without an engine to take it on, the task would wait for another process while its caller waits here.
        guard parts.board.isTaking else { throw APIError.shuttingDown }
        let inputs = order.pictures.placed
        let begun = Begun(task, uploads: inputs.map(\.picture), isNamed: named != nil, board: parts.board)
        // A stream has begun to answer before it could say that the task was not written.
        if named == nil, inputs.isEmpty, !order.streams,
            try await desk.enterSoon(task, context, failed: { [weak begun] in begun?.fail($0) })
        {
            return begun
        }
        // What takes longer than the caller waits is finished from the row, maybe by another process.
        switch try await desk.enter(task, settings.hasStorage ? inputs : [], named, context) {
        case .new: return begun
        case .again(let task): return Begun(task, isReplay: true, isNamed: true, board: parts.board)
        }
    }

    /// Has the task run, and waits.
    ///
    /// - Parameters:
    ///   - begun: The task.
    ///   - context: The connection whose end ends the wait.
    ///   - wait: How long at most; `nil` for as long as the task lives.
    func outcome(of begun: Begun, _ context: GatewayContext, wait: Duration?) async throws -> Outcome {
        let board = parts.board
        // Who gave the request a name, and has a place to find the picture at, will come back: nothing is dropped.
        let isDropped = !begun.isNamed || !settings.hasStorage
        let leave: @Sendable () -> Void = { [weak begun] in
            guard let begun else { return }
            if isDropped { board.hangUp(begun.place) } else { board.withdraw(begun.place) }
        }
        return try await context.watchingCaller(onHangUp: leave) {
            begun.start()
            if begun.isReplay, let outcome = try await finished(begun) { return outcome }
            if let delivery = await delivery(begun, wait) { return .pictures(delivery.task, delivery.pictures, nil) }
            if let failure = begun.failure { throw failure }
            return try await answer(about: begun)
        }
    }

    private func delivery(_ begun: Begun, _ wait: Duration?) async -> Delivery? {
        await withTaskGroup(of: Void.self) { group in
            // Without storage there is nothing a caller could come back for: the call waits as long as the task lives.
            if let wait, settings.hasStorage {
                group.addTask {
                    // Withdrawing ends the deliveries, unless one was promised in this very moment: then it is waited for.
                    if (try? await parts.time.sleep(for: wait)) != nil { parts.board.withdraw(begun.place) }
                }
            }
            if begun.isReplay { group.addTask { await watch(begun) } }
            var delivery: Delivery?
            for await given in begun.place { delivery = given }
            group.cancelAll()
            return delivery
        }
    }
}

extension Response {
    /// The same answer, which holds its share of the room until it is written.
    func holding(_ share: BodyRoom.Share?) -> Response {
        guard let share else { return self }
        var response = self
        response.body = ResponseBody(contentLength: body.contentLength) { [body] writer in
            try await body.write(writer)
            withExtendedLifetime(share) {}
        }
        return response
    }
}
