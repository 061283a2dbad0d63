// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayObjects
import NIOCore

/// The keys of the configuration, known by the SHA-256 of the whole key and by nothing shorter.
struct KeyRing: CallerDirectory {
    private let callers: [[UInt8]: Caller]

    init(_ keys: [GatewayConfiguration.Auth.Key]) throws {
        var callers: [[UInt8]: Caller] = [:]
        for key in keys {
            let digest = try key.key.withPlaintext(Self.digest)
            callers[digest] = Caller(name: key.name, models: key.models, limits: key.limits)
        }
        self.callers = callers
    }

    /// The digest is what is looked up, so the time it takes tells nothing about the key.
    func caller(presenting credential: String?) async -> Caller? {
        guard let credential, let digest = try? Self.digest(credential) else { return nil }
        return callers[digest]
    }

    private static func digest(_ text: String) throws -> [UInt8] {
        try Digest.hash(.sha256, [ByteBuffer(string: text)])
    }
}
