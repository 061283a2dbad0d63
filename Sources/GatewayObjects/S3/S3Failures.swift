// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// Reads the answers of an S3 service: what went wrong, what helps, and one sentence for the operator.
struct S3Failures: Sendable {
    /// The region that was signed for.
    let region: String

    /// What the credentials need for an operation.
    static func permission(_ operation: BucketOperation) -> String {
        switch operation {
        case .put: "s3:PutObject"
        case .get: "s3:GetObject"
        case .delete: "s3:DeleteObject"
        }
    }

    /// What is wrong with an answer, or `nil` if it reports success.
    func failure(in answer: TransportResponse, to operation: BucketOperation, signedAt: Timestamp) -> RemoteFailure? {
        guard !(200..<300).contains(answer.status) else { return nil }
        let document = ErrorDocument(answer.body)
        let code = document.code ?? ""
        let isMissing = code == "NoSuchKey" || code == "NoSuchVersion"
        if operation == .delete, isMissing { return nil }
        if operation == .get, isMissing || (answer.status == 404 && code.isEmpty) {
            return report(.notFound, "The object is not there.")
        }
        return clockFailure(code, answer, signedAt)
            ?? regionFailure(code, document, answer)
            ?? credentialFailure(code)
            ?? placeFailure(code)
            ?? passingFailure(code, answer.status)
            ?? otherFailure(code, answer.status, operation)
    }

    /// Some servers say no more than AccessDenied when the clocks differ; then the answer's own date shows it.
    private func clockFailure(_ code: String, _ answer: TransportResponse, _ signedAt: Timestamp) -> RemoteFailure? {
        let theirs = answer.headers[.date].flatMap(Timestamp.init(httpDate:))
        let distance = theirs.map { abs(signedAt.duration(to: $0).milliseconds) } ?? 0
        guard code == "RequestTimeTooSkewed" || (code == "AccessDenied" && distance > 15 * 60_000) else { return nil }
        return RemoteFailure(
            error: ObjectError(
                .denied,
                isTemporary: false,
                "The storage refuses the time of the signature: this machine's clock is more than 15 minutes off; "
                    + "set it, best by NTP."
            ),
            remedy: .otherClock
        )
    }

    private func regionFailure(_ code: String, _ document: ErrorDocument, _ answer: TransportResponse) -> RemoteFailure?
    {
        let isRedirect = (300..<400).contains(answer.status)
        let codes = [
            "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "PermanentRedirect",
            "TemporaryRedirect", "IllegalLocationConstraintException", "InvalidRegion",
        ]
        guard isRedirect || codes.contains(code) else { return nil }
        guard let right = document.region ?? bucketRegion(answer), right != region else {
            return report(
                .denied,
                "The storage refuses the region or the endpoint (\(Self.name(code, answer.status))): check storage.region "
                    + "and storage.endpoint, both must be those of the bucket."
            )
        }
        return report(
            .denied,
            "The bucket is in the region \(right), not \(region): set storage.region, and storage.endpoint if it names a "
                + "region."
        )
    }

    private func bucketRegion(_ answer: TransportResponse) -> String? {
        let value = HTTPField.Name("x-amz-bucket-region").flatMap { answer.headers[$0] }
        return value.flatMap { $0.utf8.count <= 64 && $0.utf8.allSatisfy(Escaping.isUnreserved) ? $0 : nil }
    }

    private func credentialFailure(_ code: String) -> RemoteFailure? {
        switch code {
        case "SignatureDoesNotMatch":
            report(
                .denied,
                "The storage refuses the signature: storage.secret_access_key does not belong to "
                    + "storage.access_key_id, or a proxy on the way changes host or path."
            )
        case "InvalidAccessKeyId":
            report(.denied, "The storage does not know this storage.access_key_id.")
        case "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidSecurity":
            report(
                .denied,
                "The storage refuses storage.session_token: temporary credentials have ended; give new ones (best by "
                    + "storage.credentials_file, which is read again) or long-lived keys."
            )
        default: nil
        }
    }

    private func placeFailure(_ code: String) -> RemoteFailure? {
        switch code {
        case "NoSuchBucket", "InvalidBucketName", "InvalidBucketState":
            report(.noBucket, "There is no such bucket: check storage.bucket and storage.endpoint, or create it.")
        case "PathStyleDomainForbidden", "SecondLevelDomainForbidden":
            report(.misconfigured, "The storage takes the bucket in the host only: set storage.addressing to virtual.")
        case "EntityTooLarge", "MaxSizeExceeded":
            report(.misconfigured, "The picture is larger than the storage accepts.")
        case "NotImplemented", "MethodNotAllowed":
            report(
                .misconfigured,
                "The storage cannot do this (\(code)): check that storage.endpoint is an S3 service."
            )
        case "InvalidStorageClass":
            report(.misconfigured, "The storage does not know this storage.storage_class.")
        case "InvalidTag":
            report(.misconfigured, "The storage does not take these storage.tags.")
        case "InvalidEncryptionAlgorithmError", "ServerSideEncryptionConfigurationNotFoundError":
            report(.misconfigured, "The storage does not do this storage.server_side_encryption.")
        case _ where code.hasPrefix("KMS."):
            report(
                .denied,
                "The storage may not use the encryption key (\(code)): check storage.kms_key_id and the key's policy."
            )
        case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage":
            RemoteFailure(
                error: ObjectError(.full, isTemporary: true, "The storage is full, or the bucket's quota is used up."),
                remedy: .none
            )
        default: nil
        }
    }

    /// Overload, a lost answer, or bytes that were damaged on their way: the same again may work.
    private func passingFailure(_ code: String, _ status: Int) -> RemoteFailure? {
        let codes = [
            "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", "BadDigest",
            "XAmzContentSHA256Mismatch", "IncompleteBody",
        ]
        let statuses = [408, 429, 500, 502, 503, 504]
        guard codes.contains(code) || statuses.contains(status) || (520..<600).contains(status) else { return nil }
        return RemoteFailure(
            error: ObjectError(
                .unavailable,
                isTemporary: true,
                "The storage is overloaded or disturbed (\(Self.name(code, status)))."
            ),
            remedy: .repetition
        )
    }

    private func otherFailure(_ code: String, _ status: Int, _ operation: BucketOperation) -> RemoteFailure {
        switch status {
        // Some servers say 400 to a link that is over.
        case 401, 403,
            _ where code == "AccessDenied":
            report(
                .denied,
                "The storage refuses access (\(Self.name(code, status))): the key needs \(Self.permission(operation)) on the "
                    + "bucket, and no bucket policy against it."
            )
        case 507:
            RemoteFailure(
                error: ObjectError(.full, isTemporary: true, "The storage is full."),
                remedy: .none
            )
        default:
            report(
                .misconfigured,
                "The storage refuses the request (\(Self.name(code, status))): check storage.endpoint, "
                    + "storage.addressing and storage.bucket."
            )
        }
    }

    private func report(_ code: ObjectError.Code, _ message: String) -> RemoteFailure {
        RemoteFailure(error: ObjectError(code, isTemporary: false, message), remedy: .none)
    }

    /// Codes are single plain words by ``ErrorDocument``; everything else of an answer stays out of messages.
    private static func name(_ code: String, _ status: Int) -> String {
        code.isEmpty ? "HTTP \(status)" : "HTTP \(status), \(code)"
    }
}
