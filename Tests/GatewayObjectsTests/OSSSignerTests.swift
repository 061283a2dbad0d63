// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@testable import GatewayObjects

/// A published or a computed signature of OSS, and the request it is for.
struct OSSVector: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let scheme: String
    let form: String
    let method: String
    let bucket: String
    let key: String
    let query: [[String]]
    let headers: [[String]]
    let token: String?
    let accessKeyID: String
    let secretAccessKey: String
    let region: String
    let product: String
    let time: Int64
    let expires: Int?
    let additional: [String]?
    let additionalListed: String?
    let signature: String

    enum CodingKeys: String, CodingKey {
        case name, scheme, form, method, bucket, key, query, headers, token, region, product, time, expires, additional
        case signature
        case accessKeyID = "access_key_id"
        case secretAccessKey = "secret_access_key"
        case additionalListed = "additional_listed"
    }

    var testDescription: String { name }

    static let all: [OSSVector] = {
        guard let url = Bundle.module.url(forResource: "oss", withExtension: "json", subdirectory: "Vectors"),
            let data = try? Data(contentsOf: url), let all = try? JSONDecoder().decode([OSSVector].self, from: data)
        else { fatalError("Vectors/oss.json is missing or not readable") }
        return all
    }()

    var request: OSSRequest {
        OSSRequest(
            method: method,
            bucket: bucket,
            key: key,
            query: query.map { ($0[0], $0[1]) },
            headers: headers.map { ($0[0], $0[1]) }
        )
    }

    var moment: Timestamp { Timestamp(seconds: time) }

    var v4: OSSV4Signer {
        OSSV4Signer(
            accessKeyID: accessKeyID,
            secretAccessKey: Secret(secretAccessKey),
            sessionToken: token.map(Secret.init),
            region: region,
            product: product,
            additionalHeaders: additional ?? []
        )
    }

    var v1: OSSV1Signer {
        OSSV1Signer(
            accessKeyID: accessKeyID,
            secretAccessKey: Secret(secretAccessKey),
            sessionToken: token.map(Secret.init)
        )
    }
}

/// The names and values of an escaped query, in order.
func parsedQuery(_ query: some StringProtocol) throws -> [[String]] {
    try query.split(separator: "&").map { pair in
        let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return [
            try #require(Escaping.unescape(words[0])), try #require(Escaping.unescape(words.count > 1 ? words[1] : "")),
        ]
    }
}

@Suite struct OSSSignerTests {
    @Test func `the published examples are here in full`() {
        #expect(OSSVector.all.filter { $0.scheme == "v4" }.count == 8)
        #expect(OSSVector.all.filter { $0.scheme == "v1" }.count == 8)
    }

