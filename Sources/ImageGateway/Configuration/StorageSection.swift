// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension GatewayConfiguration.Storage {
    /// The kinds that can be named.
    private enum Kind: String, CaseIterable {
        case local, s3, none
    }

    /// Reads `storage`.
    ///
    /// - Returns: The storage, and how long its links live.
    static func read(_ reader: SettingsReader) -> (GatewayConfiguration.Storage, Duration) {
        defer { reader.close() }
        let lifetime = reader.duration("url_lifetime") ?? .seconds(86_400)
        if lifetime < .seconds(1) || lifetime > .seconds(604_800) {
            reader.complain("url_lifetime", "must be from 1s to 7d.")
        }
        let path = reader.text("path")
        let bucket = bucket(reader)
        switch reader.choice("kind") ?? Kind.local {
        case .local: return (.local(path: path ?? "data/images"), lifetime)
        case .none: return (.none, lifetime)
        case .s3:
            guard let bucket else {
                reader.complain("kind", "s3 needs endpoint, bucket, access_key_id and secret_access_key.")
                return (.none, lifetime)
            }
            return (.s3(bucket), lifetime)
        }
    }

    /// The forms of a bucket's address.
    private enum Addressing: String, CaseIterable {
        case virtual, path
    }

    private static func bucket(_ reader: SettingsReader) -> GatewayConfiguration.S3? {
        let addressing = reader.choice("addressing") ?? Addressing.virtual
        let (endpoint, name) = (reader.text("endpoint"), reader.text("bucket"))
        let (keyID, secret) = (reader.text("access_key_id"), reader.secret("secret_access_key"))
        let region = reader.text("region") ?? "us-east-1"
        let publicEndpoint = reader.text("public_endpoint")
        let prefix = reader.text("prefix") ?? ""
        let sessionToken = reader.secret("session_token")
        if let signature = reader.text("signature"), signature != "v4" {
            reader.complain("signature", "must be v4 for s3.")
        }
        guard let endpoint, let name, let keyID, let secret else { return nil }
        return GatewayConfiguration.S3(
            endpoint: endpoint,
            publicEndpoint: publicEndpoint,
            region: region,
            bucket: name,
            prefix: prefix,
            usesPathStyle: addressing == .path,
            accessKeyID: keyID,
            secretAccessKey: secret,
            sessionToken: sessionToken
        )
    }
}
