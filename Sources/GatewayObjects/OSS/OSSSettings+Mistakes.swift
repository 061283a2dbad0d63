// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension OSSSettings {
    /// What is wrong with these settings, a sentence each; empty if a store can be made from them.
    public var mistakes: [String] {
        [
            Self.mistake(in: endpoint, upload, addressing, "endpoint"),
            publicEndpoint.flatMap { Self.mistake(in: $0, download, publicAddressing, "public_endpoint") },
            internalMistake, regionMistake, hostMistake, bucketMistake(allowingDots: false), prefixMistake,
            accessKeyMistake, lifetimeMistake,
        ].compactMap(\.self) + credentialsMistakes
    }

    private static func mistake(
        in text: String,
        _ endpoint: OSSEndpoint?,
        _ addressing: BucketAddressing?,
        _ name: String
    ) -> String? {
        guard let endpoint else {
            return "storage.\(name) must be an http or https URL without user, query and escapes, such as "
                + "https://oss-cn-hangzhou.aliyuncs.com."
        }
        if endpoint.endpoint.isAddress {
            return "storage.\(name) must have a name, not an address: OSS knows the bucket by the host."
        }
        if endpoint.endpoint.host.hasPrefix("s3.oss-") {
            return "storage.\(name) is that of OSS's S3 interface: take the s3. away, or set storage.kind to s3."
        }
        guard addressing == .path else { return nil }
        return "storage.\(name) cannot have the bucket in its path: OSS takes it in the host only."
    }

    private var internalMistake: String? {
        guard upload?.isInternal == true, publicEndpoint == nil else { return nil }
        return "storage.endpoint is internal, so links to it would work inside Aliyun's network only: set "
            + "storage.public_endpoint (to the same, if that is wanted)."
    }

    private var regionMistake: String? {
        guard let region = signedRegion else {
            // A URL that cannot be read has its own sentence, and version 1 needs no region.
            guard signature == .v4, upload != nil else { return nil }
            return "storage.region is missing, and storage.endpoint does not tell it: such as cn-hangzhou."
        }
        let isPlain = region.utf8.allSatisfy(Escaping.isUnreserved) && (1...64).contains(region.utf8.count)
        guard !isPlain || region.hasPrefix("oss-") || region.hasSuffix("-internal") else { return nil }
        return "storage.region must be the plain name of the region, such as cn-hangzhou, without 'oss-' and "
            + "'-internal'."
    }

    private var hostMistake: String? {
        guard signsHost, signature == .v1 else { return nil }
        return "storage.sign_host needs storage.signature v4: version 1 cannot sign the host."
    }

    /// Version 1 puts a colon behind the key.
    private var accessKeyMistake: String? {
        guard credentialsFile == nil, accessKeyID.contains(":") else { return nil }
        return "storage.access_key_id is empty or contains characters that no access key has."
    }
}
