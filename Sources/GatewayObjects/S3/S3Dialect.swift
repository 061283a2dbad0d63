// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// S3 as it is signed for and answers.
struct S3Dialect: BucketDialect {
    let signers: RotatingSigner<SigV4Signer>
    let failures: S3Failures
    let uploadHeaders: [(name: String, value: String)]
    let tellsChecksum = false
    private let sendsMD5: Bool

    init(
        _ settings: S3Settings,
        time: any TimeSource,
        report: @escaping @Sendable (String) -> Void
    ) throws(ObjectError) {
        let region = settings.region
        signers = try RotatingSigner(settings, time: time, report: report) { credentials in
            SigV4Signer(
                accessKeyID: credentials.accessKeyID,
                secretAccessKey: credentials.secretAccessKey,
                sessionToken: credentials.sessionToken,
                region: region
            )
        }
        failures = S3Failures(region: region)
        uploadHeaders = settings.options.headers
        sendsMD5 = settings.options.sendsMD5
    }

    func digests(of buffers: [ByteBuffer]) throws(ObjectError) -> BodyDigests {
        BodyDigests(
            md5: sendsMD5 ? try Digest.hash(.md5, buffers) : nil,
            payloadHash: Digest.hex(try Digest.hash(.sha256, buffers))
        )
    }

    func authorization(
        _ method: String,
        _ place: ObjectPlace,
        headers: [(name: String, value: String)],
        payloadHash: String?,
        at moment: Timestamp
    ) throws(ObjectError) -> [(name: String, value: String)] {
        let request = SigV4Request(
            method: method,
            path: place.address.root + place.name,
            headers: headers + [("host", place.address.authority)]
        )
        return try signers.current.headers(
            for: request,
            payloadHash: payloadHash ?? SigV4Signer.unsignedPayload,
            at: moment
        )
    }

    func linkQuery(
        _ place: ObjectPlace,
        parameters: [(name: String, value: String)],
        at moment: Timestamp,
        seconds: Int
    ) throws(ObjectError) -> String {
        let request = SigV4Request(
            method: "GET",
            path: place.address.root + place.name,
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
