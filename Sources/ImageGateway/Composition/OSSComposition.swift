// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayObjects

extension GatewayConfiguration.OSS {
    /// What a store is made from.
    func settings(_ configuration: GatewayConfiguration) -> OSSSettings {
        var settings = OSSSettings(
            endpoint: endpoint,
            publicEndpoint: publicEndpoint,
            region: region,
            bucket: bucket,
            prefix: prefix,
            addressing: addressing?.objects,
            publicAddressing: publicAddressing?.objects,
            signature: signature == .v1 ? .v1 : .v4,
            signsHost: signsHost,
            accessKeyID: accessKeyID,
            secretAccessKey: secretAccessKey,
            sessionToken: sessionToken,
            linkLifetime: configuration.linkLifetime
        )
        settings.credentialsFile = credentialsFile
        settings.credentialsProfile = credentialsProfile
        settings.presentation = LinkPresentation(configuration.links)
        return settings
    }
}

extension GatewayConfiguration.OSS.Addressing {
    fileprivate var objects: BucketAddressing { self == .virtual ? .virtual : .domain }
}
