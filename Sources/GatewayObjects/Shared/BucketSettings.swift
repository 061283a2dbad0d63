// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How long signatures and temporary credentials live, at Amazon and at Aliyun alike.
enum BucketLimits {
    /// The longest life a signature may be given: 7 days.
    static let longestLink = Duration.seconds(604_800)

    /// The longest life of temporary credentials that a service hands to a role.
    ///
    /// A link dies with the token it was signed with, and nothing in a token says when that is.
    static let longestSession = Duration.seconds(12 * 3600)
}

/// What the settings of every kind of bucket have, and how it is checked.
protocol BucketSettings: Sendable {
    var bucket: String { get }
    var prefix: String { get }
    var accessKeyID: String { get }
    var secretAccessKey: Secret { get }
    var sessionToken: Secret? { get }
    var credentialsFile: String? { get }
    var credentialsProfile: String { get }
    var linkLifetime: Duration { get }
}

extension BucketSettings {
    /// The prefix with a slash at its end, or nothing.
    var folder: String { prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/" }

    /// The credentials that stand in the settings themselves.
    var credentials: BucketCredentials {
        BucketCredentials(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: sessionToken)
    }

    /// What is wrong with the name of the bucket.
    func bucketMistake(allowingDots: Bool) -> String? {
        let isPlain = bucket.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            case UInt8(ascii: "."): allowingDots
            default: false
            }
        }
        let labels = bucket.split(separator: ".", omittingEmptySubsequences: false)
        let areLabels = labels.allSatisfy { !$0.isEmpty && $0.first != "-" && $0.last != "-" }
        let isAddress = labels.count == 4 && labels.allSatisfy { UInt8($0) != nil }
        guard !(3...63).contains(bucket.utf8.count) || !isPlain || !areLabels || isAddress else { return nil }
        return "storage.bucket must be 3 to 63 of a-z, 0-9\(allowingDots ? ", dot" : "") and hyphen, with a letter or "
            + "digit at both ends."
    }

    var prefixMistake: String? {
        let parts = folder.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let arePlain = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        let isPrintable = prefix.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0 != "\\" }
        guard !arePlain || !isPrintable || folder.utf8.count > 120 else { return nil }
        return "storage.prefix must be a relative folder of at most 120 bytes, without empty parts, '.' and '..'."
    }

    var credentialsMistakes: [String] {
        if let credentialsFile {
            return credentialsFile.isEmpty || credentialsFile.utf8.contains(0)
                ? ["storage.credentials_file must name a file."] : []
        }
        return credentials.brokenParts.map { part in
            part == .accessKeyID
                ? "storage.access_key_id is empty or contains characters that no access key has."
                : "storage.\(part.rawValue) is empty or contains blanks or line breaks; look at how it came into the "
                    + "environment."
        }
    }

    var lifetimeMistake: String? {
        if linkLifetime < .seconds(1) || linkLifetime > BucketLimits.longestLink
            || linkLifetime != .seconds(linkLifetime.components.seconds)
        {
            return "storage.url_lifetime must be 1 second to 7 days, in whole seconds: buckets take no other links."
        }
        guard credentialsFile == nil, sessionToken != nil, linkLifetime > BucketLimits.longestSession else {
            return nil
        }
        return "storage.url_lifetime is longer than temporary credentials live, and links die with them: "
            + "use long-lived keys without storage.session_token, or set storage.url_lifetime to 12h or less."
    }
}
