// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension GatewayConfiguration.Storage {
    /// The longest that links can live: what version 4 signatures allow.
    static let longestLifetime = Duration.seconds(604_800)

    /// The kinds that can be named.
    private enum Kind: String, CaseIterable {
        case local, s3, oss, none
    }

    /// Reads `storage`.
    ///
    /// - Returns: The storage, how long its links live, and what they say.
    static func read(
        _ reader: SettingsReader
    ) -> (GatewayConfiguration.Storage, Duration, GatewayConfiguration.Links) {
        defer { reader.close() }
        let lifetime = reader.duration("url_lifetime") ?? .seconds(86_400)
        if lifetime < .seconds(1) || lifetime > longestLifetime {
            reader.complain("url_lifetime", "must be from 1s to 7d.")
        } else if lifetime != .seconds(lifetime.components.seconds) {
            reader.complain("url_lifetime", "must be whole seconds.")
        }
        let links = GatewayConfiguration.Links(reader)
        if !reader.has("kind"), reader.has("bucket") {
            reader.complain("kind", "is missing: s3 or oss for a bucket, local for a folder.")
        }
        let kind = reader.choice("kind") ?? Kind.local
        let path = reader.nonEmptyText("path")
        if kind == .oss {
            return (GatewayConfiguration.OSS.read(reader).map { .oss($0) } ?? .none, lifetime, links)
        }
        let bucket = bucket(reader, isNeeded: kind == .s3)
        GatewayConfiguration.OSS.pass(reader, complain: kind == .s3)
        return switch kind {
        case .local: (.local(path: path ?? "data/images"), lifetime, links)
        case .none, .oss: (.none, lifetime, links)
        case .s3: (bucket.map { .s3($0) } ?? GatewayConfiguration.Storage.none, lifetime, links)
        }
    }

    /// The forms of a bucket's address.
    private enum Addressing: String, CaseIterable {
        case virtual, path
    }

    /// The same where another kind of bucket may have been meant.
    private enum AnyAddressing: String, CaseIterable {
        case virtual, path, domain
    }

    /// Reads what a bucket needs; with another kind of storage the same keys may stay in the file.
    private static func bucket(_ reader: SettingsReader, isNeeded: Bool) -> GatewayConfiguration.S3? {
        func text(_ name: String) -> String? { isNeeded ? reader.neededText(name) : reader.text(name) }
        var addressing = Addressing.virtual
        if isNeeded {
            addressing = reader.choice("addressing") ?? addressing
        } else {
            let _: AnyAddressing? = reader.choice("addressing")
        }
        let (endpoint, name) = (text("endpoint"), text("bucket"))
        let more = GatewayConfiguration.S3More(reader)
        let keys = BucketKeys(reader, isNeeded: isNeeded, hasFile: more.credentialsFile != nil, .s3)
        let region = reader.nonEmptyText("region") ?? "us-east-1"
        let publicEndpoint = reader.nonEmptyText("public_endpoint")
        let prefix = reader.text("prefix") ?? ""
        if let signature = reader.text("signature"), isNeeded, signature != "v4" {
            reader.complain("signature", "must be v4 for s3.")
        }
        guard let endpoint, let name, let keys else { return nil }
        return GatewayConfiguration.S3(
            endpoint: endpoint,
            publicEndpoint: publicEndpoint,
            region: region,
            bucket: name,
            prefix: prefix,
            usesPathStyle: addressing == .path,
            accessKeyID: keys.accessKeyID,
            secretAccessKey: keys.secretAccessKey,
            sessionToken: keys.sessionToken,
            more: more
        )
    }
}
