// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@testable import GatewayObjects

/// Published signing examples, as the files in `Vectors` hold them.
struct Vectors: Decodable, Sendable {
    let accessKeyID: String
    let secretAccessKey: String
    let region: String
    let service: String
    let host: String?
    let time: Int64
    let expires: Int?
    let signingKey: String?
    let cases: [Case]

    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let method: String
        let target: String
        let headers: [[String]]
        let body: String?
        let token: String?
        let tokenIsUnsigned: Bool?
        let signsBody: Bool?
        let headerSignature: String?
        let querySignature: String?
        let payloadHash: String?
        let canonicalHash: String?
        let signature: String?
        let expires: Int?

        enum CodingKeys: String, CodingKey {
            case name, method, target, headers, body, token, signature, expires
            case tokenIsUnsigned = "token_unsigned"
            case signsBody = "sign_body"
            case headerSignature = "header_sig"
            case querySignature = "query_sig"
            case payloadHash = "payload_hash"
            case canonicalHash = "canonical_hash"
        }

        var testDescription: String { name }
    }

    enum CodingKeys: String, CodingKey {
        case region, service, host, time, expires, cases
        case accessKeyID = "access_key_id"
        case secretAccessKey = "secret_access_key"
        case signingKey = "signing_key"
    }

    static let suite = read("sigv4-suite")
    static let examples = read("sigv4-s3-examples")

    private static func read(_ name: String) -> Vectors {
        guard let url = Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"),
            let data = try? Data(contentsOf: url), let vectors = try? JSONDecoder().decode(Vectors.self, from: data)
        else { fatalError("Vectors/\(name).json is missing or not readable") }
        return vectors
    }

    var moment: Timestamp { Timestamp(seconds: time) }

    func signer(for example: Case) -> SigV4Signer {
        var signer = SigV4Signer(
            accessKeyID: accessKeyID,
            secretAccessKey: Secret(secretAccessKey),
            sessionToken: example.token.map(Secret.init),
            region: region,
            service: service
        )
        signer.sendsPayloadHash = service == "s3" || example.signsBody == true
        signer.signsToken = example.tokenIsUnsigned != true
        return signer
    }
}

extension Vectors.Case {
    /// The request with its target taken apart: some targets are escaped already, some are not.
    func request(host: String?) throws -> SigV4Request {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = try #require(Escaping.unescape(parts[0]))
        var request = SigV4Request(method: method, path: path, headers: headers.map { ($0[0], $0[1]) })
        if let host { request.headers.append(("Host", host)) }
        for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = words.count > 1 ? words[1] : ""
            request.query.append((try #require(Escaping.unescape(words[0])), try #require(Escaping.unescape(value))))
        }
        return request
    }

    func hashOfBody() throws -> String { try Digest.sha256Hex(body ?? "") }
}
