// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct S3ObjectStoreTests {
    static let key = ObjectKey("2026/11/21/image_1-0.png")

    static let picture = ObjectBody(
        contentType: "image/png",
        buffers: [ByteBuffer(string: "Welcome to "), ByteBuffer(string: "Amazon S3.")]
    )

    static func store(_ transport: FakeTransport, _ time: any TimeSource, token: String? = nil) throws -> S3ObjectStore
    {
        let settings = S3Settings.example().with {
            $0.sessionToken = token.map(Secret.init)
            $0.linkLifetime = .seconds(3600)
        }
        return try S3ObjectStore(settings, transport: transport, time: time)
    }

    /// Runs a call on a clock that moves on whenever the call sleeps.
    static func put(_ store: S3ObjectStore, _ time: ManualTime, pauses: Int) async throws -> ObjectError? {
        let key = try #require(key)
        async let outcome = failure { () throws(ObjectError) in try await store.put(picture, at: key) }
        for _ in 0..<pauses {
            await time.untilSleeping()
            time.advance(by: .seconds(3))
        }
        return await outcome
    }

    static func failure(_ body: () async throws(ObjectError) -> Void) async -> ObjectError? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    @Test func `a picture goes up in one signed PUT`() async throws {
        let transport = FakeTransport(.fine)
        let store = try Self.store(transport, ManualTime(Timestamp(seconds: 1_369_353_600)))

        try await store.put(Self.picture, at: try #require(Self.key))

        let request = try #require(transport.requests.first)
        #expect(transport.requests.count == 1)
        #expect(request.method == .put)
        #expect(request.url == "https://pictures.s3.us-east-1.amazonaws.com/2026/11/21/image_1-0.png")
        #expect(request.isRepeatable)
        #expect(request.body.length == 21)
        #expect(request.header("content-type") == "image/png")
        #expect(request.header("content-md5") == nil)
        #expect(
            request.header("x-amz-content-sha256") == "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
        )
        #expect(request.header("x-amz-date") == "20130524T000000Z")
        let signed = "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,"
        #expect(request.header("authorization")?.contains(signed) == true)
        #expect(request.header("host") == nil && request.header("content-length") == nil)
    }

    @Test func `an MD5 is sent, and signed, where that is wished`() async throws {
        let transport = FakeTransport(.fine)
        let settings = S3Settings.example().with { $0.options.sendsMD5 = true }
        let store = try S3ObjectStore(settings, transport: transport, time: ManualTime())

        try await store.put(Self.picture, at: try #require(Self.key))

        let request = try #require(transport.requests.first)
        #expect(request.header("content-md5") == Digest.base64(try Digest.hash(.md5, Self.picture.buffers)))
        #expect(request.header("authorization")?.contains("SignedHeaders=content-md5;content-type;host") == true)
    }

    @Test func `a large picture has the time it needs`() async throws {
        let transport = FakeTransport(.fine)
        let store = try Self.store(transport, ManualTime())
        let large = ObjectBody(contentType: "image/png", buffers: [ByteBuffer(repeating: 0, count: 32 << 20)])

        try await store.put(large, at: try #require(Self.key))

        let limits = try #require(transport.requests.first).limits
        #expect(limits.total >= .seconds(180))
        #expect(limits.firstByte == limits.total)
    }

    @Test func `a deletion is signed for an empty body`() async throws {
        let transport = FakeTransport(.success(TransportResponse(status: 204)))
        let store = try Self.store(transport, ManualTime())

        try await store.delete(try #require(Self.key))

        let request = try #require(transport.requests.first)
        #expect(request.method == .delete && request.body.length == 0 && request.isRepeatable)
        #expect(
            request.header("x-amz-content-sha256") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
    }

    @Test func `a session token is sent and signed`() async throws {
        let transport = FakeTransport(.fine)
        let store = try Self.store(transport, ManualTime(), token: "TOKEN")

        try await store.delete(try #require(Self.key))

        let request = try #require(transport.requests.first)
        #expect(request.header("x-amz-security-token") == "TOKEN")
        #expect(request.header("authorization")?.contains(";x-amz-security-token,") == true)
    }

    @Test func `deleting what is not there is no error, a missing bucket is one`() async throws {
        let key = try #require(Self.key)
        let gone = try Self.store(FakeTransport(.refused(404, "NoSuchKey")), ManualTime())
        let elsewhere = try Self.store(FakeTransport(.refused(404, "NoSuchBucket")), ManualTime())

        try await gone.delete(key)
        let error = await Self.failure { () throws(ObjectError) in try await elsewhere.delete(key) }

        #expect(error?.code == .noBucket)
    }

    static let passing: [FakeTransport.Answer] = [
        .lost, .refused(500, "InternalError"), .refused(503, "SlowDown"), .refused(400, "RequestTimeout"),
        .refused(400, "BadDigest"), .success(TransportResponse(status: 502)), .success(TransportResponse(status: 504)),
        .success(TransportResponse(status: 429)),
        .failure(TransportError(.notConnected, mayHaveArrived: false, "no connection")),
    ]

    @Test(arguments: passing.indices)
    func `what may pass is tried again, signed anew`(index: Int) async throws {
        let time = ManualTime(Timestamp(seconds: 1_369_353_600))
        let transport = FakeTransport(Self.passing[index], Self.passing[index], .fine)
        let store = try Self.store(transport, time)

        let error = try await Self.put(store, time, pauses: 2)

        #expect(error == nil)
        #expect(
            transport.requests.map { $0.header("x-amz-date") }
                == ["20130524T000000Z", "20130524T000003Z", "20130524T000006Z"]
        )
        #expect(Set(transport.requests.map { $0.header("authorization") }).count == 3)
        #expect(transport.requests.allSatisfy { $0.body.length == 21 })
    }

    @Test func `tries end`() async throws {
        let time = ManualTime()
        let transport = FakeTransport(.refused(503, "SlowDown"))
        let store = try Self.store(transport, time)

        let error = try await Self.put(store, time, pauses: 3)

        #expect(transport.requests.count == 4)
        #expect(error?.code == .unavailable)
        #expect(error?.isTemporary == true)
    }

    @Test func `a call that is cancelled while it waits ends at once`() async throws {
        let time = ManualTime()
        let transport = FakeTransport(.lost)
        let store = try Self.store(transport, time)
        let key = try #require(Self.key)

        let call = Task { await Self.failure { () throws(ObjectError) in try await store.delete(key) } }
        await time.untilSleeping()
        call.cancel()

        #expect(await call.value?.code == .unavailable)
        #expect(transport.requests.count == 1)
    }

    @Test(arguments: [TransportError.Code.cancelled, .closed, .invalidURL])
    func `what cannot pass is not tried again`(code: TransportError.Code) async throws {
        let transport = FakeTransport(.failure(TransportError(code, mayHaveArrived: false, "no")))
        let store = try Self.store(transport, ManualTime())
        let key = try #require(Self.key)

        let error = await Self.failure { () throws(ObjectError) in try await store.delete(key) }

        #expect(error != nil)
        #expect(transport.requests.count == 1)
    }

    @Test(arguments: ["RequestTimeTooSkewed", "AccessDenied"], [7200, -7200] as [Int64])
    func `a wrong clock is noticed and made up for`(code: String, lead: Int64) async throws {
        let time = ManualTime()
        let theirs = time.now.advanced(by: .seconds(lead))
        let transport = FakeTransport(.refused(403, code, date: theirs), .fine)
        let store = try Self.store(transport, time)
        let key = try #require(Self.key)

        try await store.put(Self.picture, at: key)
        try await store.delete(key)

        let expected = [time.now, theirs, theirs].map { CivilDate($0).basic }
        #expect(transport.requests.map { $0.header("x-amz-date") } == expected)
    }

    @Test func `a clock is followed once, then the operator hears of it`() async throws {
        let time = ManualTime()
        let transport = FakeTransport(
            .refused(403, "RequestTimeTooSkewed", date: time.now.advanced(by: .seconds(7200)))
        )
        let store = try Self.store(transport, time)
        let key = try #require(Self.key)

        let error = await Self.failure { () throws(ObjectError) in try await store.delete(key) }

        #expect(transport.requests.count == 2)
        #expect(error?.code == .denied && error?.message.contains("clock") == true)
    }

    @Test func `an answer without a date gives no clock to follow`() async throws {
        let transport = FakeTransport(.refused(403, "RequestTimeTooSkewed"))
        let store = try Self.store(transport, ManualTime())
        let key = try #require(Self.key)

        let error = await Self.failure { () throws(ObjectError) in try await store.delete(key) }

        #expect(transport.requests.count == 1)
        #expect(error?.code == .denied)
    }

    @Test func `access denied by a clock that agrees is about access`() async throws {
        let time = ManualTime()
        let transport = FakeTransport(.refused(403, "AccessDenied", date: time.now.advanced(by: .seconds(60))))
        let store = try Self.store(transport, time)
        let key = try #require(Self.key)

        let error = await Self.failure { () throws(ObjectError) in try await store.delete(key) }

        #expect(transport.requests.count == 1)
        #expect(error?.message.contains("s3:DeleteObject") == true)
    }
}
