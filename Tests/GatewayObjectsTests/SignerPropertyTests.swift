// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import GatewayObjects

/// The gateway's signers and the vendors' own, on requests nobody thought of.
@Suite struct SignerPropertyTests {
    static let count = 600

    /// Another one each time; a failure names it.
    static let seed = Int.random(in: 0..<1_000_000_000)

    /// Bytes, because equal texts may be written by different characters.
    private static func bytes(_ pairs: [String: String]) -> [[UInt8]: [UInt8]] {
        Dictionary(uniqueKeysWithValues: pairs.map { (Array($0.key.utf8), Array($0.value.utf8)) })
    }

    private static func expectSame(_ query: String, _ oracle: Oracle, _ seed: Int) throws {
        let ours = try parsedQuery(query)
        let pairs = Dictionary(ours.map { ($0[0], $0[1]) }) { first, _ in first + "(twice)" }
        #expect(bytes(pairs) == bytes(try oracle.signedURL().query), "seed \(seed): \(oracle)")
    }

    @Test func `version 4 of OSS signs as Aliyun's SDK does`() throws {
        let oracles = try Oracle.ask("oss4", count: Self.count, seed: Self.seed)
        #expect(oracles.count == Self.count)
        for oracle in oracles {
            let signer = OSSV4Signer(
                accessKeyID: oracle.accessKey,
                secretAccessKey: Secret(oracle.secret),
                sessionToken: oracle.token.map(Secret.init),
                region: oracle.region,
                additionalHeaders: oracle.additional ?? []
            )
            try Self.compare(signer, oracle, names: ["authorization", "x-oss-date", "x-oss-content-sha256"])
        }
    }

    @Test func `version 1 of OSS signs as Aliyun's SDKs do`() throws {
        let oracles = try Oracle.ask("oss1", count: Self.count, seed: Self.seed)
        #expect(oracles.count == Self.count)
        for oracle in oracles {
            let signer = OSSV1Signer(
                accessKeyID: oracle.accessKey,
                secretAccessKey: Secret(oracle.secret),
                sessionToken: oracle.token.map(Secret.init)
            )
            try Self.compare(signer, oracle, names: ["authorization", "date"])
        }
    }

    private static func compare(_ signer: any OSSSigner, _ oracle: Oracle, names: [String]) throws {
        let request = OSSRequest(
            method: oracle.method,
            bucket: oracle.bucket,
            key: oracle.key,
            query: oracle.query.map { ($0[0], $0[1]) },
            headers: oracle.headers.map { ($0[0], $0[1]) } + [("host", oracle.host)]
        )
        let moment = Timestamp(seconds: oracle.time)

        let headers = try signer.headers(for: request, at: moment)
        let query = try signer.query(for: request, at: moment, seconds: oracle.expires)

        for name in names + ["x-oss-security-token"] {
            let ours = headers.first { $0.name.lowercased() == name }?.value
            #expect(ours == oracle.header(name), "seed \(seed): \(oracle)")
        }
        try expectSame(query, oracle, seed)
        #expect(Array(try oracle.signedURL().path.utf8) == Array("/\(oracle.key)".utf8))
        let escaped = Escaping.escape("/\(oracle.key)", keepingSlashes: true)
        #expect(oracle.url.hasPrefix("https://\(oracle.host)\(escaped)?"))
    }

    @Test func `version 4 of S3 signs as Amazon's SDK does`() throws {
        let oracles = try Oracle.ask("s3v4", count: Self.count, seed: Self.seed)
        #expect(oracles.count == Self.count)
        for oracle in oracles {
            let signer = SigV4Signer(
                accessKeyID: oracle.accessKey,
                secretAccessKey: Secret(oracle.secret),
                sessionToken: oracle.token.map(Secret.init),
                region: oracle.region
            )
            let request = SigV4Request(
                method: oracle.method,
                path: "/\(oracle.key)",
                query: oracle.query.map { ($0[0], $0[1]) },
                headers: oracle.headers.map { ($0[0], $0[1]) } + [("host", oracle.host)]
            )
            let (moment, hash) = (Timestamp(seconds: oracle.time), try Digest.sha256Hex(""))

            let headers = try signer.headers(for: request, payloadHash: hash, at: moment)
            let query = try signer.query(for: request, at: moment, seconds: oracle.expires)

            for name in ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"] {
                let ours = headers.first { $0.name.lowercased() == name }?.value
                #expect(ours == oracle.header(name), "seed \(Self.seed): \(oracle)")
            }
            try Self.expectSame(query, oracle, Self.seed)
            #expect(Array(try oracle.signedURL().path.utf8) == Array("/\(oracle.key)".utf8))
        }
    }
}
