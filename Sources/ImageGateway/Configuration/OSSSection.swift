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
        /// A file that has the credentials, read again when it changes.
        public var credentialsFile: String?
        /// The section of that file.
        public var credentialsProfile = "default"

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
        let credentialsFile = reader.nonEmptyText("credentials_file")
        let keys = BucketKeys(reader, isNeeded: true, hasFile: credentialsFile != nil, .oss)
        let publicEndpoint = reader.nonEmptyText("public_endpoint")
        let region = reader.nonEmptyText("region")
        let prefix = reader.text("prefix") ?? ""
        let addressing: Addressing? = reader.choice("addressing")
        let publicAddressing: Addressing? = reader.choice("public_addressing")
        let signature = reader.choice("signature") ?? Signature.v4
        let signsHost = reader.flag("sign_host") ?? false
        let profile = reader.nonEmptyText("credentials_profile") ?? "default"
        // The folder of another kind may stay in the file.
        _ = reader.has("path")
        for name in onlyOfS3 where reader.has(name) { reader.complain(name, "is for s3 only.") }
        guard let endpoint, let bucket, let keys else { return nil }
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
            accessKeyID: keys.accessKeyID,
            secretAccessKey: keys.secretAccessKey,
            sessionToken: keys.sessionToken,
            credentialsFile: credentialsFile,
            credentialsProfile: profile
        )
    }

    private static let onlyOfS3 = ["server_side_encryption", "kms_key_id", "storage_class", "tags", "content_md5"]

    /// Knows the keys that are OSS's alone where another kind is set.
    ///
    /// - Parameter complain: Whether the other kind is a bucket too, which would have to act on them.
    static func pass(_ reader: SettingsReader, complain: Bool) {
        for name in ["sign_host"] where reader.has(name) && complain {
            reader.complain(name, "is for oss only.")
        }
    }
}
