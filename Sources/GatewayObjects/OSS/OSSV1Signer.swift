// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Version 1 of the OSS signatures, by HMAC-SHA1, for buckets that were made before it was closed.
///
/// Parameters that are no sub-resources are not covered: whoever has a link may add them.
struct OSSV1Signer: OSSSigner {
    let accessKeyID: String
    let secretAccessKey: Secret
    let sessionToken: Secret?

    init(accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    func headers(for request: OSSRequest, at moment: Timestamp) throws(ObjectError) -> [(name: String, value: String)] {
        var added: [(name: String, value: String)] = []
        // A request that brings the date in OSS's own header is signed by that.
        if request.header("x-oss-date") == nil { added.append(("Date", CivilDate(moment).http)) }
        if let sessionToken { added.append(("x-oss-security-token", sessionToken.withPlaintext { $0 })) }
        var signed = request
        signed.headers += added
        let date = signed.header("x-oss-date") ?? signed.header("date") ?? ""
        return added + [("Authorization", "OSS \(accessKeyID):\(try signature(of: signed, date: date))")]
    }

    func query(for request: OSSRequest, at moment: Timestamp, seconds: Int) throws(ObjectError) -> String {
        var signed = request
        if let sessionToken { signed.query.append(("security-token", sessionToken.withPlaintext { $0 })) }
        // The end of the life, not its length: a fraction of a second is cut off, as in every other form.
        let end = String(moment.seconds + Int64(seconds))
        let signature = try signature(of: signed, date: end)
        let whole = [("OSSAccessKeyId", accessKeyID), ("Expires", end)] + signed.query + [("Signature", signature)]
        return whole.map { name, value in
            value.isEmpty ? Escaping.escape(name) : "\(Escaping.escape(name))=\(Escaping.escape(value))"
        }.joined(separator: "&")
    }

    /// What the key signs; nothing in it is escaped.
    func stringToSign(_ request: OSSRequest, date: String) -> String {
        let known = request.query.filter { Self.subresources.contains($0.name) }
            .sorted { ($0.name, $0.value) < ($1.name, $1.value) }
            .map { $0.value.isEmpty ? $0.name : "\($0.name)=\($0.value)" }
        return [
            request.method, request.header("content-md5") ?? "", request.header("content-type") ?? "", date,
            request.headerLines { $0.hasPrefix("x-oss-") } + request.resource
                + (known.isEmpty ? "" : "?" + known.joined(separator: "&")),
        ].joined(separator: "\n")
    }

    private func signature(of request: OSSRequest, date: String) throws(ObjectError) -> String {
        let key = secretAccessKey.withPlaintext { Array($0.utf8) }
        return Digest.base64(try Digest.hmac(.sha1, key: key, stringToSign(request, date: date)))
    }

    /// The parameters that this version covers.
    private static let subresources: Set<String> = [
        "accessPoint", "accessPointPolicy", "acl", "append", "asyncFetch", "bucketArchiveDirectRead", "bucketInfo",
        "callback", "callback-var", "cname", "comp", "continuation-token", "cors", "delete", "encryption", "endTime",
        "group", "httpsConfig", "inventory", "inventoryId", "lifecycle", "link", "live", "location", "logging",
        "metaQuery", "objectInfo", "objectMeta", "partNumber", "policy", "position", "publicAccessBlock", "qos",
        "qosInfo", "qosRequester", "redundancyTransition", "referer", "regionList", "replication",
        "replicationLocation", "replicationProgress", "requestPayment", "requesterQosInfo", "resourceGroup",
        "resourcePool", "resourcePoolBuckets", "resourcePoolInfo", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language",
        "response-content-type", "response-expires", "restore", "security-token", "sequential", "startTime", "stat",
        "status", "style", "styleName", "symlink", "tagging", "transferAcceleration", "uploadId", "uploads",
        "versionId", "versioning", "versions", "vod", "website", "worm", "wormExtend", "wormId",
        "x-oss-ac-forward-allow", "x-oss-ac-source-ip", "x-oss-ac-subnet-mask", "x-oss-ac-vpc-id",
        "x-oss-access-point-name", "x-oss-async-process", "x-oss-process", "x-oss-redundancy-transition-taskid",
        "x-oss-request-payer", "x-oss-target-redundancy-type", "x-oss-traffic-limit",
        "x-oss-write-get-object-response",
    ]
}
