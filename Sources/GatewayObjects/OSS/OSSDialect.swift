// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// OSS as it is signed for and answers.
struct OSSDialect: BucketDialect {
    let bucket: String
    let signers: RotatingSigner<any OSSSigner>
    let failures: OSSFailures
    let uploadHeaders: [(name: String, value: String)] = []
    let tellsChecksum = true

    init(
        _ settings: OSSSettings,
        time: any TimeSource,
        report: @escaping @Sendable (String) -> Void
    ) throws(ObjectError) {
        let region = settings.signedRegion ?? ""
        bucket = settings.bucket
        signers = try RotatingSigner(settings, time: time, report: report) { credentials in
            Self.signer(credentials, settings, region: region)
        }
        failures = OSSFailures(region: region)
    }

    private static func signer(
        _ credentials: BucketCredentials,
        _ settings: OSSSettings,
        region: String
    ) -> any OSSSigner {
        switch settings.signature {
        case .v1:
            OSSV1Signer(
                accessKeyID: credentials.accessKeyID,
                secretAccessKey: credentials.secretAccessKey,
                sessionToken: credentials.sessionToken
            )
        case .v4:
            OSSV4Signer(
                accessKeyID: credentials.accessKeyID,
                secretAccessKey: credentials.secretAccessKey,
                sessionToken: credentials.sessionToken,
                region: region,
                additionalHeaders: settings.signsHost ? ["host"] : []
            )
        }
    }

    /// The CRC covers what the MD5 cannot: bytes that are damaged between OSS's front and its disks.
    func digests(of buffers: [ByteBuffer]) throws(ObjectError) -> BodyDigests {
        BodyDigests(md5: try Digest.hash(.md5, buffers), checksum: CRC64.sum(of: buffers))
    }

    func authorization(
        _ method: String,
        _ place: ObjectPlace,
        headers: [(name: String, value: String)],
        payloadHash: String?,
        at moment: Timestamp
    ) throws(ObjectError) -> [(name: String, value: String)] {
        let request = OSSRequest(
            method: method,
            bucket: bucket,
            key: place.name,
            headers: headers + [("host", place.address.authority)]
        )
        return try signers.current.headers(for: request, at: moment)
    }

    func linkQuery(
        _ place: ObjectPlace,
        parameters: [(name: String, value: String)],
        at moment: Timestamp,
        seconds: Int
    ) throws(ObjectError) -> String {
        let request = OSSRequest(
            method: "GET",
            bucket: bucket,
            key: place.name,
            query: parameters,
            headers: [("host", place.address.authority)]
        )
        return try signers.current.query(for: request, at: moment, seconds: seconds)
    }

    func failure(
        in answer: TransportResponse,
        to operation: BucketOperation,
        signedAt: Timestamp
    ) -> RemoteFailure? {
        failures.failure(in: answer, to: operation, signedAt: signedAt)
    }
}
