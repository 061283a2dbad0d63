// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// Lets nobody pass without a key that is known.
struct KeyGate: Gate {
    let callers: any CallerDirectory

    func pass(_ request: Request, _ context: inout GatewayContext) async throws {
        let credential = Self.credential(in: request.headers)
        guard let caller = await callers.caller(presenting: credential) else {
            let message =
                credential == nil
                ? "No API key was sent: use 'Authorization: Bearer KEY'." : "The API key is not known."
            throw APIError(.unauthorized, "invalid_api_key", message, headers: [.wwwAuthenticate: "Bearer"])
        }
        context.caller = caller
    }

    static func credential(in headers: HTTPFields) -> String? {
        if let value = headers.text(of: .authorization), let credential = bearer(of: value) { return credential }
        // Other schemes are for a proxy in front of the gateway.
        return headers.text(of: .apiKey)
    }

    /// What stands behind the scheme `Bearer`, in whatever case and behind however many spaces.
    private static func bearer(of value: String) -> String? {
        let space = UInt8(ascii: " ")
        let text = value.utf8.drop { $0 == space }
        guard let end = text.firstIndex(of: space) else { return nil }
        // Letters of either case differ in this bit alone.
        guard text[..<end].elementsEqual("bearer".utf8, by: { $0 | 0x20 == $1 }) else { return nil }
        return String(value[end...].utf8.drop { $0 == space })
    }
}
