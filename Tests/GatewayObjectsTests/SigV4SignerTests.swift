// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@testable import GatewayObjects

@Suite struct SigV4SignerTests {
    @Test func `the published suites are here in full`() {
        #expect(Vectors.suite.cases.count == 32)
        #expect(Vectors.examples.cases.count == 5)
        #expect(Set(Vectors.suite.cases.map(\.name)).count == 32)
    }

    @Test(arguments: Vectors.suite.cases)
    func `a header signature is the published one`(example: Vectors.Case) throws {
        let vectors = Vectors.suite
        let request = try example.request(host: nil)

        let headers = try vectors.signer(for: example)
            .headers(for: request, payloadHash: example.hashOfBody(), at: vectors.moment)

        let authorization = try #require(headers.last { $0.name == "Authorization" }?.value)
        #expect(authorization.hasSuffix(", Signature=\(try #require(example.headerSignature))"))
        #expect(
            authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,")
        )
        #expect(headers.contains { $0.name == "x-amz-security-token" } == (example.token != nil))
    }

    @Test(arguments: Vectors.suite.cases)
    func `a query signature is the published one`(example: Vectors.Case) throws {
        let vectors = Vectors.suite
        let request = try example.request(host: nil)

        let query = try vectors.signer(for: example).query(
            for: request,
            payloadHash: example.hashOfBody(),
            at: vectors.moment,
            seconds: try #require(vectors.expires)
        )

        #expect(query.contains("&X-Amz-Signature=\(try #require(example.querySignature))"))
        #expect(query.contains("X-Amz-Security-Token=") == (example.token != nil))
    }

    @Test(arguments: Vectors.examples.cases.filter { $0.expires == nil })
    func `an example of the S3 reference is signed as printed there`(example: Vectors.Case) throws {
        let vectors = Vectors.examples
        let hash = try #require(example.payloadHash)
        let signer = vectors.signer(for: example)
        let request = try example.request(host: vectors.host)

        let headers = try signer.headers(for: request, payloadHash: hash, at: vectors.moment)

        var signed = request
        signed.headers += headers.filter { $0.name != "Authorization" }
        #expect(try Digest.sha256Hex(signed.canonicalText(payloadHash: hash)) == example.canonicalHash)
        #expect(try #require(headers.last).value.hasSuffix(", Signature=\(try #require(example.signature))"))
        #expect(try example.hashOfBody() == hash)
    }

    @Test func `the presigned example of the S3 reference comes out whole`() throws {
        let vectors = Vectors.examples
        let example = try #require(vectors.cases.first { $0.expires != nil })
        let request = try example.request(host: vectors.host)

        let query = try vectors.signer(for: example)
            .query(for: request, at: vectors.moment, seconds: try #require(example.expires))

        #expect(
            query == "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=\(try #require(example.signature))"
        )
    }

    @Test func `the key of a day is the published one, also when asked again`() throws {
        let vectors = Vectors.examples
        let keys = vectors.signer(for: vectors.cases[0]).keys

        for _ in 1...2 { #expect(Digest.hex(try keys.key(on: "20130524")) == vectors.signingKey) }
    }

    @Test func `keys of many days do not mix`() throws {
        let keys = Vectors.examples.signer(for: Vectors.examples.cases[0]).keys
        let days = (10...40).map { "201305\($0)" }

        let first = try days.map { try keys.key(on: $0) }
        let second = try days.map { try keys.key(on: $0) }

        #expect(first == second)
        #expect(Set(first).count == days.count)
    }

    @Test func `the day of the scope is the day of the time, at midnight too`() throws {
        let signer = Vectors.examples.signer(for: Vectors.examples.cases[0])
        let request = SigV4Request(method: "GET", path: "/", headers: [("host", "h")])
        let midnight = Timestamp(seconds: 1_369_353_600)

        let before = try signer.query(for: request, at: Timestamp(milliseconds: midnight.milliseconds - 1), seconds: 60)
        let after = try signer.query(for: request, at: midnight, seconds: 60)

        #expect(before.contains("%2F20130523%2F") && before.contains("X-Amz-Date=20130523T235959Z"))
        #expect(after.contains("%2F20130524%2F") && after.contains("X-Amz-Date=20130524T000000Z"))
    }
}
