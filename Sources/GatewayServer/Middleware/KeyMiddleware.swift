// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Lets nobody pass without a key that is known.
struct KeyMiddleware: RouterMiddleware {
    typealias Context = GatewayContext

    let callers: any CallerDirectory

    func handle(
        _ request: Request,
        context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let credential = Self.credential(in: request.headers)
        guard let caller = await callers.caller(presenting: credential) else {
            let message =
                credential == nil
                ? "No API key was sent: use 'Authorization: Bearer KEY'." : "The API key is not known."
            throw APIError(.unauthorized, "invalid_api_key", message, headers: [.wwwAuthenticate: "Bearer"])
        }
        var context = context
        context.caller = caller
        return try await next(request, context)
    }

    static func credential(in headers: HTTPFields) -> String? {
        if let value = headers[.authorization] {
            let parts = value.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" { return String(parts[1].drop { $0 == " " }) }
        }
        // Other schemes are for a proxy in front of the gateway.
        return headers[.apiKey]
    }
}
