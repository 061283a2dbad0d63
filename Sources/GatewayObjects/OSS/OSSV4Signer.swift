// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Version 4 of the OSS signatures, `OSS4-HMAC-SHA256`: a sibling of Amazon's with rules of its own.
///
/// The host is not covered unless it is listed, so that a link works under every name of the bucket.
struct OSSV4Signer: OSSSigner {
    private static let algorithm = "OSS4-HMAC-SHA256"
    /// The one thing OSS lets a signature say of a body.
    private static let unsignedPayload = "UNSIGNED-PAYLOAD"

    let accessKeyID: String
    let sessionToken: Secret?
    let keys: SigningKeys
    /// Headers to be covered besides those that always are, where a request has them.
    let additionalHeaders: [String]

    init(
        accessKeyID: String,
        secretAccessKey: Secret,
        sessionToken: Secret? = nil,
        region: String,
        product: String = "oss",
        additionalHeaders: [String] = []
    ) {
        self.accessKeyID = accessKeyID
        self.sessionToken = sessionToken
        self.additionalHeaders = additionalHeaders
        keys = SigningKeys(
            secret: secretAccessKey,
            prefix: "aliyun_v4",
            region: region,
            service: product,
            terminator: "aliyun_v4_request"
        )
    }

    func headers(for request: OSSRequest, at moment: Timestamp) throws(ObjectError) -> [(name: String, value: String)] {
        let date = CivilDate(moment)
        var added = [(name: "x-oss-date", value: date.basic), ("x-oss-content-sha256", Self.unsignedPayload)]
        if let sessionToken { added.append(("x-oss-security-token", sessionToken.withPlaintext { $0 })) }
        var signed = request
        signed.headers += added
        let additional = additionalNames(of: signed)
        let list = additional.isEmpty ? "" : "AdditionalHeaders=\(additional.joined(separator: ";")),"
        let signature = try signature(of: signed, additional: additional, date: date)
        let value = "\(Self.algorithm) Credential=\(credential(on: date)),\(list)Signature=\(signature)"
        return added + [("Authorization", value)]
    }

    func query(for request: OSSRequest, at moment: Timestamp, seconds: Int) throws(ObjectError) -> String {
        let date = CivilDate(moment)
        let additional = additionalNames(of: request)
        var signed = request
        signed.query += [
            ("x-oss-signature-version", Self.algorithm),
            ("x-oss-credential", credential(on: date)),
            ("x-oss-date", date.basic),
            ("x-oss-expires", String(seconds)),
        ]
        if let sessionToken { signed.query.append(("x-oss-security-token", sessionToken.withPlaintext { $0 })) }
        if !additional.isEmpty {
            signed.query.append(("x-oss-additional-headers", additional.joined(separator: ";")))
        }
        let signature = try signature(of: signed, additional: additional, date: date)
        return "\(Self.canonicalQuery(signed))&x-oss-signature=\(signature)"
    }

    /// The text whose digest is signed.
    func canonicalText(_ request: OSSRequest, additional: [String]) -> String {
        let lines = request.headerLines { Self.isAlwaysSigned($0) || additional.contains($0) }
        return [
            request.method, Escaping.escape(request.resource, keepingSlashes: true), Self.canonicalQuery(request),
            lines,
            additional.joined(separator: ";"), Self.unsignedPayload,
        ].joined(separator: "\n")
    }

    /// The additional headers that the request has, as they are listed: those that are signed anyway are not.
    func additionalNames(of request: OSSRequest) -> [String] {
        let present = Set(request.headers.filter { !$0.value.isEmpty }.map { $0.name.lowercased() })
        return Set(additionalHeaders.map { $0.lowercased() })
            .filter { present.contains($0) && !Self.isAlwaysSigned($0) }
            .sorted()
    }

    private func credential(on date: CivilDate) -> String { "\(accessKeyID)/\(keys.scope(on: date.basicDay))" }

    private func signature(
        of request: OSSRequest,
        additional: [String],
        date: CivilDate
    ) throws(ObjectError) -> String {
        let digest = try Digest.sha256Hex(canonicalText(request, additional: additional))
        let text = [Self.algorithm, date.basic, keys.scope(on: date.basicDay), digest].joined(separator: "\n")
        return try keys.signature(of: text, on: date.basicDay)
    }

    private static func isAlwaysSigned(_ name: String) -> Bool {
        name.hasPrefix("x-oss-") || name == "content-type" || name == "content-md5"
    }

    /// Sorted after escaping; a parameter without value stands without `=`.
    private static func canonicalQuery(_ request: OSSRequest) -> String {
        request.query.map { (Escaping.escape($0.name), Escaping.escape($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { $0.1.isEmpty ? $0.0 : "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }
}
