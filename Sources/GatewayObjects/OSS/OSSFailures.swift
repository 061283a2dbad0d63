// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// Reads the answers of OSS: what went wrong, what helps, and one sentence for the operator.
struct OSSFailures: Sendable {
    /// The region that was signed for.
    let region: String

    /// What the credentials need for an operation.
    static func permission(_ operation: BucketOperation) -> String {
        switch operation {
        case .put: "oss:PutObject"
        case .get: "oss:GetObject"
        case .delete: "oss:DeleteObject"
        }
    }

    /// What is wrong with an answer, or `nil` if it reports success.
    func failure(in answer: TransportResponse, to operation: BucketOperation, signedAt: Timestamp) -> RemoteFailure? {
        guard !(200..<300).contains(answer.status) else { return nil }
        let document = OSSErrorDocument(answer)
        let isMissing = document.code == "NoSuchKey" || document.code == "NoSuchVersion"
        if operation == .delete, isMissing { return nil }
        if operation == .get, isMissing || (answer.status == 404 && document.code.isEmpty) {
            return Self.report(.notFound, "The object is not there.")
        }
        let place = "(\(document.description(answer.status)))"
        return clockFailure(document, answer, signedAt)
            ?? signatureFailure(document, place)
            ?? placeFailure(document, answer.status, place)
            ?? Self.credentialFailure(document.code, place)
            ?? Self.accountFailure(document.code, place)
            ?? Self.bucketFailure(document.code, place)
            ?? Self.passingFailure(document.code, answer.status, place)
            ?? Self.otherFailure(answer.status, operation, place)
    }

    /// A denial without a reason, by a clock that differs, is taken for one of the clock too.
    private func clockFailure(
        _ document: OSSErrorDocument,
        _ answer: TransportResponse,
        _ signedAt: Timestamp
    ) -> RemoteFailure? {
        let theirs = answer.headers[.date].flatMap(Timestamp.init(httpDate:))
        let distance = theirs.map { abs(signedAt.duration(to: $0).milliseconds) } ?? 0
        let isUnexplained = document.code == "AccessDenied" && document.endpoint == nil && distance > 15 * 60_000
        // A link of version 1 and one of version 4 that is over, and one whose life has not begun.
        let isOfTime = ["0002-00000069", "0002-00000235", "0002-00000236"].contains(document.reason)
        guard document.code == "RequestTimeTooSkewed" || isOfTime || isUnexplained else { return nil }
        return RemoteFailure(
            error: ObjectError(
                .denied,
                isTemporary: false,
                "OSS refuses the time of the signature: this machine's clock is more than 15 minutes off; set it, best "
                    + "by NTP."
            ),
            remedy: .otherClock
        )
    }

    private func signatureFailure(_ document: OSSErrorDocument, _ place: String) -> RemoteFailure? {
        switch (document.code, document.reason) {
        case (_, "0002-00000080"):
            Self.report(
                .denied,
                "OSS refuses a signature of version 1 \(place): set storage.signature to v4; newer accounts and buckets "
                    + "take nothing else."
            )
        case (_, let reason) where Self.isOfRegion(reason):
            Self.report(
                .denied,
                "The bucket is not in the region \(region) \(place): set storage.region, such as cn-hangzhou without "
                    + "'oss-', and storage.endpoint to that region's."
            )
        case ("InvalidArgument", _):
            Self.report(
                .misconfigured,
                "OSS refuses the signature's form \(place): check storage.region, storage.endpoint and "
                    + "storage.access_key_id."
            )
        case ("SignatureDoesNotMatch", _):
            Self.report(
                .denied,
                "OSS refuses the signature \(place): storage.secret_access_key does not belong to "
                    + "storage.access_key_id, storage.bucket is not the bucket of this host, or a proxy on the way "
                    + "changes the path."
            )
        default: nil
        }
    }

    private func placeFailure(_ document: OSSErrorDocument, _ status: Int, _ place: String) -> RemoteFailure? {
        if let right = document.endpoint {
            return Self.report(
                .denied,
                "The bucket answers at \(right), not at this storage.endpoint \(place): set it, and storage.region to "
                    + "the same region."
            )
        }
        if (300..<400).contains(status) || document.code == "PermanentRedirect" {
            return Self.report(
                .denied,
                "OSS refuses the endpoint \(place): storage.endpoint must be that of the bucket's region."
            )
        }
        switch document.code {
        case "PublicEndpointForbidden":
            return Self.report(
                .denied,
                "OSS does not serve this account by its public endpoints \(place): map a custom domain to the bucket and "
                    + "set storage.public_endpoint to it, and storage.endpoint to it or to the internal endpoint."
            )
        case "SecondLevelDomainForbidden", "NonStandardHostForbidden":
            return Self.report(
                .misconfigured,
                "OSS takes the bucket in front of the host only \(place): set storage.addressing to virtual, or to domain "
                    + "for a domain that is mapped to the bucket."
            )
        case "CnameDenied", "NoSuchCname":
            return Self.report(
                .misconfigured,
                "The domain is not mapped to this bucket \(place): map it in the bucket's settings, or correct "
                    + "storage.endpoint and storage.public_endpoint."
            )
        default: return nil
        }
    }

    /// Whether the exact reason is the region, or the product, in the signature.
    static func isOfRegion(_ reason: String?) -> Bool { reason == "0002-00000226" || reason == "0002-00000227" }

    static func report(_ code: ObjectError.Code, isTemporary: Bool = false, _ message: String) -> RemoteFailure {
        RemoteFailure(error: ObjectError(code, isTemporary: isTemporary, message), remedy: .none)
    }
}
