// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Lets nobody pass without the operators' token.
struct AdminGate: Gate {
    let token: Secret

    func pass(_ request: Request, _ context: inout GatewayContext) throws {
        let credential = KeyGate.credential(in: request.headers) ?? ""
        guard token.withPlaintext({ Self.areEqual($0, credential) }) else {
            throw APIError(
                .unauthorized,
                "invalid_api_key",
                "This listener needs the admin token: use 'Authorization: Bearer TOKEN'.",
                headers: [.wwwAuthenticate: "Bearer"]
            )
        }
    }

    /// Takes a time that does not tell where the two differ.
    private static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count, !left.isEmpty else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
