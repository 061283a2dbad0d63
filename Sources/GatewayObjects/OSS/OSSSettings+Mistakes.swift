// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension OSSSettings {
    /// The longest life a signature may be given: 7 days.
    static let longestLink = Duration.seconds(604_800)

    /// The longest life of temporary credentials that Aliyun hands to a role; links die with them.
    static let longestSession = Duration.seconds(12 * 3600)

    /// What is wrong with these settings, a sentence each; empty if a store can be made from them.
    public var mistakes: [String] {
        [
            Self.mistake(in: endpoint, upload, addressing, "endpoint"),
            publicEndpoint.flatMap { Self.mistake(in: $0, download, publicAddressing, "public_endpoint") },
            internalMistake, regionMistake, hostMistake, bucketMistake, prefixMistake, accessKeyMistake, secretMistake,
            tokenMistake, lifetimeMistake,
        ].compactMap(\.self)
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

    private var bucketMistake: String? {
        let isPlain = bucket.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        let hasEnds = bucket.first != "-" && bucket.last != "-"
        guard !(3...63).contains(bucket.utf8.count) || !isPlain || !hasEnds else { return nil }
        return "storage.bucket must be 3 to 63 of a-z, 0-9 and hyphen, with a letter or digit at both ends."
    }

    private var prefixMistake: String? {
        let parts = folder.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let arePlain = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        let isPrintable = prefix.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0 != "\\" }
        guard !arePlain || !isPrintable || folder.utf8.count > 120 else { return nil }
        return "storage.prefix must be a relative folder of at most 120 bytes, without empty parts, '.' and '..'."
    }

    private var accessKeyMistake: String? {
        let isPlain = accessKeyID.utf8.allSatisfy { (0x21...0x7E).contains($0) && !",/:=\"".utf8.contains($0) }
        guard !(1...256).contains(accessKeyID.utf8.count) || !isPlain else { return nil }
        return "storage.access_key_id is empty or contains characters that no access key has."
    }

    private var secretMistake: String? {
        guard !Self.isPrintable(secretAccessKey) else { return nil }
        return "storage.secret_access_key is empty or contains blanks or line breaks; look at how it came into the "
            + "environment."
    }

    private var tokenMistake: String? {
        guard let sessionToken, !Self.isPrintable(sessionToken) else { return nil }
        return "storage.session_token is empty or contains blanks or line breaks; look at how it came into the "
            + "environment."
    }

    private static func isPrintable(_ secret: Secret) -> Bool {
        secret.withPlaintext { !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
    }

    private var lifetimeMistake: String? {
        if linkLifetime < .seconds(1) || linkLifetime > Self.longestLink {
            return "storage.url_lifetime must be 1 second to 7 days: OSS takes no longer links."
        }
        guard sessionToken != nil, linkLifetime > Self.longestSession else { return nil }
        return "storage.url_lifetime is longer than temporary credentials live, and links die with them: "
            + "use long-lived keys without storage.session_token, or set storage.url_lifetime to 12h or less."
    }
}
