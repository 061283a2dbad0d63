// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Gives the signer of the credentials that count now.
///
/// Links are signed by it too: after a rotation they carry the new key, since the old one may end at any time. With the
/// same credentials a link is the same on every read.
final class RotatingSigner<Signer: Sendable>: Sendable {
    private let file: CredentialsFile?
    private let make: @Sendable (BucketCredentials) -> Signer
    private let latest: Mutex<(credentials: BucketCredentials, signer: Signer)>

    /// Prepares to sign.
    ///
    /// - Parameters:
    ///   - settings: Where the credentials are.
    ///   - time: The clock.
    ///   - report: Takes a sentence for the operator.
    ///   - make: Makes the signer of some credentials.
    /// - Throws: ``ObjectError`` with `misconfigured` if there are no credentials to begin with, or none that links of
    ///   the configured life could be signed with.
    init(
        _ settings: some BucketSettings,
        time: any TimeSource,
        report: @escaping @Sendable (String) -> Void,
        make: @escaping @Sendable (BucketCredentials) -> Signer
    ) throws(ObjectError) {
        self.make = make
        var credentials = settings.credentials
        if let path = settings.credentialsFile {
            let lifetime = settings.linkLifetime
            let file = try CredentialsFile(
                path: path,
                profile: settings.credentialsProfile,
                time: time,
                accept: { $0.mistake(for: lifetime) },
                report: report
            )
            credentials = file.current
            if let mistake = credentials.mistake(for: lifetime) ?? credentials.shortness(for: lifetime, at: time.now) {
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
        latest = Mutex((credentials, make(credentials)))
    }

    /// The signer of this moment.
    var current: Signer {
        guard let file else { return latest.withLock { $0.signer } }
        let credentials = file.current
        return latest.withLock { latest in
            if latest.credentials != credentials { latest = (credentials, make(credentials)) }
            return latest.signer
        }
    }
}

extension BucketCredentials {
    /// Why no link of this life can be signed with them, as part of a sentence.
    fileprivate func mistake(for lifetime: Duration) -> String? {
        guard sessionToken != nil, lifetime > BucketLimits.longestSession else { return nil }
        return
            "it has temporary credentials, which live 12 hours at most, and links die with them: put long-lived keys "
            + "into it, or set storage.url_lifetime to 12h or less"
    }

    /// Only at the start: later the same is true of every credential shortly before it is renewed.
    fileprivate func shortness(for lifetime: Duration, at now: Timestamp) -> String? {
        guard let end = expires, end < now.advanced(by: lifetime) else { return nil }
        return
            "its credentials end at \(CivilDate(end).extended), before a link of storage.url_lifetime made now would: "
            + "renew them earlier, or lower storage.url_lifetime"
    }
}
