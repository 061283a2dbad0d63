// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayObjects

/// The same against every real server.
struct LiveS3Checks {
    let server: LiveServer
    let key: ObjectKey
    let picture = ObjectBody(contentType: "image/webp", buffers: [ByteBuffer(string: "picture")])

    init() throws {
        server = try #require(LiveServer.current)
        key = try #require(ObjectKey("2026/11/21/image_\(UInt64.random(in: .min ... .max))-0.webp"))
    }

    func conformance(_ check: ObjectStoreConformance.Check) async throws {
        let server = server
        try await ObjectStoreConformance(store: try server.store()) { try await server.follow($0) }.run(check)
    }

    func refusal(_ store: S3ObjectStore) async -> ObjectError? {
        await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.put(picture, at: key) }
    }

    func wrongKeys() async throws {
        let secret = await refusal(try server.store { $0.secretAccessKey = Secret("wrong") })
        let unknown = await refusal(try server.store { $0.accessKeyID = "nobody" })

        #expect(secret?.code == .denied && secret?.message.contains("storage.secret_access_key") == true)
        #expect(unknown?.code == .denied && unknown?.message.contains("storage.access_key_id") == true)
    }

    func missingBucket() async throws {
        let error = await refusal(try server.store { $0.bucket = "no-such-bucket" })

        #expect(error?.code == .noBucket)
    }

    func wrongClock(_ lead: Duration) async throws {
        let store = try server.store(time: ManualTime(SystemTime().now.advanced(by: lead)))

        try await store.put(picture, at: key)

        let link = try server.store().link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))
        #expect(try await server.follow(link)?.length == 7)
    }

    func prefix(_ prefix: String) async throws {
        let store = try server.store { $0.prefix = prefix }

        try await store.put(picture, at: key)

        let link = try store.link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))
        let bare = try server.store().link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))
        #expect(try await server.follow(link)?.length == 7)
        #expect(try await server.follow(bare) == nil)
    }

    func longLink() async throws {
        let store = try server.store()
        try await store.put(picture, at: key)

        let now = SystemTime().now
        let link = try store.link(to: key, signedAt: now.advanced(by: .seconds(-86_340)), lifetime: .seconds(86_400))
        let week = try store.link(to: key, signedAt: now, lifetime: .seconds(604_800))

        #expect(try await server.follow(link)?.length == 7)
        #expect(try await server.follow(week)?.length == 7)
    }

    /// The bucket in the host: put, link, fetch, another path, another bucket, delete.
    func virtualHost() async throws {
        let store = try server.store { $0.endpoint = "http://localhost:\(server.port)" }
        try await store.put(picture, at: key)
        let link = try store.link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))

        #expect(link.hasPrefix("http://pictures.localhost:"))
        #expect(try await server.follow(link)?.length == 7)
        #expect(try await server.follow(link.replacing("image_", with: "image-")) == nil)
        #expect(try await server.follow(link.replacing("//pictures.", with: "//others.")) == nil)
        #expect(try await server.follow(link.replacing("Expires=60", with: "Expires=61")) == nil)
        let stream = ObjectStream(contentType: "image/webp", length: 0, chunks: TransportChunks { nil })
        try await store.put(stream, at: key)
        #expect(try await server.follow(link)?.length == 0)
        try await store.delete(key)
        #expect(try await server.follow(link) == nil)
    }

    /// What a link says comes back as headers.
    func presentation() async throws {
        let store = try server.store {
            $0.presentation = LinkPresentation(disposition: .attachment, statesContentType: true)
        }
        try await store.put(ObjectBody(contentType: "application/x-other", buffers: picture.buffers), at: key)
        let link = try store.link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))

        let answer = try await server.transport.send(TransportRequest(.get, link))

        let name = try #require(key.description.split(separator: "/").last)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "image/webp")
        #expect(answer.headers[.contentDisposition] == "attachment; filename=\"\(name)\"")
    }

    /// Expired, and not yet alive.
    func linksHaveTheirTime() async throws {
        let store = try server.store()
        try await store.put(picture, at: key)
        let now = SystemTime().now
        let over = try store.link(to: key, signedAt: now.advanced(by: .seconds(-7200)), lifetime: .seconds(7100))

        let answer = try await server.transport.send(TransportRequest(.get, over))

        #expect([400, 403].contains(answer.status))
        #expect(store.explanation(of: answer, asked: now)?.code == .denied)
    }

    func linkIsForGetOnly() async throws {
        let store = try server.store()
        try await store.put(picture, at: key)
        let link = try store.link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))

        let head = try await server.transport.send(TransportRequest(.head, link))
        let deletion = try await server.transport.send(TransportRequest(.delete, link))

        #expect(head.status == 403 && deletion.status == 403)
        #expect(try await server.follow(link)?.length == 7)
    }
}

