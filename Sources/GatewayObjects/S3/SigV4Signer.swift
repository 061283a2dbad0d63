// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// AWS Signature Version 4: values and a moment in, headers or a query out.
struct SigV4Signer: Sendable {
    /// Says that the body is not covered; what every presigned URL of S3 carries.
    static let unsignedPayload = "UNSIGNED-PAYLOAD"

    private static let algorithm = "AWS4-HMAC-SHA256"

    let accessKeyID: String
    let sessionToken: Secret?
    let keys: SigningKeys
    /// Whether header signatures send the payload's hash too; S3 demands it, other services mostly do not know it.
    var sendsPayloadHash = true
    /// Whether the session token is covered by the signature; a few services want it appended afterwards.
    var signsToken = true

    init(
        accessKeyID: String,
        secretAccessKey: Secret,
        sessionToken: Secret? = nil,
        region: String,
        service: String = "s3"
    ) {
        self.accessKeyID = accessKeyID
        self.sessionToken = sessionToken
        keys = SigningKeys(
            secret: secretAccessKey,
            prefix: "AWS4",
            region: region,
            service: service,
            terminator: "aws4_request"
        )
    }

    /// Makes the headers that authorize a request.
    ///
    /// - Parameters:
    ///   - request: The request with every header that shall be signed.
    ///   - payloadHash: The body's SHA-256 in hexadecimal, or ``unsignedPayload``.
    ///   - moment: The time of the signature; a server accepts it for about 15 minutes.
    /// - Returns: What is to be sent beside the headers of the request.
    /// - Throws: ``ObjectError`` if OpenSSL refuses the algorithm.
    func headers(
        for request: SigV4Request,
        payloadHash: String,
        at moment: Timestamp
    ) throws(ObjectError) -> [(name: String, value: String)] {
        let date = CivilDate(moment)
        var added = [(name: "x-amz-date", value: date.basic)]
        if sendsPayloadHash { added.append(("x-amz-content-sha256", payloadHash)) }
        let token = sessionToken.map { (name: "x-amz-security-token", value: $0.withPlaintext { $0 }) }
        if let token, signsToken { added.append(token) }
        var signed = request
        signed.headers += added
        let signature = try signature(of: signed, payloadHash: payloadHash, date: date)
        if let token, !signsToken { added.append(token) }
        let credential = "\(accessKeyID)/\(keys.scope(on: date.basicDay))"
        let value =
            "\(Self.algorithm) Credential=\(credential), SignedHeaders=\(signed.signedHeaders), Signature=\(signature)"
        return added + [("Authorization", value)]
    }

    /// Makes the query that authorizes a request by its URL alone.
    ///
    /// - Parameters:
    ///   - request: The request with every header that its sender will have to send; for a link, `host` alone.
    ///   - payloadHash: ``unsignedPayload`` for S3.
    ///   - moment: When the link's life begins.
    ///   - seconds: How long it lives.
    /// - Returns: The whole query, escaped.
    /// - Throws: ``ObjectError`` if OpenSSL refuses the algorithm.
    func query(
        for request: SigV4Request,
        payloadHash: String = unsignedPayload,
        at moment: Timestamp,
        seconds: Int
    ) throws(ObjectError) -> String {
        let date = CivilDate(moment)
        var signed = request
        signed.query += [
            ("X-Amz-Algorithm", Self.algorithm),
            ("X-Amz-Credential", "\(accessKeyID)/\(keys.scope(on: date.basicDay))"),
            ("X-Amz-Date", date.basic),
            ("X-Amz-Expires", String(seconds)),
            ("X-Amz-SignedHeaders", request.signedHeaders),
        ]
        let token = sessionToken.map { (name: "X-Amz-Security-Token", value: $0.withPlaintext { $0 }) }
        if let token, signsToken { signed.query.append(token) }
        let signature = try signature(of: signed, payloadHash: payloadHash, date: date)
        if let token, !signsToken { signed.query.append(token) }
        return "\(signed.canonicalQuery)&X-Amz-Signature=\(signature)"
    }

    /// What the key signs; the scope's day and the time are from one reading of the clock.
    func stringToSign(_ request: SigV4Request, payloadHash: String, date: CivilDate) throws(ObjectError) -> String {
        let digest = try Digest.sha256Hex(request.canonicalText(payloadHash: payloadHash))
        return [Self.algorithm, date.basic, keys.scope(on: date.basicDay), digest].joined(separator: "\n")
    }

    private func signature(
        of request: SigV4Request,
        payloadHash: String,
        date: CivilDate
    ) throws(ObjectError) -> String {
        let text = try stringToSign(request, payloadHash: payloadHash, date: date)
        return try keys.signature(of: text, on: date.basicDay)
    }
}
