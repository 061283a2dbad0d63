// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import GatewayObjects

/// Random requests, and what the official SDKs make of them.
struct Oracle: Decodable, Sendable {
    let method: String
    let bucket: String
    let host: String
    let key: String
    let query: [[String]]
    let headers: [[String]]
    let token: String?
    let accessKey: String
    let secret: String
    let region: String
    let time: Int64
    let expires: Int
    let additional: [String]?
    /// The headers of the request signed in its headers.
    let header: [String: String]
    /// The request signed by its URL.
    let url: String

    enum CodingKeys: String, CodingKey {
        case method, bucket, host, key, query, headers, token, secret, region, time, expires, additional, header, url
        case accessKey = "access_key"
    }

    /// Asks the SDKs of the test environment.
    static func ask(_ scheme: String, count: Int, seed: Int) throws -> [Oracle] {
        let script = try #require(
            Bundle.module.url(forResource: "signatures", withExtension: "py", subdirectory: "Oracles")
        )
        let output = try ServerProcess.output(of: "python3", [script.path, scheme, String(count), String(seed)])
        return try output.split(separator: "\n").map { try JSONDecoder().decode(Oracle.self, from: Data($0.utf8)) }
    }

    /// A header of the request signed in its headers; names in any case.
    func header(_ name: String) -> String? { header.first { $0.key.lowercased() == name }?.value }

    /// The signed URL's path, unescaped, and its parameters.
    func signedURL() throws -> (path: String, query: [String: String]) {
        let parts = url.split(separator: "?", maxSplits: 1)
        let path = parts[0].dropFirst("https://".count).drop { $0 != "/" }
        let pairs = try parsedQuery(try #require(parts.last)).map { ($0[0], $0[1]) }
        return (try #require(Escaping.unescape(path)), Dictionary(pairs) { first, _ in first + "(twice)" })
    }
}