@Suite(WithLiveServer(kind: .seaweed)) struct LiveSeaweedTests {
    @Test(arguments: ObjectStoreConformance.Check.allCases)
    func `the S3 store keeps the contract`(check: ObjectStoreConformance.Check) async throws {
        try await LiveS3Checks().conformance(check)
    }

    @Test func `wrong keys are named`() async throws { try await LiveS3Checks().wrongKeys() }

    @Test(arguments: [Duration.seconds(7200), .seconds(-7200)])
    func `a clock two hours off is made up for`(lead: Duration) async throws {
        try await LiveS3Checks().wrongClock(lead)
    }

    @Test(arguments: ["images", "a b+c/ü&=?#/%41%2F/日本/"])
    func `a prefix is part of the name`(prefix: String) async throws { try await LiveS3Checks().prefix(prefix) }

    @Test func `a link lives its day and its week`() async throws { try await LiveS3Checks().longLink() }

    @Test func `a link is for GET only`() async throws { try await LiveS3Checks().linkIsForGetOnly() }

    @Test func `the bucket may stand in the host`() async throws { try await LiveS3Checks().virtualHost() }

    @Test func `a link says how its picture is shown`() async throws { try await LiveS3Checks().presentation() }

    @Test func `a link that is over is refused`() async throws { try await LiveS3Checks().linksHaveTheirTime() }

    @Test func `a bucket with a dot, the region auto and options are taken`() async throws {
        let checks = try LiveS3Checks()
        let store = try checks.server.store {
            $0.bucket = "my.pictures"
            $0.region = "auto"
            $0.options.storageClass = "STANDARD"
            $0.options.tags = ["app": "image-gateway", "a b": "x@y+z"]
        }

        try await store.put(checks.picture, at: checks.key)
        let link = try store.link(to: checks.key, signedAt: SystemTime().now, lifetime: .seconds(60))

        let answer = try await checks.server.transport.send(TransportRequest(.get, link))
        #expect(answer.status == 200 && answer.body.readableBytes == 7)
        #expect(HTTPField.Name("x-amz-tagging-count").flatMap { answer.headers[$0] } == "2")
    }

    @Test func `links may be for another host than uploads`() async throws {
        let checks = try LiveS3Checks()
        let store = try checks.server.store {
            $0.publicEndpoint = "http://localhost:\(checks.server.port)"
            $0.publicAddressing = .path
        }

        try await store.put(checks.picture, at: checks.key)
        let link = try store.link(to: checks.key, signedAt: SystemTime().now, lifetime: .seconds(60))

        #expect(link.hasPrefix("http://localhost:\(checks.server.port)/pictures/"))
        #expect(try await checks.server.follow(link)?.length == 7)
    }
}

@Suite(WithLiveServer(kind: .rclone)) struct LiveRcloneTests {
    @Test(arguments: ObjectStoreConformance.Check.allCases)
    func `the S3 store keeps the contract`(check: ObjectStoreConformance.Check) async throws {
        try await LiveS3Checks().conformance(check)
    }

    /// SeaweedFS makes a bucket that an administrator writes to, so this cannot be seen there.
    @Test func `a missing bucket is named`() async throws { try await LiveS3Checks().missingBucket() }

    @Test func `wrong keys are named`() async throws { try await LiveS3Checks().wrongKeys() }

    @Test(arguments: [Duration.seconds(7200), .seconds(-7200)])
    func `a clock two hours off is made up for`(lead: Duration) async throws {
        try await LiveS3Checks().wrongClock(lead)
    }

    @Test(arguments: ["images", "a b+c/ü&=?#/%41%2F/日本/"])
    func `a prefix is part of the name`(prefix: String) async throws { try await LiveS3Checks().prefix(prefix) }

    @Test func `a link lives its day and its week`() async throws { try await LiveS3Checks().longLink() }

    @Test func `a link is for GET only`() async throws { try await LiveS3Checks().linkIsForGetOnly() }

    @Test func `a link that is over is refused`() async throws { try await LiveS3Checks().linksHaveTheirTime() }
}

@Suite(WithLiveServer(kind: .rclone, isVirtual: true)) struct LiveVirtualRcloneTests {
    @Test func `the bucket stands in the host`() async throws { try await LiveS3Checks().virtualHost() }
}
