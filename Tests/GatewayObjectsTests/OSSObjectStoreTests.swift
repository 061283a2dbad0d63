// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

@Suite struct OSSObjectStoreTests {
    static let key = S3ObjectStoreTests.key
    static let moment = Timestamp(seconds: 1_702_743_657)
    static let picture = ObjectBody(
        contentType: "image/png",
        buffers: [ByteBuffer(string: "pic"), ByteBuffer(string: "ture")]
    )

    static func store(
        _ transport: FakeTransport,
        _ time: any TimeSource = ManualTime(moment),
        _ change: (inout OSSSettings) -> Void = { _ in }
    ) throws -> OSSObjectStore {
        try OSSObjectStore(OSSSettings.example().with(change), transport: transport, time: time)
    }

    private static func link(_ change: (inout OSSSettings) -> Void = { _ in }) throws -> String {
        try store(FakeTransport(.fine), ManualTime(moment), change)
            .link(to: try #require(ObjectKey("a.png")), signedAt: moment, lifetime: .seconds(3600))
    }

    @Test func `a picture goes up in one PUT signed by version 4`() async throws {
        let transport = FakeTransport(.fine)

        try await Self.store(transport).put(Self.picture, at: try #require(Self.key))

        let request = try #require(transport.requests.first)
        #expect(transport.requests.count == 1)
        #expect(request.method == .put && request.isRepeatable && request.body.length == 7)
        #expect(request.url == "https://pictures.oss-cn-hangzhou.aliyuncs.com/2026/11/21/image_1-0.png")
        #expect(request.header("content-type") == "image/png")
        #expect(request.header("content-md5") == Digest.base64(try Digest.hash(.md5, Self.picture.buffers)))
        #expect(request.header("x-oss-date") == "20231216T162057Z")
        #expect(request.header("x-oss-content-sha256") == "UNSIGNED-PAYLOAD")
        let scope = "OSS4-HMAC-SHA256 Credential=LTAI/20231216/cn-hangzhou/oss/aliyun_v4_request,Signature="
        #expect(request.header("authorization")?.hasPrefix(scope) == true)
        #expect(request.header("host") == nil && request.header("content-length") == nil)
    }

    @Test func `a picture goes up signed by version 1 where that is set`() async throws {
        let transport = FakeTransport(.fine)
        let store = try Self.store(transport) {
            $0.signature = .v1
            $0.sessionToken = Secret("TOKEN")
            $0.linkLifetime = .seconds(60)
        }

        try await store.put(Self.picture, at: try #require(Self.key))

        let request = try #require(transport.requests.first)
        #expect(request.header("date") == "Sat, 16 Dec 2023 16:20:57 GMT")
        #expect(request.header("authorization")?.hasPrefix("OSS LTAI:") == true)
        #expect(request.header("x-oss-security-token") == "TOKEN")
        #expect(request.header("x-oss-date") == nil && request.header("x-oss-content-sha256") == nil)
    }

    @Test func `a stream goes up in one PUT of its length, and never by itself again`() async throws {
        let transport = FakeTransport(.refusedByOSS(503, "ServerBusy"))
        let left = Mutex([ByteBuffer(string: "picture")])
        let chunks = TransportChunks { left.withLock { $0.popLast() } }
        let stream = ObjectStream(contentType: "image/webp", length: 7, chunks: chunks)
        let store = try Self.store(transport)
        let key = try #require(Self.key)

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.put(stream, at: key) }

        let request = try #require(transport.requests.first)
        #expect(transport.requests.count == 1)
        #expect(error?.code == .unavailable && error?.isTemporary == true)
        #expect(request.body.length == 7 && !request.isRepeatable)
        #expect(request.header("content-type") == "image/webp" && request.header("content-md5") == nil)
    }

    @Test(arguments: OSSSettings.Signature.allCases)
    func `what may pass is tried again, signed anew`(signature: OSSSettings.Signature) async throws {
        let time = ManualTime(Self.moment)
        let transport = FakeTransport(.lost, .refusedByOSS(503, "QpsLimitExceeded"), .fine)
        let store = try Self.store(transport, time) { $0.signature = signature }
        let key = try #require(Self.key)

        async let outcome = S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await store.put(Self.picture, at: key)
        }
        for _ in 1...2 {
            await time.untilSleeping()
            time.advance(by: .seconds(3))
        }

        #expect(await outcome == nil)
        #expect(Set(transport.requests.map { $0.header("authorization") }).count == 3)
        #expect(transport.requests.allSatisfy { $0.body.length == 7 })
    }

    @Test(arguments: OSSSettings.Signature.allCases, [7200, -7200] as [Int64])
    func `a wrong clock is noticed and made up for`(signature: OSSSettings.Signature, lead: Int64) async throws {
        let theirs = Self.moment.advanced(by: .seconds(lead))
        let transport = FakeTransport(.refusedByOSS(403, "RequestTimeTooSkewed", date: theirs), .fine)
        let store = try Self.store(transport) { $0.signature = signature }
        let key = try #require(Self.key)

        try await store.put(Self.picture, at: key)
        try await store.delete(key)

        let name = signature == .v4 ? "x-oss-date" : "date"
        let expected = [Self.moment, theirs, theirs].map { signature == .v4 ? CivilDate($0).basic : CivilDate($0).http }
        #expect(transport.requests.map { $0.header(name) } == expected)
    }

    @Test func `a clock is followed once, then the operator hears of it`() async throws {
        let theirs = Self.moment.advanced(by: .seconds(7200))
        let transport = FakeTransport(.refusedByOSS(403, "RequestTimeTooSkewed", date: theirs))
        let store = try Self.store(transport)
        let key = try #require(Self.key)

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.delete(key) }

        #expect(transport.requests.count == 2)
        #expect(error?.code == .denied && error?.message.contains("clock") == true)
    }

