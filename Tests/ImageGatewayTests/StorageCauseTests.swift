// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import Logging
import NIOCore
import Testing

@testable import ImageGateway

/// Each cause that a bucket does not work has a sentence that names what to change, for both kinds of bucket, whether the
/// upload or only the link shows it.
@Suite struct StorageCauseTests {
    enum Kind: String, CaseIterable, Sendable {
        case s3, oss

        var place: String {
            switch self {
            case .s3: "endpoint: \"https://s3.us-east-1.amazonaws.com\""
            case .oss: "endpoint: \"https://oss-cn-hangzhou.aliyuncs.com\""
            }
        }
    }

    struct Cause: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let call: FakeBucket.Call
        var hasPublicEndpoint = false
        let words: [Kind: [String]]
        let answer: @Sendable (Kind) -> ReplayTransport.Answer

        init(
            _ description: String,
            _ call: FakeBucket.Call,
            publicEndpoint: Bool = false,
            s3: [String],
            oss: [String],
            _ answer: @escaping @Sendable (Kind) -> ReplayTransport.Answer
        ) {
            testDescription = description
            self.call = call
            hasPublicEndpoint = publicEndpoint
            words = [.s3: s3, .oss: oss]
            self.answer = answer
        }

        /// The same words for both.
        init(
            _ description: String,
            _ call: FakeBucket.Call,
            publicEndpoint: Bool = false,
            says words: String...,
            answer: @escaping @Sendable (Kind) -> ReplayTransport.Answer
        ) {
            self.init(description, call, publicEndpoint: publicEndpoint, s3: words, oss: words, answer)
        }
    }

    private static let reason = "<RequestId>R1</RequestId><EC>0002-00000226</EC>"

    static let uploads: [Cause] = [
        Cause(
            "region",
            .put,
            s3: ["in the region eu-west-1, not us-east-1", "set storage.region"],
            oss: ["not in the region cn-hangzhou", "set storage.region", "EC 0002-00000226, request R1"]
        ) { kind in
            kind == .s3
                ? FakeBucket.refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")
                : FakeBucket.refusal(400, "InvalidArgument", reason)
        },
        Cause("clock", .put, says: "this machine's clock is more than 15 minutes off") { _ in
            FakeBucket.refusal(403, "RequestTimeTooSkewed", ahead: .seconds(7200))
        },
        Cause("permission", .put, s3: ["s3:PutObject"], oss: ["oss:PutObject"]) { _ in
            FakeBucket.refusal(403, "AccessDenied")
        },
        Cause("bucket", .put, says: "There is no such bucket", "storage.bucket") { _ in
            FakeBucket.refusal(404, "NoSuchBucket")
        },
        Cause(
            "host of another region",
            .put,
            s3: ["storage.endpoint", "storage.region"],
            oss: ["answers at oss-cn-beijing.aliyuncs.com, not at this storage.endpoint"]
        ) { kind in
            kind == .s3
                ? FakeBucket.refusal(301, "PermanentRedirect")
                : FakeBucket.refusal(403, "AccessDenied", "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>")
        },
        Cause("host without a name", .put, says: "nameNotResolved", "storage.endpoint") { _ in
            FakeBucket.lost(.nameNotResolved)
        },
        Cause("host that is down", .put, says: "notConnected", "storage.endpoint") { _ in FakeBucket.lost(.notConnected)
        },
        Cause("certificate", .put, says: "(tls)", "storage.endpoint") { _ in FakeBucket.lost(.tls) },
    ]

    static let links: [Cause] = [
        Cause(
            "region",
            .link,
            publicEndpoint: true,
            s3: ["storage.public_endpoint leads to another region (eu-west-1)"],
            oss: ["not in the region cn-hangzhou"]
        ) { kind in
            kind == .s3
                ? FakeBucket.refusal(400, "AuthorizationQueryParametersError", "<Region>eu-west-1</Region>")
                : FakeBucket.refusal(400, "InvalidArgument", reason)
        },
        Cause("clock, far off", .link, says: "this machine's clock is more than 15 minutes off") { _ in
            FakeBucket.refusal(403, "AccessDenied", ahead: .seconds(-7200))
        },
        Cause("clock, behind by more than a link lives", .link, says: "clock is 90000 seconds behind", "NTP") { _ in
            FakeBucket.refusal(403, "AccessDenied", ahead: .seconds(90_000))
        },
        Cause("permission", .link, s3: ["the key needs s3:GetObject"], oss: ["the key needs oss:GetObject"]) { _ in
            FakeBucket.refusal(403, "AccessDenied")
        },
        Cause("bucket", .link, publicEndpoint: true, says: "storage.public_endpoint leads to another bucket") { _ in
            FakeBucket.refusal(404, "NoSuchBucket")
        },
        Cause("bucket without the picture", .link, publicEndpoint: true, says: "leads to another bucket") { _ in
            FakeBucket.refusal(404, "NoSuchKey")
        },
        Cause("bucket of nobody's", .link, publicEndpoint: true, says: "storage.public_endpoint leads to", "HTTP 404") {
            _ in FakeBucket.text(ByteBuffer(string: "no"), status: 404)
        },
        Cause(
            "host",
            .link,
            publicEndpoint: true,
            says: "a proxy at storage.public_endpoint changes host, path or query"
        ) { _ in FakeBucket.refusal(403, "SignatureDoesNotMatch") },
        Cause("host, without another for links", .link, says: "a proxy at storage.endpoint changes") { _ in
            FakeBucket.refusal(403, "SignatureDoesNotMatch")
        },
        Cause("host of another service", .link, publicEndpoint: true, says: "leads to another service") { _ in
            FakeBucket.refusal(403, "InvalidAccessKeyId")
        },
        Cause(
            "host that redirects",
            .link,
            publicEndpoint: true,
            says: "storage.public_endpoint sends callers elsewhere"
        ) {
            _ in FakeBucket.text(ByteBuffer(), status: 302)
        },
        Cause("host that wants a password", .link, publicEndpoint: true, says: "Something at storage.public_endpoint") {
            _ in FakeBucket.text(ByteBuffer(string: "<html>"), status: 401)
        },
        Cause("host that takes no bucket in the path", .link, publicEndpoint: true, says: "storage.public_addressing") {
            _ in FakeBucket.refusal(403, "SecondLevelDomainForbidden")
        },
        Cause("host without a name", .link, publicEndpoint: true, says: "storage.public_endpoint", "no address") { _ in
            FakeBucket.lost(.nameNotResolved)
        },
        Cause("host that is down", .link, says: "storage.endpoint", "nothing listens") { _ in
            FakeBucket.lost(.notConnected)
        },
        Cause("host with another content", .link, publicEndpoint: true, says: "answers at storage.public_endpoint") {
            _ in FakeBucket.text(ByteBuffer(string: "<html>"))
        },
    ]

    private static func check(_ kind: Kind, _ cause: Cause) async throws -> (GatewayCheck.Result, FakeBucket) {
        let bucket = FakeBucket { call, _ in
            // A host that cannot be reached is so for every call.
            call == cause.call ? cause.answer(kind) : nil
        }
        let more = cause.hasPublicEndpoint ? ", public_endpoint: \"https://img.example.com\"" : ""
        let configuration = try SampleFile.read(
            "storage: { kind: \(kind.rawValue), \(kind.place), bucket: pictures, access_key_id: AKID, "
                + "secret_access_key: SECRET\(more) }"
        )
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let transport = ReplayTransport { bucket.answer($0) }
        let check = try GatewayCheck(configuration, transport: transport, time: HurriedTime(), logger: logger)
        return (await check.checkStorage(), bucket)
    }

    @Test(arguments: Kind.allCases, uploads + links)
    func `a cause has one sentence, and nothing is left behind`(kind: Kind, cause: Cause) async throws {
        let (result, bucket) = try await Self.check(kind, cause)

        let mistake = try #require(result.mistake)
        for word in cause.words[kind] ?? [] { #expect(mistake.contains(word), "\(mistake)") }
        #expect(mistake.hasSuffix(".") && !mistake.contains("CANARY") && !mistake.contains("SECRET"))
        #expect(mistake.hasPrefix("The link does not work: ") || cause.call == .put || mistake.contains("link"))
        #expect(bucket.isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `a bucket that works says no more than that`(kind: Kind) async throws {
        let nothing = Cause("nothing", .bare, says: "") { _ in FakeBucket.refusal(403, "AccessDenied") }

        let (result, bucket) = try await Self.check(kind, nothing)

        #expect(result.mistake == nil)
        #expect(result.detail == "wrote, signed, fetched and deleted a test object")
        #expect(bucket.calls == ["PUT", "GET with a link", "GET", "DELETE"] && bucket.isEmpty)
    }
}
