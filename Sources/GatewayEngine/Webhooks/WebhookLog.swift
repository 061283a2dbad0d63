// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// What the log says about webhooks: endpoints by name, hosts of requests without path, nothing that was sent.
///
/// An endpoint that does not take what it gets is told about once, and once more when it does again.
struct WebhookLog: Sendable {
    let desk: WebhookDesk
    let logger: Logger

    func tell(_ delivery: WebhookDelivery, _ attempt: WebhookTry) {
        if let name = delivery.target.endpoint, desk.note(name, failing: !attempt.isDelivered) {
            if attempt.isDelivered {
                logger.notice("An endpoint takes webhooks again.", metadata: ["endpoint": "\(name)"])
            } else {
                logger.warning(
                    "An endpoint does not take webhooks; they are tried again later.",
                    metadata: ["endpoint": "\(name)", "reason": "\(Self.reason(attempt))"]
                )
            }
        }
        guard !attempt.isDelivered, attempt.next == nil else {
            return logger.debug(
                attempt.isDelivered ? "webhook delivered" : "webhook not delivered",
                metadata: metadata(delivery, attempt)
            )
        }
        logger.warning("A webhook was given up; it can be sent again.", metadata: metadata(delivery, attempt))
    }

    func disabled(_ endpoint: String) {
        logger.error(
            "An endpoint says it is gone (410): nothing more is sent to it until it is enabled or the gateway starts again.",
            metadata: ["endpoint": "\(endpoint)"]
        )
    }

    private func metadata(_ delivery: WebhookDelivery, _ attempt: WebhookTry) -> Logger.Metadata {
        [
            "webhook": "\(delivery.id)", "task": "\(delivery.task)", "to": "\(delivery.host)",
            "tries": .stringConvertible(delivery.tries.count), "reason": "\(Self.reason(attempt))",
            "took_ms": .stringConvertible(attempt.milliseconds),
        ]
    }

    private static func reason(_ attempt: WebhookTry) -> String {
        attempt.status.map { "HTTP \($0)" } ?? attempt.error ?? "?"
    }
}
