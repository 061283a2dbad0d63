// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Where an S3 bucket is and how to sign for it; checked when a store is made from it.
public struct S3Settings: BucketSettings {
    /// The service's URL without the bucket, with a port and a path where it has them.
    public var endpoint: String
    /// The region in the signature.
    public var region: String
    /// The bucket's name.
    public var bucket: String
    /// The folder inside the bucket; empty for none.
    public var prefix: String
    /// Where the bucket's name stands.
    public var addressing: BucketAddressing
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
    /// The URL that links shall begin with, if callers reach the service under another name than the gateway does.
    public var publicEndpoint: String?
    /// Where the bucket's name stands in links; as in ``addressing`` if not given.
    public var publicAddressing: BucketAddressing?
    /// How long links will live at most.
    public var linkLifetime: Duration
    /// What links say about their pictures.
    public var presentation = LinkPresentation()
    /// What the service shall do with the objects it keeps.
    public var options = S3ObjectOptions()

    /// Creates settings; nothing is checked yet, see ``mistakes``.
    ///
    /// ## Configuration keys
    /// - `storage.endpoint` (required): `http` or `https` URL without the bucket; a port and a path prefix are fine.
    /// - `storage.region` (required): as the bucket's; `auto` for Cloudflare R2, `us-east-1` where it means nothing.
    /// - `storage.bucket` (required): 3 to 63 of `a-z 0-9 . -`.
    /// - `storage.prefix` (optional): a folder inside the bucket, with or without a slash at its end.
    /// - `storage.addressing` (optional, default `virtual`): `path` puts the bucket into the path. An endpoint that is an
    ///   IP address, and a bucket with a dot over `https`, use `path` in any case.
    /// - `storage.access_key_id`, `storage.secret_access_key` (secret): required unless there is a file.
    /// - `storage.session_token` (optional, secret): of temporary credentials; links then live 12 hours at most.
    /// - `storage.credentials_file` (optional): an ini or JSON file that has these three and is read again when it changes.
    /// - `storage.credentials_profile` (optional, default `default`): the section of an ini file.
    /// - `storage.url_lifetime` (optional, default `24h`): 1 second to 7 days, in whole seconds.
    /// - `storage.link_disposition`, `storage.link_content_type` (optional): see ``LinkPresentation``.
    /// - `storage.server_side_encryption`, `storage.kms_key_id`, `storage.storage_class`, `storage.tags`,
    ///   `storage.content_md5` (optional): see ``S3ObjectOptions``.
    ///
    /// - Parameters:
    ///   - endpoint: The service's URL without the bucket.
    ///   - region: The region in the signature.
    ///   - bucket: The bucket's name.
    ///   - prefix: The folder inside the bucket.
    ///   - addressing: Where the bucket's name stands.
    ///   - accessKeyID: The access key's public half.
    ///   - secretAccessKey: The access key's secret half.
    ///   - sessionToken: What temporary credentials have besides.
    ///   - publicEndpoint: The URL that links begin with, where it is another.
    ///   - publicAddressing: Where the bucket's name stands in links, where it is another place.
    ///   - linkLifetime: How long links will live at most.
    public init(
        endpoint: String,
        region: String,
        bucket: String,
        prefix: String = "",
        addressing: BucketAddressing = .virtual,
        accessKeyID: String,
        secretAccessKey: Secret,
        sessionToken: Secret? = nil,
        publicEndpoint: String? = nil,
        publicAddressing: BucketAddressing? = nil,
        linkLifetime: Duration = .seconds(86_400)
    ) {
        self.endpoint = endpoint
        self.region = region
        self.bucket = bucket
        self.prefix = prefix
        self.addressing = addressing
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.publicEndpoint = publicEndpoint
        self.publicAddressing = publicAddressing
        self.linkLifetime = linkLifetime
    }
}

extension S3Settings {
    /// What is wrong with these settings, a sentence each; empty if a store can be made from them.
    public var mistakes: [String] {
        [
            Self.endpointMistake(endpoint, "storage.endpoint"),
            publicEndpoint.flatMap { Self.endpointMistake($0, "storage.public_endpoint") },
            regionMistake, bucketMistake(allowingDots: true), prefixMistake, lifetimeMistake,
        ].compactMap(\.self) + credentialsMistakes + options.mistakes
    }

    private static func endpointMistake(_ text: String, _ name: String) -> String? {
        guard Endpoint(text) == nil else { return nil }
        return "\(name) must be an http or https URL without user, query and escapes, such as "
            + "https://s3.us-east-1.amazonaws.com."
    }

    private var regionMistake: String? {
        let isPlain = region.utf8.allSatisfy(Escaping.isUnreserved)
        guard !(1...64).contains(region.utf8.count) || !isPlain else { return nil }
        return "storage.region must be a plain name such as us-east-1 (auto for Cloudflare R2)."
    }
}
