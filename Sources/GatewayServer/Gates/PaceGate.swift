// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Refuses callers who ask more often than they may, before anything of the request is read, and tells all of them how
/// they stand.
struct PaceGate: Gate {
    let paces: CallerPaces
    let time: any TimeSource

    func pass(_ request: Request, _ context: inout GatewayContext) throws {
        guard let standing = paces.take(context.caller, at: time.now) else { return }
        context.answerHeaders.append(contentsOf: standing.headers)
        if standing.wait > .zero { throw Self.tooFast(standing) }
    }

    private static func tooFast(_ standing: CallerPaces.Standing) -> APIError {
        let seconds = max(1, (standing.wait.milliseconds + 999) / 1000)
        var error = APIError(
            .tooManyRequests,
            "rate_limit_exceeded",
            "This key may make \(standing.limit) requests a minute; try again in \(seconds) s.",
            headers: [.retryAfter: String(seconds)]
        )
        error.leavesBody = true
        return error
    }
}
