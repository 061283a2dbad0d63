// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Gives the signer of the credentials that count now.
///
/// Links are signed by it too: after a rotation they carry the new key, since the old one may end at any time. With the
/// same credentials a link is the same on every read.
final class S3Signers: Sendable {
    private let region: String
    private let file: CredentialsFile?
    private let latest: Mutex<(credentials: BucketCredentials, signer: SigV4Signer)>

    /// Prepares to sign.
    ///
    /// - Parameters:
    ///   - settings: Where the credentials are.
    ///   - time: The clock.
    ///   - report: Takes a sentence for the operator.
    /// - Throws: ``ObjectError`` with `misconfigured` if there are no credentials to begin with, or none that links of
    ///   the configured life could be signed with.
    init(
        _ settings: S3Settings,
        time: any TimeSource,
        report: @escaping @Sendable (String) -> Void
    ) throws(ObjectError) {
        region = settings.region
        var credentials = settings.credentials
        if let path = settings.credentialsFile {
            let lifetime = settings.linkLifetime
            let file = try CredentialsFile(
                path: path,
                profile: settings.credentialsProfile,
                time: time,
                accept: { Self.mistake(in: $0, for: lifetime) },
                report: report
            )
            credentials = file.current
            let mistake = Self.mistake(in: credentials, for: lifetime)
            if let mistake = mistake ?? Self.shortness(of: credentials, for: lifetime, at: time.now) {
                throw ObjectError(
                    .misconfigured,
                    isTemporary: false,
                    "storage.credentials_file cannot be used: \(mistake)."
                )
            }
            self.file = file
        } else {
            file = nil
        }
        latest = Mutex((credentials, Self.signer(credentials, region)))
    }

    /// The signer of this moment.
    var current: SigV4Signer {
        guard let file else { return latest.withLock(\.signer) }
        let credentials = file.current
        return latest.withLock { latest in
            if latest.credentials != credentials { latest = (credentials, Self.signer(credentials, region)) }
            return latest.signer
        }
    }

    private static func signer(_ credentials: BucketCredentials, _ region: String) -> SigV4Signer {
        SigV4Signer(
            accessKeyID: credentials.accessKeyID,
            secretAccessKey: credentials.secretAccessKey,
            sessionToken: credentials.sessionToken,
            region: region
        )
    }

    private static func mistake(in credentials: BucketCredentials, for lifetime: Duration) -> String? {
        guard credentials.sessionToken != nil, lifetime > S3Settings.longestSession else { return nil }
        return
            "it has temporary credentials, which live 12 hours at most, and links die with them: put long-lived keys "
            + "into it, or set storage.url_lifetime to 12h or less"
    }

    /// Only at the start: later the same is true of every credential shortly before it is renewed.
    private static func shortness(
        of credentials: BucketCredentials,
        for lifetime: Duration,
        at now: Timestamp
    ) -> String? {
        guard let end = credentials.expires, end < now.advanced(by: lifetime) else { return nil }
        return
            "its credentials end at \(CivilDate(end).extended), before a link of storage.url_lifetime made now would: "
            + "renew them earlier, or lower storage.url_lifetime"
    }
}
