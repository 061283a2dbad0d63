// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Making pictures: the synchronous call that waits for them, and the one that only makes a task.
struct ImageRoutes: Sendable {
    let parts: ServerParts
    let settings: ServerSettings
    let views: TaskViews
    let room: BodyRoom
    let desk: TaskDesk
    let reader: PictureReader

    func add(to routes: Routes) {
        for (path, kind) in [("generations", ImageRequest.Kind.generation), ("edits", .edit)] {
            routes.on(.post, "/v1/images/\(path)") { try await draw(kind, $0, $1) }
            routes.on(.post, "/v1/images/\(path)/async") { request, context in
                try await room.lending { try await drawLater(kind, request, context, $0) }
            }
        }
    }

    private func drawLater(
        _ kind: ImageRequest.Kind,
        _ request: Request,
        _ context: GatewayContext,
        _ share: BodyRoom.Share
    ) async throws -> Response {
        let key = try RequestKey(request)
        let order = try await orders.order(kind, request, context, share)
        guard !order.streams else {
            let sentence = "A task's changes are told at /v1/images/tasks/{id}/events; leave 'stream' out."
            throw InvalidRequest(.unsupportedParameter, "stream", sentence)
        }
        return try await accept(order, key, context, status: .ok)
    }

    private func draw(_ kind: ImageRequest.Kind, _ request: Request, _ context: GatewayContext) async throws -> Response
    {
        let key = try RequestKey(request)
        let preference = Preference(request.headers[values: .prefer])
        let drawn = try await room.lending { share -> Drawn in
            let order = try await orders.order(kind, request, context, share)
            if preference?.wait == .zero {
                var response = try await accept(order, key, context, status: .accepted)
                response.headers[.preferenceApplied] = preference?.text
                return .answer(response)
            }
            try checkAnswer(order)
            let begun = try await call.begin(order, try named(order, key), context)
            // Its pictures are not needed: whoever only waits holds no room.
            if begun.isReplay { return .again(begun, streams: order.streams) }
            return .answer(try await answer(begun, streams: order.streams, preference, context))
        }
        switch drawn {
        case .answer(let response): return response
        case .again(let begun, let streams): return try await answer(begun, streams: streams, preference, context)
        }
    }

    /// What became of a request while its body was held.
    private enum Drawn {
        case answer(Response)
        case again(SynchronousCall.Begun, streams: Bool)
    }

    private func checkAnswer(_ order: PictureOrder) throws(APIError) {
        guard order.request.responseFormat != .url || settings.hasStorage else {
            throw APIError(
                .serviceUnavailable,
                "image_url_not_available",
                "This gateway stores no pictures, so it cannot give links; ask for response_format b64_json.",
                parameter: "response_format",
                headers: [.shouldRetry: "false"]
            )
        }
    }

    private func answer(
        _ begun: SynchronousCall.Begun,
        streams: Bool,
        _ preference: Preference?,
        _ context: GatewayContext
    ) async throws -> Response {
        if streams { return call.stream(begun, context) }
        let longest = settings.syncWait
        var response = try await call.run(begun, context, wait: min(preference?.wait ?? longest, longest))
        // Said only where it is followed: without storage a call waits as long as its task lives.
        if let preference, preference.wait <= longest, settings.hasStorage {
            response.headers[.preferenceApplied] = preference.text
        }
        return response
    }

    /// Makes a task that runs here if there is room and nobody waits for it, and that any process may claim otherwise; and
    /// answers with it.
    private func accept(
        _ order: PictureOrder,
        _ key: RequestKey?,
        _ context: GatewayContext,
        status: HTTPResponse.Status
    ) async throws -> Response {
        guard settings.hasStorage else { throw APIError.noStorage }
        guard parts.board.isTaking else { throw APIError.shuttingDown }
        let id = parts.taskIDs.next()
        // Not for what may take long before it is written, or is there already.
        let isQuick = key == nil && order.pictures.placed.isEmpty
        let room = isQuick ? parts.board.room(for: id, model: order.request.model) : nil
        let task = ImageTask(
            id: id,
            owner: context.caller.name,
            request: order.request,
            needsLink: true,
            createdAt: parts.time.now,
            linkLifetime: settings.linkLifetime,
            node: room == nil ? nil : settings.node
        )
        let entry = try await desk.enter(task, order.pictures.placed, try named(order, key), context)
        if case .new = entry {
            if let room { parts.board.assign(task, room: room) } else { parts.board.signalQueue() }
        }
        return try await views.response(entry, status: status)
    }

    private func named(_ order: PictureOrder, _ key: RequestKey?) throws -> NamedRequest? {
        try key.map { try NamedRequest($0, order, parts) }
    }

    private var call: SynchronousCall {
        SynchronousCall(parts: parts, settings: settings, views: views, desk: desk, reader: reader)
    }
    private var orders: OrderReader { OrderReader(parts: parts, settings: settings) }
}

/// What `Prefer` asks for: how long to wait before the answer is the task (RFC 7240).
struct Preference {
    let wait: Duration
    let text: String

    init?(_ values: [String]) {
        let tokens = values.flatMap { $0.split(separator: ",") }.map { token in
            token.prefix { $0 != ";" }.filter { !$0.isWhitespace && $0 != "\"" }.lowercased()
        }
        // Of `respond-async, wait=10` the RFC says: asynchronous, but not before 10 seconds.
        if let seconds = tokens.compactMap(Self.seconds).first {
            wait = .seconds(seconds)
            text = "wait=\(seconds)"
        } else if tokens.contains("respond-async") {
            wait = .zero
            text = "respond-async"
        } else {
            return nil
        }
    }

    private static func seconds(_ token: String) -> Int? {
        guard token.hasPrefix("wait="), let seconds = Int(token.dropFirst("wait=".count)),
            (0...86_400).contains(seconds)
        else { return nil }
        return seconds
    }
}
