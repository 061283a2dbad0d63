// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEngine
import GatewayObjects
import NIOCore

extension ProviderKey {
    /// The keys of a provider with names for attempts, logs and status: the first eight digits of the key's SHA-256, which
    /// stay the same when keys are added or change places, and from which no key can be found.
    static func pool(_ secrets: [Secret]) -> [ProviderKey] {
        var seen: Set<Secret> = []
        var taken: Set<String> = []
        return secrets.filter { seen.insert($0).inserted }.enumerated().map { place, secret in
            let fallback = "key-\(place + 1)"
            let id = fingerprint(of: secret).flatMap { taken.insert($0).inserted ? $0 : nil } ?? fallback
            return ProviderKey(id: id, secret: secret)
        }
    }

    private static func fingerprint(of secret: Secret) -> String? {
        let digest = secret.withPlaintext { try? Digest.hash(.sha256, [ByteBuffer(string: $0)]) }
        return digest?.prefix(4).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