    @Test(arguments: [
        FakeTransport.Answer.refusedByOSS(404, "NoSuchKey"), .success(TransportResponse(status: 404)),
        .failure(TransportError(.tooLarge, mayHaveArrived: true, "no")),
        .success(TransportResponse(status: 200, body: ByteBuffer(string: "pictures"))),
    ])
    func `what is missing or too large is not found, at the first try`(answer: FakeTransport.Answer) async throws {
        let transport = FakeTransport(answer)
        let store = try Self.store(transport)
        let key = try #require(Self.key)

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            _ = try await store.get(key, atMost: 7)
        }

        #expect(error?.code == .notFound && error?.isTemporary == false)
        #expect(transport.requests.count == 1)
    }

    @Test func `a link of version 4 has all its parts`() throws {
        let (base, query) = try #require(Self.split(try Self.link { $0.prefix = "für alle" }))
        let pairs = try parsedQuery(query)

        #expect(base == "https://pictures.oss-cn-hangzhou.aliyuncs.com/f%C3%BCr%20alle/a.png")
        #expect(
            Array(pairs.dropLast()) == [
                ["x-oss-credential", "LTAI/20231216/cn-hangzhou/oss/aliyun_v4_request"],
                ["x-oss-date", "20231216T162057Z"], ["x-oss-expires", "3600"],
                ["x-oss-signature-version", "OSS4-HMAC-SHA256"],
            ]
        )
        #expect(pairs.last?[0] == "x-oss-signature")
    }

    private static func split(_ link: String) -> (base: String, query: String)? {
        let parts = link.split(separator: "?", maxSplits: 1)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    @Test func `a link of version 1 has its end in it`() throws {
        let query = try #require(Self.split(try Self.link { $0.signature = .v1 })).query

        #expect(try parsedQuery(query).map { $0[0] } == ["OSSAccessKeyId", "Expires", "Signature"])
        #expect(query.contains("&Expires=1702747257&"))
    }

    @Test func `the same signature serves every host, unless the host is signed`() throws {
        let custom: (inout OSSSettings) -> Void = { $0.publicEndpoint = "https://img.example.com" }
        let (plain, other) = (try Self.link(), try Self.link(custom))
        let signed = try Self.link { $0.signsHost = true }
        let signedOther = try Self.link {
            custom(&$0)
            $0.signsHost = true
        }

        #expect(other.hasPrefix("https://img.example.com/a.png?"))
        #expect(plain.suffix(64) == other.suffix(64))
        #expect(signed.contains("x-oss-additional-headers=host&") && signed.suffix(64) != signedOther.suffix(64))
    }

    @Test func `uploads go to the one host, links lead to the other`() async throws {
        let transport = FakeTransport(.fine)
        let store = try Self.store(transport) {
            $0.endpoint = "https://oss-cn-hangzhou-internal.aliyuncs.com"
            $0.publicEndpoint = "https://oss-accelerate.aliyuncs.com"
        }
        let key = try #require(Self.key)

        try await store.delete(key)

        #expect(
            transport.requests.first?.url
                == "https://pictures.oss-cn-hangzhou-internal.aliyuncs.com/2026/11/21/image_1-0.png"
        )
        let link = try store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60))
        #expect(link.hasPrefix("https://pictures.oss-accelerate.aliyuncs.com/2026/"))
    }

    @Test(arguments: OSSSettings.Signature.allCases)
    func `a link is whole seconds, so that two reads in one second are the same`(signature: OSSSettings.Signature)
        throws
    {
        let store = try Self.store(FakeTransport(.fine)) { $0.signature = signature }
        let key = try #require(Self.key)
        let links = try ([0, 999, 1000] as [Int64]).map { late in
            let moment = Timestamp(milliseconds: Self.moment.milliseconds + late)
            return try store.link(to: key, signedAt: moment, lifetime: .seconds(60))
        }

        #expect(links[0] == links[1] && links[1] != links[2])
    }

    @Test(arguments: OSSSettings.Signature.allCases)
    func `a session token is in the link, escaped and signed`(signature: OSSSettings.Signature) throws {
        let links = try ["abc/+==", "abc/+==x"].map { token in
            try Self.link {
                $0.signature = signature
                $0.sessionToken = Secret(token)
                $0.linkLifetime = .seconds(3600)
            }
        }

        #expect(links[0].contains("security-token=abc%2F%2B%3D%3D&"))
        #expect(links[0].suffix(20) != links[1].suffix(20))
    }

    @Test(arguments: [Duration.zero, .milliseconds(999), .seconds(-5), .seconds(604_801)])
    func `a life outside of one second to seven days is refused`(lifetime: Duration) throws {
        let store = try Self.store(FakeTransport(.fine))
        let key = try #require(Self.key)

        let error = #expect(throws: ObjectError.self) {
            try store.link(to: key, signedAt: Self.moment, lifetime: lifetime)
        }

        #expect(error?.code == .misconfigured)
    }

    @Test func `a task of the time before temporary credentials keeps its link`() throws {
        let store = try Self.store(FakeTransport(.fine)) {
            $0.sessionToken = Secret("TOKEN")
            $0.linkLifetime = .seconds(3600)
        }
        let key = try #require(Self.key)

        let link = try store.link(to: key, signedAt: Self.moment, lifetime: .seconds(86_400))

        #expect(link.contains("x-oss-expires=86400&x-oss-security-token=TOKEN&"))
    }
}
