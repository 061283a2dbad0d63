// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Refuses callers who ask more often than they may, before anything of the request is read, and tells all of them how
/// they stand.
struct PaceMiddleware: RouterMiddleware {
    typealias Context = GatewayContext

    let paces: CallerPaces
    let time: any TimeSource

    func handle(
        _ request: Request,
        context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        guard let standing = paces.take(context.caller, at: time.now) else { return try await next(request, context) }
        guard standing.wait == .zero else { throw Self.tooFast(standing) }
        do {
            var response = try await next(request, context)
            response.headers.append(contentsOf: standing.headers)
            return response
        } catch let error as APIError {
            throw error.adding(standing.headers)
        } catch let error as InvalidRequest {
            throw APIError(error).adding(standing.headers)
        }
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
        return error.adding(standing.headers)
    }
}

extension APIError {
    fileprivate func adding(_ headers: HTTPFields) -> APIError {
        var error = self
        error.headers.append(contentsOf: headers)
        return error
    }
}
