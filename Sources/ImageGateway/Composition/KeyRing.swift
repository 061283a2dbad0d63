// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayObjects

/// The keys of the configuration, known by the SHA-256 of the whole key and by nothing shorter.
struct KeyRing: CallerDirectory {
    private let callers: [[UInt8]: Caller]

    init(_ keys: [GatewayConfiguration.Auth.Key]) throws {
        var callers: [[UInt8]: Caller] = [:]
        for key in keys {
            let digest = try key.key.withPlaintext { try Digest.sha256($0) }
            callers[digest] = Caller(name: key.name, models: key.models, limits: key.limits)
        }
        self.callers = callers
    }

    /// The digest is what is looked up, so the time it takes tells nothing about the key.
    func caller(presenting credential: String?) async -> Caller? {
        guard let credential, let digest = try? Digest.sha256(credential) else { return nil }
        return callers[digest]
    }
}
