// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// The plain words of an OSS error: what Aliyun's support asks for, and the endpoint it names.
///
/// The rest is not read: it repeats the signed text, with the token in it.
struct OSSErrorDocument: Sendable, Hashable {
    let code: String
    /// The exact reason; Aliyun warns to build nothing on it, so it only makes sentences better.
    let reason: String?
    let requestID: String?
    /// Where the bucket answers, when it was asked at another place.
    let endpoint: String?

    init(_ answer: TransportResponse) {
        let bytes = Array(answer.body.readableBytesView.prefix(ErrorDocument.limit))
        code = ErrorDocument.word(in: "Code", of: bytes) ?? ""
        reason = ErrorDocument.word(in: "EC", of: bytes) ?? Self.word("x-oss-ec", answer)
        requestID = ErrorDocument.word(in: "RequestId", of: bytes) ?? Self.word("x-oss-request-id", answer)
        endpoint = ErrorDocument.word(in: "Endpoint", of: bytes)
    }

    /// What somebody needs to look it up: `HTTP 403, AccessDenied, EC 0003-00000001, request 5C3D…`.
    func description(_ status: Int) -> String {
        [
            "HTTP \(status)", code.isEmpty ? nil : code, reason.map { "EC \($0)" }, requestID.map { "request \($0)" },
        ].compactMap(\.self).joined(separator: ", ")
    }

    private static func word(_ name: String, _ answer: TransportResponse) -> String? {
        guard let value = HTTPField.Name(name).flatMap({ answer.headers[$0] }) else { return nil }
        return (1...64).contains(value.utf8.count) && value.utf8.allSatisfy(Escaping.isUnreserved) ? value : nil
    }
}
