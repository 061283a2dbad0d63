// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEngine

extension WebhookSettings {
    /// The settings of a configuration.
    init(_ webhooks: GatewayConfiguration.Webhooks) {
        self.init(
            secrets: webhooks.secrets,
            endpoints: webhooks.endpoints.map {
                WebhookEndpoint(name: $0.name, address: $0.address, secrets: $0.secrets)
            },
            retrySchedule: webhooks.retrySchedule
        )
    }
}

extension WebhookDeliverer {
    /// Makes the endpoints of a configuration hear of everything that is finished from now on.
    ///
    /// - Throws: ``ConfigurationError`` for an endpoint that no connection may lead to, ``StoreError``.
    func announce(_ webhooks: GatewayConfiguration.Webhooks, in store: any WebhookStore) async throws {
        let refused = webhooks.endpoints.filter { !mayReach($0.address) }
        guard refused.isEmpty else {
            throw ConfigurationError(
                refused.map { endpoint in
                    """
                    webhooks.endpoints has \(endpoint.address.origin), which leads to no public address; if it is on your \
                    own network, name that network in fetch.allow.
                    """
                }
            )
        }
        try await store.announceWebhooks(to: webhooks.endpoints.map(\.name))
    }
}
