// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayObjects

extension LinkPresentation {
    /// What the configuration says about links.
    init(_ links: GatewayConfiguration.Links) {
        self.init(
            disposition: links.disposition.flatMap { LinkDisposition(rawValue: $0.rawValue) },
            statesContentType: links.statesContentType
        )
    }
}

extension S3Settings {
    /// What the configuration says about a bucket.
    ///
    /// - Throws: ``ObjectError`` with `misconfigured` for a kind of encryption that there is not.
    init(_ bucket: GatewayConfiguration.S3, _ configuration: GatewayConfiguration) throws(ObjectError) {
        let more = bucket.more
        self.init(
            endpoint: bucket.endpoint,
            region: bucket.region,
            bucket: bucket.bucket,
            prefix: bucket.prefix,
            addressing: bucket.usesPathStyle ? .path : .virtual,
            accessKeyID: bucket.accessKeyID,
            secretAccessKey: bucket.secretAccessKey,
            sessionToken: bucket.sessionToken,
            publicEndpoint: bucket.publicEndpoint,
            publicAddressing: more.publicAddressing.flatMap { BucketAddressing(rawValue: $0.rawValue) },
            linkLifetime: configuration.linkLifetime
        )
        credentialsFile = more.credentialsFile
        credentialsProfile = more.credentialsProfile
        presentation = LinkPresentation(configuration.links)
        options.kmsKeyID = more.kmsKeyID
        options.storageClass = more.storageClass
        options.tags = more.tags
        options.sendsMD5 = more.sendsMD5
        guard let name = more.encryption else { return }
        guard let encryption = S3ObjectOptions.Encryption(rawValue: name) else {
            throw ObjectError(
                .misconfigured,
                isTemporary: false,
                "storage.server_side_encryption must be AES256, aws:kms or aws:kms:dsse."
            )
        }
        options.encryption = encryption
    }
}
