// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

extension HTTPField.Name {
    static let googleKey = HTTPField.Name("x-goog-api-key")
}

/// Finds and checks the key of a call, before anything else is looked at.
enum GoogleKeys {
    /// The key of a request, from its header or its query.
    ///
    /// - Throws: The answer to a missing or bad key.
    static func check(_ request: Request, _ stage: Stage) throws(GoogleFailure) -> String {
        let header = HTTPField.Name.googleKey.flatMap { request.headers[$0] }
        guard let key = header ?? request.uri.queryParameters["key"].map({ String($0) }), !key.isEmpty else {
            throw request.headers[.authorization] == nil ? .noKey : .unauthenticated
        }
        guard stage.isGood(key: key) else { throw .badKey() }
        return key
    }
}
