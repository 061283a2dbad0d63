// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Lets nobody pass without the operators' token.
struct AdminMiddleware: RouterMiddleware {
    typealias Context = GatewayContext

    let token: Secret

    func handle(
        _ request: Request,
        context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let credential = KeyMiddleware.credential(in: request.headers) ?? ""
        guard token.withPlaintext({ Self.areEqual($0, credential) }) else {
            throw APIError(
                .unauthorized,
                "invalid_api_key",
                "This listener needs the admin token: use 'Authorization: Bearer TOKEN'.",
                headers: [.wwwAuthenticate: "Bearer"]
            )
        }
        return try await next(request, context)
    }

    /// Takes a time that does not tell where the two differ.
    private static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count, !left.isEmpty else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
