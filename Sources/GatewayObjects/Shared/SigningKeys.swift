// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// The keys of a version 4 signature: one a day, derived from the secret by a chain of HMACs.
///
/// Whoever has such a key signs anything of that day with it: it is kept in memory only, and never described.
final class SigningKeys: Sendable {
    /// Links are signed for the day they were made on, which is up to a week ago, or tomorrow by another clock.
    private static let daysKept = 9

    private let seed: Secret
    private let region: String
    private let service: String
    private let terminator: String
    private let keys = Mutex<[String: [UInt8]]>([:])

    /// Prepares the chain.
    ///
    /// - Parameters:
    ///   - secret: The secret access key.
    ///   - prefix: What the scheme puts in front of the secret, `AWS4`.
    ///   - region: The region in the scope.
    ///   - service: The service in the scope.
    ///   - terminator: What ends the scope, `aws4_request`.
    init(secret: Secret, prefix: String, region: String, service: String, terminator: String) {
        seed = Secret(secret.withPlaintext { prefix + $0 })
        self.region = region
        self.service = service
        self.terminator = terminator
    }

    /// What a signature of this day covers, `20261121/us-east-1/s3/aws4_request`.
    func scope(on day: String) -> String { "\(day)/\(region)/\(service)/\(terminator)" }

    /// The key of a day, `20261121`.
    func key(on day: String) throws(ObjectError) -> [UInt8] {
        if let key = keys.withLock({ $0[day] }) { return key }
        var key = seed.withPlaintext { Array($0.utf8) }
        for part in [day, region, service, terminator] { key = try Digest.hmac(key: key, part) }
        keys.withLock { keys in
            keys[day] = key
            while keys.count > Self.daysKept, let oldest = keys.keys.min() { keys[oldest] = nil }
        }
        return key
    }

    /// The signature of a text, lower-case hexadecimal.
    func signature(of text: String, on day: String) throws(ObjectError) -> String {
        Digest.hex(try Digest.hmac(key: key(on: day), text))
    }
}
