// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// Who signs, and how: everything must work in each way.
enum OSSWay: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case v4, v4Temporary, v4Host, v1, v1Temporary

    var testDescription: String { rawValue }

    func apply(_ settings: inout OSSSettings) {
        settings.signature = self == .v1 || self == .v1Temporary ? .v1 : .v4
        settings.signsHost = self == .v4Host
        guard self == .v4Temporary || self == .v1Temporary else { return }
        settings.accessKeyID = FakeOSS.temporaryKeyID
        settings.secretAccessKey = Secret(FakeOSS.temporarySecret)
        settings.sessionToken = Secret(FakeOSS.token)
        settings.linkLifetime = .seconds(3600)
    }
}

@Suite(WithFakeOSS()) struct LiveOSSTests {
    let server: FakeOSS
    let key: ObjectKey
    let picture = ObjectBody(contentType: "image/webp", buffers: [ByteBuffer(string: "picture")])

    init() throws {
        server = try #require(FakeOSS.current)
        key = try #require(ObjectKey("2026/11/21/image_\(UInt64.random(in: .min ... .max))-0.webp"))
    }

    private func refusal(_ store: OSSObjectStore) async -> ObjectError? {
        await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.put(picture, at: key) }
    }

    private func link(_ store: OSSObjectStore, lifetime: Duration = .seconds(60)) throws -> String {
        try store.link(to: key, signedAt: SystemTime().now, lifetime: lifetime)
    }

    @Test(arguments: OSSWay.allCases, ObjectStoreConformance.Check.allCases)
    func `the OSS store keeps the contract`(way: OSSWay, check: ObjectStoreConformance.Check) async throws {
        let store = try server.store { way.apply(&$0) }

        try await ObjectStoreConformance(store: store) { [server] in try await server.follow($0) }.run(check)
    }

    @Test(arguments: OSSWay.allCases, ["images", "a b+c/ü&=?#/%41%2F/日本/e\u{301}🦊"])
    func `a prefix is part of the name`(way: OSSWay, prefix: String) async throws {
        let bare = try server.store { way.apply(&$0) }
        let store = try server.store {
            way.apply(&$0)
            $0.prefix = prefix
        }

        try await store.put(picture, at: key)

        #expect(try await server.follow(try link(store))?.length == 7)
        #expect(try await server.follow(try link(bare)) == nil)
        #expect(try await store.get(key, atMost: 7) == ByteBuffer(string: "picture"))
        try await store.delete(key)
        #expect(try await server.follow(try link(store)) == nil)
    }

    @Test(arguments: OSSWay.allCases)
    func `a link is for GET and for its own host only`(way: OSSWay) async throws {
        let store = try server.store { way.apply(&$0) }
        try await store.put(picture, at: key)
        let link = try link(store)

        let head = try await server.transport.send(TransportRequest(.head, link))
        let deletion = try await server.transport.send(TransportRequest(.delete, link))
        let inside = link.replacing("oss-cn-hangzhou.", with: "oss-cn-hangzhou-internal.")
        let elsewhere = link.replacing("//pictures.", with: "//newer.")

        #expect(head.status == 403 && deletion.status == 403)
        #expect(try await server.follow(elsewhere) == nil)
        // Another name of the same bucket does, unless the host is signed.
        #expect(try await server.follow(inside)?.length == (way == .v4Host ? nil : 7))
        #expect(try await server.follow(link)?.length == 7)
    }

    @Test(arguments: OSSWay.allCases)
    func `a link says how its picture is shown, and nobody can say otherwise`(way: OSSWay) async throws {
        let store = try server.store {
            way.apply(&$0)
            $0.presentation = LinkPresentation(disposition: .attachment, statesContentType: true)
        }
        try await store.put(ObjectBody(contentType: "application/x-other", buffers: picture.buffers), at: key)
        let link = try link(store)

        let answer = try await server.transport.send(TransportRequest(.get, link))

        let name = try #require(key.description.split(separator: "/").last)
        #expect(answer.status == 200 && answer.body == ByteBuffer(string: "picture"))
        #expect(answer.headers[.contentType] == "image/webp")
        #expect(answer.headers[.contentDisposition] == "attachment; filename=\"\(name)\"")
        let changed = [
            link.replacing("image%2Fwebp", with: "text%2Fhtml"), link.replacing("=attachment", with: "=inline"),
            link.replacing("response-content-type=image%2Fwebp", with: "response-content-language=en"),
            "\(link)&response-cache-control=no-store",
        ]
        for other in changed {
            #expect(other != link)
            #expect(try await server.follow(other) == nil, "\(other)")
        }
    }

    @Test func `what Aliyun's SDK sums is what the gateway sums`() async throws {
        let store = try server.store()
        // Of every length around the steps of eight bytes, and larger than one read of the server's.
        for length in [1, 7, 8, 9, 15, 16, 17, 300_001] {
            let bytes = ByteBuffer(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 131 ^ $0 >> 7) })
            try await store.put(ObjectBody(contentType: "image/png", buffers: [bytes]), at: key)

            let answer = try await server.transport.send(TransportRequest(.get, try link(store)))

            #expect(CRC64.told(by: answer) == CRC64.sum(of: [bytes]), "\(length)")
        }
    }

    @Test(arguments: [OSSWay.v4, .v1])
    func `a link lives its day and its week`(way: OSSWay) async throws {
        let store = try server.store { way.apply(&$0) }
        try await store.put(picture, at: key)

        let now = SystemTime().now
        let day = try store.link(to: key, signedAt: now.advanced(by: .seconds(-86_340)), lifetime: .seconds(86_400))
        let over = try store.link(to: key, signedAt: now.advanced(by: .seconds(-86_401)), lifetime: .seconds(86_400))

        #expect(try await server.follow(day)?.length == 7)
        #expect(try await server.follow(over) == nil)
        #expect(try await server.follow(try link(store, lifetime: .seconds(604_800)))?.length == 7)
    }

    @Test func `a link of version 4 does not work long before its time, and not with a media type`() async throws {
        let store = try server.store()
        try await store.put(picture, at: key)
        let later = SystemTime().now.advanced(by: .seconds(1000))
        let early = try store.link(to: key, signedAt: later, lifetime: .seconds(60))
        var request = TransportRequest(.get, try link(store))
        request.headers[.contentType] = "image/webp"

        #expect(try await server.follow(early) == nil)
        #expect(try await server.transport.send(request).status == 403)
    }

    @Test func `uploads go inside, links lead to the bucket's own domain`() async throws {
        for way in OSSWay.allCases {
            let store = try server.store {
                way.apply(&$0)
                $0.endpoint = "http://oss-cn-hangzhou-internal.localhost:\(server.port)"
                $0.publicEndpoint = "http://pictures.example.localhost:\(server.port)"
            }

            try await store.put(picture, at: key)
            let link = try link(store)

            #expect(link.hasPrefix("http://pictures.example.localhost:\(server.port)/2026/"))
            #expect(try await server.follow(link)?.length == 7)
        }
    }

    @Test func `uploads may go to the bucket's own domain too`() async throws {
        let store = try server.store {
            $0.endpoint = "http://pictures.example.localhost:\(server.port)"
            $0.region = "cn-hangzhou"
        }

        try await store.put(picture, at: key)

        #expect(try await server.follow(try link(store))?.length == 7)
    }

    @Test(arguments: [OSSWay.v4, .v1], [Duration.seconds(7200), .seconds(-7200)])
    func `a clock two hours off is made up for`(way: OSSWay, lead: Duration) async throws {
        let store = try server.store(time: ManualTime(SystemTime().now.advanced(by: lead))) { way.apply(&$0) }

        try await store.put(picture, at: key)

        #expect(try await server.follow(try link(try server.store()))?.length == 7)
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let code: ObjectError.Code
        let word: String
        let change: @Sendable (inout OSSSettings) -> Void

        var testDescription: String { word }

        init(_ code: ObjectError.Code, _ word: String, _ change: @escaping @Sendable (inout OSSSettings) -> Void) {
            self.code = code
            self.word = word
            self.change = change
        }
    }

    static let mistakes: [Mistake] = [
        Mistake(.denied, "storage.secret_access_key does not belong") { $0.secretAccessKey = Secret("wrong") },
        Mistake(.denied, "does not know this storage.access_key_id") { $0.accessKeyID = "nobody" },
        Mistake(.denied, "set storage.region") { $0.region = "cn-beijing" },
        Mistake(.denied, "answers at oss-cn-beijing.aliyuncs.com") { $0.bucket = "elsewhere" },
        Mistake(.denied, "in arrears") { $0.bucket = "arrears" },
        Mistake(.denied, "oss:PutObject") { $0.bucket = "forbidden" },
        Mistake(.denied, "custom domain") { $0.bucket = "domain-only" },
        Mistake(.noBucket, "storage.bucket") { $0.bucket = "no-such-bucket" },
        Mistake(.misconfigured, "in front of the host only") { $0.addressing = .domain },
        Mistake(.denied, "storage.session_token") {
            OSSWay.v4Temporary.apply(&$0)
            $0.sessionToken = Secret("another")
        },
        Mistake(.denied, "storage.signature to v4") {
            $0.bucket = "newer"
            $0.signature = .v1
        },
    ]

    @Test(arguments: mistakes)
    func `what is set wrongly is one sentence`(mistake: Mistake) async throws {
        let error = await refusal(try server.store(mistake.change))

        #expect(error?.code == mistake.code && error?.isTemporary == false)
        #expect(error?.message.contains(mistake.word) == true)
        #expect(error?.message.contains("request 65F1A2B3C4D5E6F708091011") == true)
    }

    @Test func `a stream that breaks off leaves what was there`() async throws {
        let store = try server.store()
        try await store.put(picture, at: key)
        let left = Mutex([ByteBuffer(repeating: 1, count: 100_000)])
        let chunks = TransportChunks {
            guard let piece = left.withLock({ $0.popLast() }) else { throw CancellationError() }
            return piece
        }

        let stream = ObjectStream(contentType: "image/png", length: 300_000, chunks: chunks)
        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.put(stream, at: key) }

        #expect(error?.code == .incomplete && error?.cause is CancellationError)
        #expect(try await server.follow(try link(store))?.length == 7)
    }
}
