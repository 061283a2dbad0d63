// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension OSSFailures {
    static func credentialFailure(_ code: String, _ place: String) -> RemoteFailure? {
        switch code {
        case "InvalidAccessKeyId":
            report(.denied, "OSS does not know this storage.access_key_id, or it is disabled \(place).")
        case "SecurityTokenExpired":
            report(
                .denied,
                "The temporary credentials have ended \(place): give new ones with a new storage.session_token, or "
                    + "long-lived keys."
            )
        case "InvalidSecurityToken", "AccessKeyIdAndSecurityTokenNotMatch", "SecurityTokenNotSupported":
            report(
                .denied,
                "OSS refuses storage.session_token \(place): it belongs to another storage.access_key_id, or was cut; "
                    + "long-lived keys have none."
            )
        default: nil
        }
    }

    /// What Aliyun's account service says of the customer, not of the request.
    static func accountFailure(_ code: String, _ place: String) -> RemoteFailure? {
        switch code {
        case "UserDisable", "InDebt", "InDebtOverdue", "AbnormalBucketOwnerStatus":
            report(
                .denied,
                "The Aliyun account is in arrears or suspended \(place): pay what is due, or ask Aliyun's support."
            )
        case "BucketDisable":
            report(.denied, "Aliyun has disabled the bucket \(place): ask its support.")
        case "UbsmsInvalidBid", "KmsServiceNotEnabled":
            report(
                .denied,
                "The bucket encrypts by the key service (KMS), which the account has not activated \(place)."
            )
        default: nil
        }
    }

    static func bucketFailure(_ code: String, _ place: String) -> RemoteFailure? {
        switch code {
        case "NoSuchBucket", "InvalidBucketName":
            report(.noBucket, "There is no such bucket \(place): check storage.bucket, or create it.")
        case "BucketNotBelongTo":
            report(.noBucket, "The bucket belongs to somebody else \(place): check storage.bucket.")
        case "EntityTooLarge":
            report(.misconfigured, "The picture is larger than OSS accepts \(place).")
        case "FileAlreadyExists":
            report(
                .misconfigured,
                "The bucket forbids to overwrite objects \(place): take the rule away for storage.prefix."
            )
        case "FileImmutable":
            // It ends by itself with the policy's time.
            report(
                .denied,
                isTemporary: true,
                "A retention policy of the bucket forbids to overwrite and delete for a time \(place)."
            )
        case "InvalidObjectState":
            report(.misconfigured, "The object is archived \(place): let no rule archive what is under storage.prefix.")
        // Bounds of a bucket's size have several names.
        case _ where code.contains("Quota") || code.contains("Capacity"):
            report(.full, isTemporary: true, "The bucket's quota is used up \(place).")
        default: nil
        }
    }

    /// Overload, a lost answer, or bytes that were damaged on their way: the same again may work.
    static func passingFailure(_ code: String, _ status: Int, _ place: String) -> RemoteFailure? {
        let codes = [
            "InvalidDigest", "RequestTimeout", "InternalError", "OperationAborted", "ServiceUnavailable", "ServerBusy",
            "SlowDown", "IncompleteBody",
        ]
        // Requests and traffic a second.
        let isBounded = code.hasSuffix("LimitExceeded")
        let isStatus = [408, 429, 500, 502, 503, 504].contains(status) || (520..<600).contains(status)
        guard codes.contains(code) || isBounded || isStatus else { return nil }
        return RemoteFailure(
            error: ObjectError(.unavailable, isTemporary: true, "OSS is overloaded or disturbed \(place)."),
            remedy: .repetition
        )
    }

    static func otherFailure(_ status: Int, _ operation: BucketOperation, _ place: String) -> RemoteFailure {
        switch status {
        case 401, 403:
            report(
                .denied,
                "OSS refuses access \(place): the key needs \(permission(operation)) on the bucket's objects, and no bucket "
                    + "policy, network rule or role policy against it."
            )
        default:
            report(
                .misconfigured,
                "OSS refuses the request \(place): check storage.endpoint, storage.region and storage.bucket."
            )
        }
    }
}
