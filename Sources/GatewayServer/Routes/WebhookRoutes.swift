// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// What became of webhooks, and sending them again: for operators only.
struct WebhookRoutes: Sendable {
    let control: any WebhookControl
    let outbox: any WebhookStore
    let time: any TimeSource

    /// How long a body may be that says what to send again.
    private static let bodyLimit = 4096

    func add(to routes: Routes) {
        routes.on(.get, "/webhooks/endpoints") { _, _ in
            Response(json: WebhookViews.endpoints(control.endpoints))
        }
        routes.on(.post, "/webhooks/endpoints/:name/enable") { _, context in
            guard let name = context.pathName, control.enable(name) else {
                throw APIError(.notFound, "not_found", "There is no endpoint of that name.")
            }
            return Response(json: WebhookViews.endpoints(control.endpoints))
        }
        routes.on(.get, "/webhooks/deliveries") { request, _ in
            let query = try Query(request).webhooks()
            return Response(json: WebhookViews.page(try await outbox.webhooks(query)))
        }
        routes.on(.get, "/webhooks/deliveries/:id") { _, context in
            Response(json: WebhookViews.delivery(try await delivery(context), withLog: true))
        }
        routes.on(.post, "/webhooks/deliveries/:id/redeliver") { _, context in
            try await redeliver(.delivery(try await delivery(context).id))
        }
        routes.on(.post, "/webhooks/redeliver") { request, _ in
            let body = try await request.body.collect(upTo: Self.bodyLimit)
            guard let choice = (try? JSON(reading: body)).flatMap(Self.choice) else {
                let sentence = "The body must be {\"task\": ID} or {\"failed_since\": SECONDS SINCE 1970}."
                throw InvalidRequest(.invalidValue, nil, sentence)
            }
            return try await redeliver(choice)
        }
    }

    private static func choice(_ body: JSON) -> WebhookChoice? {
        switch (body["task"]?.string.flatMap { TaskID($0) }, body["failed_since"]?.integer) {
        case (let task?, nil): .task(task)
        case (nil, let seconds?) where (0...253_402_300_799).contains(seconds):
            .failed(since: Timestamp(seconds: Int64(seconds)))
        default: nil
        }
    }

    private func redeliver(_ choice: WebhookChoice) async throws -> Response {
        let count = try await outbox.redeliverWebhooks(choice, now: time.now)
        control.wake()
        return Response(json: ["object": "webhook.redelivery", "count": JSON(count)])
    }

    private func delivery(_ context: GatewayContext) async throws -> WebhookDelivery {
        guard let id = context.pathName, let delivery = try await outbox.webhook(id) else {
            throw APIError(.notFound, "not_found", "There is no delivery of that id.")
        }
        return delivery
    }
}

extension Query {
    /// Which deliveries of webhooks.
    fileprivate func webhooks() throws(InvalidRequest) -> WebhookQuery {
        var query = WebhookQuery(after: self["after"])
        if let text = self["limit"] {
            guard let limit = Int(text), (1...100).contains(limit) else {
                let sentence = "The parameter 'limit' must be a whole number from 1 to 100."
                throw InvalidRequest(.invalidValue, "limit", sentence)
            }
            query.limit = limit
        }
        if let text = self["state"] {
            guard let state = WebhookDelivery.State(rawValue: text) else {
                let sentence = "The parameter 'state' must be one of: pending, delivered, failed."
                throw InvalidRequest(.invalidValue, "state", sentence)
            }
            query.state = state
        }
        if let text = self["task"] {
            guard let task = TaskID(text) else {
                throw InvalidRequest(.invalidValue, "task", "The parameter 'task' must be the id of a task.")
            }
            query.task = task
        }
        return query
    }
}