    @Test(arguments: OSSVector.all.filter { $0.scheme == "v4" && $0.form == "header" })
    func `a header signature of version 4 is the published one`(example: OSSVector) throws {
        let headers = try example.v4.headers(for: example.request, at: example.moment)

        let list = example.additionalListed.map { "AdditionalHeaders=\($0)," } ?? ""
        let scope = "\(CivilDate(example.moment).basicDay)/\(example.region)/\(example.product)/aliyun_v4_request"
        #expect(
            headers.last?.value
                == "OSS4-HMAC-SHA256 Credential=ak/\(scope),\(list)Signature=\(example.signature)"
        )
        #expect(headers.first { $0.name == "x-oss-date" }?.value == CivilDate(example.moment).basic)
        #expect(headers.first { $0.name == "x-oss-content-sha256" }?.value == "UNSIGNED-PAYLOAD")
        #expect(headers.first { $0.name == "x-oss-security-token" }?.value == example.token)
    }

    @Test(arguments: OSSVector.all.filter { $0.scheme == "v4" && $0.form == "url" })
    func `a URL signature of version 4 is the published one`(example: OSSVector) throws {
        let query = try example.v4
            .query(for: example.request, at: example.moment, seconds: try #require(example.expires))

        #expect(query.hasSuffix("&x-oss-signature=\(example.signature)"))
        let pairs = try parsedQuery(query)
        #expect(example.query.allSatisfy { pairs.contains($0) })
        #expect(pairs.contains(["x-oss-expires", "599"]))
        #expect(pairs.first { $0[0] == "x-oss-additional-headers" }?[1] == example.additionalListed)
        #expect(pairs.first { $0[0] == "x-oss-security-token" }?[1] == example.token)
    }

    @Test func `the canonical text of version 4 is the published one`() throws {
        let example = try #require(OSSVector.all.first)

        let lines = example.v4.canonicalText(example.request, additional: []).split(separator: "\n")

        #expect(lines[1] == "/bucket/1234%2B-/123/1.txt")
        #expect(
            lines[2]
                == "%2Bparam1=value3&%2Bparam2&%7Cparam1=value4&%7Cparam2&param1=value1&param2"
        )
    }

    @Test func `the key of a day is the published one`() throws {
        let keys = try #require(OSSVector.all.first).v4.keys

        #expect(
            Digest.hex(try keys.key(on: "20231216"))
                == "b412a03b134ebddd720f5167b5de6db66620ebb3b01cff4d49e3ccb09f8de97f"
        )
    }

    /// The page that has it signs by a key that does not come from the secret it shows: the digest alone is good.
    @Test func `the canonical text of the reference's page has the digest printed there`() throws {
        let signer = OSSV4Signer(
            accessKeyID: "accesskeyid",
            secretAccessKey: Secret("yourAccessKeySecret"),
            region: "cn-hangzhou",
            additionalHeaders: ["content-disposition", "content-length"]
        )
        let request = OSSRequest(
            method: "PUT",
            bucket: "examplebucket",
            key: "exampleobject",
            headers: [
                ("content-disposition", "attachment"), ("content-length", "3"),
                ("content-md5", "ICy5YqxZB1uWSwcVLSNLcA=="), ("content-type", "text/plain"),
                ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"), ("x-oss-date", "20250411T064124Z"),
            ]
        )

        let text = signer.canonicalText(request, additional: signer.additionalNames(of: request))

        #expect(
            try Digest.sha256Hex(text) == "c46d96390bdbc2d739ac9363293ae9d710b14e48081fcb22cd8ad54b63136eca"
        )
        #expect(
            Digest.hex(try signer.keys.key(on: "20250411"))
                == "8a01ff4efcc65ca2cbc75375045c61ab5f3fa8b9a2d84f0add27ef16a25feb3c"
        )
    }

    @Test(arguments: OSSVector.all.filter { $0.scheme == "v1" && $0.form == "header" })
    func `a header signature of version 1 is the published one`(example: OSSVector) throws {
        let headers = try example.v1.headers(for: example.request, at: example.moment)

        #expect(headers.last?.name == "Authorization")
        #expect(headers.last?.value == "OSS \(example.accessKeyID):\(example.signature)")
        let bringsDate = example.request.header("x-oss-date") != nil
        #expect(headers.contains { $0.name == "Date" } == !bringsDate)
    }

    @Test(arguments: OSSVector.all.filter { $0.scheme == "v1" && $0.form == "url" })
    func `a URL signature of version 1 is the published one`(example: OSSVector) throws {
        let seconds = try #require(example.expires)

        let query = try example.v1.query(for: example.request, at: example.moment, seconds: seconds)

        #expect(query.hasSuffix("&Signature=\(Escaping.escape(example.signature))"))
        let token = example.token.map { [["security-token", $0]] } ?? []
        let end = String(example.time + 60)
        let whole = [["OSSAccessKeyId", example.accessKeyID], ["Expires", end]] + example.query + token
        #expect(try parsedQuery(query) == whole + [["Signature", example.signature]])
    }

    @Test func `the day of the scope is the day of the time, at midnight too`() throws {
        let signer = try #require(OSSVector.all.first).v4
        let midnight = Timestamp(seconds: 1_369_353_600)
        let request = OSSRequest(method: "GET", bucket: "b", key: "k")

        let before = try signer.query(for: request, at: Timestamp(milliseconds: midnight.milliseconds - 1), seconds: 60)
        let after = try signer.query(for: request, at: midnight, seconds: 60)

        #expect(before.contains("%2F20130523%2F") && before.contains("x-oss-date=20130523T235959Z"))
        #expect(after.contains("%2F20130524%2F") && after.contains("x-oss-date=20130524T000000Z"))
    }
}
