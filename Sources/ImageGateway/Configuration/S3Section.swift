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
    }
}

extension GatewayConfiguration {
    /// The credentials of a bucket, from the configuration or the variables that every S3 tool knows.
    struct S3Keys {
        var accessKeyID = ""
        var secretAccessKey = Secret("")
        var sessionToken: Secret?

        /// Reads them; nothing is needed beside a file.
        init?(_ reader: SettingsReader, isNeeded: Bool, hasFile: Bool) {
            let names = ["access_key_id", "secret_access_key", "session_token"]
            // All are asked for, so that none is unknown.
            let isGiven = !names.filter { reader.has($0) }.isEmpty
            if hasFile {
                if isNeeded, names.prefix(2).contains(where: { reader.has($0) }) {
                    reader.complain("credentials_file", "and storage.access_key_id are both there: take one out.")
                }
                return
            }
            if isNeeded, !isGiven, let id = reader.variable("AWS_ACCESS_KEY_ID"),
                let secret = reader.variable("AWS_SECRET_ACCESS_KEY")
            {
                (accessKeyID, secretAccessKey) = (id, Secret(secret))
                sessionToken = reader.variable("AWS_SESSION_TOKEN").map { Secret($0) }
                return
            }
            let id = isNeeded ? reader.neededText(names[0]) : reader.text(names[0])
            let secret = isNeeded ? reader.neededText(names[1]) : reader.text(names[1])
            // Empty is usual here: an environment variable that only temporary credentials have.
            sessionToken = reader.text(names[2]).flatMap { $0.isEmpty ? nil : Secret($0) }
            guard let id, let secret else { return nil }
            (accessKeyID, secretAccessKey) = (id, Secret(secret))
        }
    }
}
