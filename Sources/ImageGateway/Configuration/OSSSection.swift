// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension GatewayConfiguration {
    /// A bucket of Aliyun OSS.
    public struct OSS: Sendable {
        /// The URL that the gateway itself uses.
        public var endpoint: String
        /// Another URL for links, if callers reach the bucket by another name.
        public var publicEndpoint: String?
        /// The region that requests are signed for; `nil` as the endpoint tells.
        public var region: String?
        /// The bucket's name.
        public var bucket: String
        /// What all keys begin with.
        public var prefix: String
        /// Where the endpoint has the bucket; `nil` as its host tells.
        public var addressing: Addressing?
        /// The same for the public endpoint.
        public var publicAddressing: Addressing?
        /// The version of the signature.
        public var signature: Signature
        /// Whether signatures cover the host.
        public var signsHost: Bool
        /// The credential's public half.
        public var accessKeyID: String
        /// The credential's secret half.
        public var secretAccessKey: Secret
        /// The token of temporary credentials.
        public var sessionToken: Secret?

        /// Where a host has the bucket.
        public enum Addressing: String, Sendable, CaseIterable {
            /// In front of it.
            case virtual
            /// The host is the bucket's own.
            case domain
        }

        /// The version of the signature.
        public enum Signature: String, Sendable, CaseIterable {
            /// The one for everybody, and the one for old buckets only.
            case v4, v1
        }
    }
}

extension GatewayConfiguration.OSS {
    /// Reads the keys of `storage` for a bucket of OSS; `nil` after complaints about what is missing.
    static func read(_ reader: SettingsReader) -> GatewayConfiguration.OSS? {
        let (endpoint, bucket) = (reader.neededText("endpoint"), reader.neededText("bucket"))
        let (keyID, secret) = (reader.neededText("access_key_id"), reader.neededText("secret_access_key"))
        let publicEndpoint = reader.nonEmptyText("public_endpoint")
        let region = reader.nonEmptyText("region")
        let prefix = reader.text("prefix") ?? ""
        let addressing: Addressing? = reader.choice("addressing")
        let publicAddressing: Addressing? = reader.choice("public_addressing")
        let signature = reader.choice("signature") ?? Signature.v4
        let signsHost = reader.flag("sign_host") ?? false
        // Empty is usual here: an environment variable that only temporary credentials have.
        let sessionToken = reader.text("session_token").flatMap { $0.isEmpty ? nil : Secret($0) }
        // The folder of another kind may stay in the file.
        _ = reader.has("path")
        guard let endpoint, let bucket, let keyID, let secret else { return nil }
        return GatewayConfiguration.OSS(
            endpoint: endpoint,
            publicEndpoint: publicEndpoint,
            region: region,
            bucket: bucket,
            prefix: prefix,
            addressing: addressing,
            publicAddressing: publicAddressing,
            signature: signature,
            signsHost: signsHost,
            accessKeyID: keyID,
            secretAccessKey: Secret(secret),
            sessionToken: sessionToken
        )
    }

    /// Knows the keys that are OSS's alone where another kind is set.
    ///
    /// - Parameter complain: Whether the other kind is a bucket too, which would have to act on them.
    static func pass(_ reader: SettingsReader, complain: Bool) {
        for name in ["sign_host"] where reader.has(name) && complain {
            reader.complain(name, "is for oss only.")
        }
    }
}
