// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

@Suite struct S3StreamTests {
    private static func stream() -> ObjectStream {
        let left = Mutex([ByteBuffer(string: "picture")])
        let chunks = TransportChunks { left.withLock { $0.popLast() } }
        return ObjectStream(contentType: "image/webp", length: 7, chunks: chunks)
    }

    private static func failure(_ store: S3ObjectStore) async throws -> ObjectError? {
        let key = try #require(S3ObjectStoreTests.key)
        return await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.put(stream(), at: key) }
    }

    @Test func `a stream goes up in one PUT of its length, signed without its bytes, and never by itself again`()
        async throws
    {
        let transport = FakeTransport(.fine)
        let store = try S3ObjectStoreTests.store(transport, ManualTime())

        #expect(try await Self.failure(store) == nil)

        let request = try #require(transport.requests.first)
        #expect(request.method == .put && request.body.length == 7 && !request.isRepeatable)
        #expect(request.header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD")
        #expect(request.header("content-type") == "image/webp" && request.header("content-md5") == nil)
    }

    @Test(arguments: [
        (FakeTransport.Answer.refused(503, "SlowDown"), ObjectError.Code.unavailable, true),
        (.lost, .unavailable, true),
        (.refused(403, "AccessDenied"), .denied, false), (.refused(404, "NoSuchBucket"), .noBucket, false),
        (.failure(TransportError(.bodyFailed, mayHaveArrived: false, "no")), .incomplete, true),
    ])
    func `what goes wrong is told at once`(answer: FakeTransport.Answer, code: ObjectError.Code, isTemporary: Bool)
        async throws
    {
        let transport = FakeTransport(answer)
        let error = try await Self.failure(try S3ObjectStoreTests.store(transport, ManualTime()))

        #expect(error?.code == code && error?.isTemporary == isTemporary)
        #expect(transport.requests.count == 1)
    }

    @Test func `another clock is learned for the next call`() async throws {
        let time = ManualTime(Timestamp(seconds: 1_369_353_600))
        let theirs = time.now.advanced(by: .seconds(7200))
        let transport = FakeTransport(.refused(403, "RequestTimeTooSkewed", date: theirs), .fine)
        let store = try S3ObjectStoreTests.store(transport, time)

        let first = try await Self.failure(store)
        let second = try await Self.failure(store)

        #expect(first?.code == .denied && first?.isTemporary == true)
        #expect(second == nil)
        #expect(transport.requests.last?.header("x-amz-date") == "20130524T020000Z")
    }

    @Test func `an object is read by a signed GET that is repeated like any other`() async throws {
        let time = ManualTime()
        let body = TransportResponse(status: 200, body: ByteBuffer(string: "picture"))
        let transport = FakeTransport(.refused(503, "SlowDown"), .success(body))
        let store = try S3ObjectStoreTests.store(transport, time)
        let key = try #require(S3ObjectStoreTests.key)

        async let found = store.get(key, atMost: 7)
        await time.untilSleeping()
        time.advance(by: .seconds(1))

        #expect(try await found == ByteBuffer(string: "picture"))
        #expect(transport.requests.map(\.method) == [.get, .get])
        #expect(transport.requests.allSatisfy { $0.isRepeatable && $0.header("authorization") != nil })
    }

    @Test(arguments: [
        FakeTransport.Answer.refused(404, "NoSuchKey"), .success(TransportResponse(status: 404)),
        .failure(TransportError(.tooLarge, mayHaveArrived: true, "no")),
        .success(TransportResponse(status: 200, body: ByteBuffer(string: "pictures"))),
    ])
    func `what is missing or too large is not found, at the first try`(answer: FakeTransport.Answer) async throws {
        let transport = FakeTransport(answer)
        let store = try S3ObjectStoreTests.store(transport, ManualTime())
        let key = try #require(S3ObjectStoreTests.key)

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            _ = try await store.get(key, atMost: 7)
        }

        #expect(error?.code == .notFound && error?.isTemporary == false)
        #expect(transport.requests.count == 1)
    }
}
