// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The providers as operators see them; absent members are left out, never null.
struct ProvidersView {
    let status: ProvidersStatus

    var json: JSON {
        ["object": "list", "usable": .bool(status.isUsable), "data": .array(status.providers.map(Self.provider))]
    }

    private static func provider(_ provider: ProvidersStatus.Provider) -> JSON {
        [
            "name": JSON(provider.name),
            "usable": .bool(provider.isUsable),
            "in_flight": JSON(provider.inFlight),
            "waiting": JSON(provider.waiting),
            "keys": .array(provider.keys.map(key)),
            "models": .array(provider.models.map(model)),
        ]
    }

    private static func key(_ key: ProvidersStatus.Key) -> JSON {
        JSON(present: [
            "id": JSON(key.id),
            "state": JSON(key.state.rawValue),
            "reason": key.reason.map { JSON($0) },
            "since": key.since.map { JSON($0.seconds) },
            "until": key.until.map { JSON($0.seconds) },
        ])
    }

    private static func model(_ model: ProvidersStatus.Model) -> JSON {
        JSON(present: [
            "name": JSON(model.name),
            "state": JSON(model.state.rawValue),
            "key": model.key.map { JSON($0) },
            "until": model.until.map { JSON($0.seconds) },
        ])
    }
}
