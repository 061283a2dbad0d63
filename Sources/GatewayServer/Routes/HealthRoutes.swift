// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird
import Logging

/// Whether the process lives, and whether it can work.
struct HealthRoutes: Sendable {
    let readiness: [String: @Sendable () async throws -> Void]
    let board: TaskBoard

    func add(to routes: Routes) {
        routes.on(.get, "/health/live") { _, _ in Response(json: ["status": "ok"]) }
        routes.on(.get, "/health/ready") { _, context in
            // First of all: whoever spreads the load shall look elsewhere, however well everything is.
            guard board.isTaking else {
                return Response(json: ["status": "shutting_down"], status: .serviceUnavailable)
            }
            var checks: [JSON.Member] = []
            for (name, check) in readiness.sorted(by: { $0.key < $1.key }) {
                do {
                    try await check()
                    checks.append(JSON.Member(name, "ok"))
                } catch {
                    context.logger.warning(
                        "A readiness check failed.",
                        metadata: ["check": "\(name)", "error": "\(error)"]
                    )
                    checks.append(JSON.Member(name, "failed"))
                }
            }
            let isReady = checks.allSatisfy { $0.value == "ok" }
            return Response(
                json: ["status": isReady ? "ok" : "failed", "checks": .object(checks)],
                status: isReady ? .ok : .serviceUnavailable
            )
        }
    }
}
