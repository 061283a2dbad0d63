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

    func add(to routes: Routes) {
        for (path, kind) in [("generations", ImageRequest.Kind.generation), ("edits", .edit)] {
            routes.on(.post, "/v1/images/\(path)") { request, context in
                try await room.lending { try await draw(kind, request, context, $0) }
            }
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
        let order = try await reader.order(kind, request, context, share)
        guard !order.streams else {
            let sentence = "A task's changes are told at /v1/images/tasks/{id}/events; leave 'stream' out."
            throw InvalidRequest(.unsupportedParameter, "stream", sentence)
        }
        return try await accept(order, context, status: .ok)
    }

    private func draw(
        _ kind: ImageRequest.Kind,
        _ request: Request,
        _ context: GatewayContext,
        _ share: BodyRoom.Share
    ) async throws -> Response {
        let order = try await reader.order(kind, request, context, share)
        let preference = Preference(request.headers[values: .prefer])
        if preference?.wait == .zero {
            var response = try await accept(order, context, status: .accepted)
            response.headers[.preferenceApplied] = preference?.text
            return response
        }
        guard order.request.responseFormat != .url || settings.hasStorage else {
            throw APIError(
                .serviceUnavailable,
                "image_url_not_available",
                "This gateway stores no pictures, so it cannot give links; ask for response_format b64_json.",
                parameter: "response_format",
                headers: [.shouldRetry: "false"]
            )
        }
        let call = SynchronousCall(parts: parts, settings: settings, views: views)
        if order.streams { return try await call.stream(order, context) }
        let longest = settings.syncWait
        var response = try await call.run(order, context, wait: min(preference?.wait ?? longest, longest))
        // Said only where it is followed: without storage a call waits as long as its task lives.
        if let preference, preference.wait <= longest, settings.hasStorage {
            response.headers[.preferenceApplied] = preference.text
        }
        return response
    }

    /// Makes a task that any process may claim, and answers with it.
    private func accept(
        _ order: PictureOrder,
        _ context: GatewayContext,
        status: HTTPResponse.Status
    ) async throws -> Response {
        guard settings.hasStorage else { throw APIError.noStorage }
        let task = ImageTask(
            id: parts.taskIDs.next(),
            owner: context.caller.name,
            request: order.request,
            needsLink: true,
            createdAt: parts.time.now,
            linkLifetime: settings.linkLifetime
        )
        let keeper = InputKeeper(parts, logger: context.logger)
        try await keeper.keep(order.pictures.placed, of: task) { () throws(StoreError) in
            try await parts.store.create(task)
        }
        parts.board.signalQueue()
        return try views.response(task, status: status, headers: [.location: views.path(of: task)])
    }

    private var reader: OrderReader { OrderReader(parts: parts, settings: settings) }
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
