// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What signs for a bucket.
public struct BucketCredentials: Sendable, Hashable {
    /// The access key's public half.
    public var accessKeyID: String
    /// The access key's secret half.
    public var secretAccessKey: Secret
    /// What temporary credentials have besides.
    public var sessionToken: Secret?
    /// When temporary credentials end, where somebody says so.
    public var expires: Timestamp?

    /// Creates credentials; nothing is checked yet.
    public init(
        accessKeyID: String,
        secretAccessKey: Secret,
        sessionToken: Secret? = nil,
        expires: Timestamp? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expires = expires
    }

    /// The parts, by their names in the configuration.
    enum Part: String, Sendable {
        case accessKeyID = "access_key_id"
        case secretAccessKey = "secret_access_key"
        case sessionToken = "session_token"
    }

    /// The parts that cannot be what they claim: empty, or with characters that no header could carry.
    var brokenParts: [Part] {
        var parts: [Part] = []
        let isPlain = accessKeyID.utf8.allSatisfy { (0x21...0x7E).contains($0) && !",/=\"".utf8.contains($0) }
        if !(1...256).contains(accessKeyID.utf8.count) || !isPlain { parts.append(.accessKeyID) }
        if !Self.isPrintable(secretAccessKey) { parts.append(.secretAccessKey) }
        if let sessionToken, !Self.isPrintable(sessionToken) { parts.append(.sessionToken) }
        return parts
    }

    private static func isPrintable(_ secret: Secret) -> Bool {
        secret.withPlaintext { !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
    }
}
