// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Where an Aliyun OSS bucket is and how to sign for it; checked when a store is made from it.
public struct OSSSettings: BucketSettings {
    /// A version of the signature.
    public enum Signature: String, Sendable, CaseIterable {
        /// By HMAC-SHA1: closed to new accounts and new buckets, and it knows no region.
        case v1
        /// By HMAC-SHA256, for a region.
        case v4
    }

    /// The URL that the gateway itself uses: the service's without the bucket, or the bucket's own.
    public var endpoint: String
    /// The URL that links begin with, if callers reach the bucket under another name.
    public var publicEndpoint: String?
    /// The region in the signature, without `oss-`; as the endpoint tells if not given.
    public var region: String?
    /// The bucket's name.
    public var bucket: String
    /// The folder inside the bucket; empty for none.
    public var prefix: String
    /// Whether ``endpoint`` needs the bucket in front of its host; as the host tells if not given.
    public var addressing: BucketAddressing?
    /// The same for ``publicEndpoint``.
    public var publicAddressing: BucketAddressing?
    /// The version of the signature.
    public var signature: Signature
    /// Whether signatures cover the host, so that a link works under its own host only.
    public var signsHost: Bool
    /// The access key's public half.
    public var accessKeyID: String
    /// The access key's secret half.
    public var secretAccessKey: Secret
    /// What temporary credentials have besides.
    public var sessionToken: Secret?
    /// A file that has the credentials instead, read again when it changes.
    public var credentialsFile: String?
    /// The section of that file, where it is an ini file.
    public var credentialsProfile = "default"
    /// How long links will live at most.
    public var linkLifetime: Duration
    /// What links say about their pictures.
    public var presentation = LinkPresentation()

    /// Creates settings; nothing is checked yet, see ``mistakes``.
    ///
    /// ## Configuration keys
    /// - `storage.endpoint` (required): `http` or `https` URL, the service's without the bucket or the bucket's own domain.
    /// - `storage.public_endpoint` (optional): the same for links; required where `storage.endpoint` is internal.
    /// - `storage.region` (optional): such as `cn-hangzhou`, where neither host tells it.
    /// - `storage.bucket` (required): 3 to 63 of `a-z 0-9 -`.
    /// - `storage.prefix` (optional): a folder inside the bucket, with or without a slash at its end.
    /// - `storage.addressing`, `storage.public_addressing` (optional): `virtual` or `domain`, where the host does not tell it.
    /// - `storage.signature` (optional, default `v4`): `v1` for old buckets that need it.
    /// - `storage.sign_host` (optional, default `false`): whether a link works under its own host only.
    /// - `storage.access_key_id`, `storage.secret_access_key` (secret): required unless there is a file.
    /// - `storage.session_token` (optional, secret): of temporary credentials; links then live 12 hours at most.
    /// - `storage.credentials_file` (optional): an ini or JSON file that has these three and is read again when it changes.
    /// - `storage.credentials_profile` (optional, default `default`): the section of an ini file.
    /// - `storage.url_lifetime` (optional, default `24h`): 1 second to 7 days, in whole seconds.
    /// - `storage.link_disposition`, `storage.link_content_type` (optional): see ``LinkPresentation``.
    ///
    /// - Parameters:
    ///   - endpoint: The URL that the gateway itself uses.
    ///   - publicEndpoint: The URL that links begin with, where it is another.
    ///   - region: The region in the signature, where the endpoint does not tell it.
    ///   - bucket: The bucket's name.
    ///   - prefix: The folder inside the bucket.
    ///   - addressing: Whether the endpoint needs the bucket in front, where its host does not tell it.
    ///   - publicAddressing: The same for the public endpoint.
    ///   - signature: The version of the signature.
    ///   - signsHost: Whether signatures cover the host.
    ///   - accessKeyID: The access key's public half.
    ///   - secretAccessKey: The access key's secret half.
    ///   - sessionToken: What temporary credentials have besides.
    ///   - linkLifetime: How long links will live at most.
    public init(
        endpoint: String,
        publicEndpoint: String? = nil,
        region: String? = nil,
        bucket: String,
        prefix: String = "",
        addressing: BucketAddressing? = nil,
        publicAddressing: BucketAddressing? = nil,
        signature: Signature = .v4,
        signsHost: Bool = false,
        accessKeyID: String,
        secretAccessKey: Secret,
        sessionToken: Secret? = nil,
        linkLifetime: Duration = .seconds(86_400)
    ) {
        self.endpoint = endpoint
        self.publicEndpoint = publicEndpoint
        self.region = region
        self.bucket = bucket
        self.prefix = prefix
        self.addressing = addressing
        self.publicAddressing = publicAddressing
        self.signature = signature
        self.signsHost = signsHost
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.linkLifetime = linkLifetime
    }
}

extension OSSSettings {
    /// Where uploads go.
    var upload: OSSEndpoint? { OSSEndpoint(endpoint, bucket: bucket, addressing: addressing) }

    /// Where links lead.
    var download: OSSEndpoint? {
        guard let publicEndpoint else { return upload }
        return OSSEndpoint(publicEndpoint, bucket: bucket, addressing: publicAddressing)
    }

    /// The region in the signature; a custom domain for uploads may go with a public endpoint that tells it.
    var signedRegion: String? { region ?? upload?.region ?? download?.region }
}
