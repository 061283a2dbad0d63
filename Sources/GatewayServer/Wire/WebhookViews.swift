// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Deliveries of webhooks as operators see them; absent members are left out, never null.
enum WebhookViews {
    static func delivery(_ delivery: WebhookDelivery, withLog: Bool = false) -> JSON {
        let isPending = delivery.state == .pending
        return JSON(present: [
            "id": JSON(delivery.id),
            "object": "webhook.delivery",
            "task": JSON(delivery.task.description),
            "owner": JSON(delivery.owner),
            "event": JSON(delivery.event.rawValue),
            "target": JSON(delivery.target.endpoint == nil ? "request" : "endpoint"),
            "to": JSON(delivery.host),
            "state": JSON(delivery.state.rawValue),
            "tries": JSON(delivery.tries.count),
            "created_at": JSON(delivery.createdAt.seconds),
            "next_try_at": isPending ? JSON(delivery.due.seconds) : nil,
            "ended_at": delivery.endedAt.map { JSON($0.seconds) },
            "last_status": delivery.tries.last?.status.map { JSON($0) },
            "last_error": delivery.tries.last?.error.map { JSON($0) },
            "log": withLog ? .array(delivery.tries.map(attempt)) : nil,
        ])
    }

    private static func attempt(_ attempt: WebhookTry) -> JSON {
        JSON(present: [
            "at": JSON(CivilDate(attempt.at).extended),
            "took_ms": JSON(attempt.milliseconds),
            "status": attempt.status.map { JSON($0) },
            "error": attempt.error.map { JSON($0) },
            "next_try_at": attempt.next.map { JSON(CivilDate($0).extended) },
        ])
    }

    static func page(_ page: WebhookPage) -> JSON {
        [
            "object": "list", "data": .array(page.deliveries.map { delivery($0) }), "has_more": .bool(page.hasMore),
        ]
    }

    static func endpoints(_ endpoints: [WebhookEndpointStatus]) -> JSON {
        let data = endpoints.map { endpoint in
            JSON(present: [
                "name": JSON(endpoint.name),
                "url": JSON(endpoint.place),
                "state": JSON(endpoint.disabledSince == nil ? "enabled" : "disabled"),
                "disabled_since": endpoint.disabledSince.map { JSON($0.seconds) },
                "reason": endpoint.disabledSince.map { _ in "gone" },
                "in_flight": JSON(endpoint.inFlight),
            ])
        }
        return ["object": "list", "data": .array(data)]
    }
}
