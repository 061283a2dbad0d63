// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension GatewayConfiguration {
    /// What links say about their pictures.
    public struct Links: Sendable {
        /// What a browser shall do; `nil` to leave that to the storage.
        public var disposition: Disposition?
        /// Whether links to a bucket say the media type themselves.
        public var statesContentType = false

        /// What a browser shall do with a picture.
        public enum Disposition: String, Sendable, CaseIterable {
            /// Show it, or save it.
            case inline, attachment
        }

        /// Creates links that say nothing.
        public init() {}
    }

    /// What else can be set for a bucket of S3.
    public struct S3More: Sendable {
        /// A file that has the credentials, read again when it changes.
        public var credentialsFile: String?
        /// The section of that file.
        public var credentialsProfile = "default"
        /// Where the bucket stands in links, if elsewhere than in uploads.
        public var publicAddressing: Addressing?
        /// How objects are encrypted where they lie: `AES256`, `aws:kms`, `aws:kms:dsse`.
        public var encryption: String?
        /// The key for that.
        public var kmsKeyID: String?
        /// The storage class.
        public var storageClass: String?
        /// The tags of every object.
        public var tags: [String: String] = [:]
        /// Whether uploads carry an MD5 besides the signed SHA-256.
        public var sendsMD5 = false

        /// Where a bucket stands in a link.
        public enum Addressing: String, Sendable, CaseIterable {
            /// In the host, in the path, or nowhere: the host is its own.
            case virtual, path, domain
        }

        /// Creates the defaults.
        public init() {}
    }
}

extension GatewayConfiguration.Links {
    /// Reads what `storage` says about links.
    init(_ reader: SettingsReader) {
        self.init()
        disposition = reader.choice("link_disposition")
        statesContentType = reader.flag("link_content_type") ?? statesContentType
    }
}

extension GatewayConfiguration.S3More {
    /// Reads what else `storage` says about a bucket.
    init(_ reader: SettingsReader) {
        self.init()
        credentialsFile = reader.nonEmptyText("credentials_file")
        credentialsProfile = reader.nonEmptyText("credentials_profile") ?? credentialsProfile
        publicAddressing = reader.choice("public_addressing")
        encryption = reader.nonEmptyText("server_side_encryption")
        kmsKeyID = reader.nonEmptyText("kms_key_id")
        storageClass = reader.nonEmptyText("storage_class")
        tags = reader.pairs("tags")
        sendsMD5 = reader.flag("content_md5") ?? sendsMD5
    }
}
