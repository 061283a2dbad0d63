// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird

/// How the providers are: for operators only.
struct ProviderRoutes: Sendable {
    let status: @Sendable () -> ProvidersStatus

    func add(to routes: Routes) {
        routes.on(.get, "/providers") { _, _ in Response(json: ProvidersView(status: status()).json) }
    }
}
