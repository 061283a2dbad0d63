// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// What OSS says it has stored is compared with what was sent.
@Suite struct OSSChecksumTests {
    /// Of the bytes `picture`.
    private static let right = CRC64.sum(of: [ByteBuffer(string: "picture")])

    private static func stored(_ sum: UInt64) -> FakeTransport.Answer {
        var headers = HTTPFields()
        if let name = HTTPField.Name("x-oss-hash-crc64ecma") { headers[name] = "\(sum)" }
        return .success(TransportResponse(status: 200, headers: headers))
    }

    private static func stream() -> ObjectStream {
        let left = Mutex([ByteBuffer(string: "ture"), ByteBuffer(string: "pic")])
        let chunks = TransportChunks { left.withLock { $0.popLast() } }
        return ObjectStream(contentType: "image/webp", length: 7, chunks: chunks)
    }

    /// Answers after it has read what was sent, as a server does.
    private final class ReadingTransport: HTTPTransport {
        private let answer: TransportResponse
        private let count = Mutex(0)

        init(_ answer: FakeTransport.Answer) throws { self.answer = try answer.get() }

        var sent: Int { count.withLock(\.self) }

        func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
            count.withLock { $0 += 1 }
            guard case .stream(_, let chunks) = request.body else { return answer }
            do {
                for try await _ in chunks {}
            } catch {
                throw TransportError(.bodyFailed, mayHaveArrived: false, "no")
            }
            return answer
        }

        func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
            throw TransportError(.closed, mayHaveArrived: false, "this transport only gathers")
        }
    }

    private static func failure(_ transport: any HTTPTransport) async throws -> ObjectError? {
        let store = try OSSObjectStore(OSSSettings.example(), transport: transport, time: ManualTime())
        let key = try #require(S3ObjectStoreTests.key)
        return await S3ObjectStoreTests.failure { () throws(ObjectError) in try await store.put(stream(), at: key) }
    }

    @Test func `a picture that arrived damaged is sent again`() async throws {
        let (time, transport) = (ManualTime(), FakeTransport(Self.stored(Self.right ^ 1), Self.stored(Self.right)))
        let store = try OSSObjectStoreTests.store(transport, time)
        let key = try #require(S3ObjectStoreTests.key)

        async let outcome = S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await store.put(OSSObjectStoreTests.picture, at: key)
        }
        await time.untilSleeping()
        time.advance(by: .seconds(3))

        #expect(await outcome == nil)
        #expect(transport.requests.count == 2)
    }

    @Test func `a stream that arrived damaged is a failed upload, to be tried again by whoever has the bytes`()
        async throws
    {
        let transport = try ReadingTransport(Self.stored(Self.right ^ 1))

        let error = try await Self.failure(transport)

        #expect(error?.code == .unavailable && error?.isTemporary == true)
        #expect(error?.message.contains("checksum") == true)
        #expect(transport.sent == 1)
    }

    @Test func `the right sum, and none at all, is success`() async throws {
        #expect(try await Self.failure(try ReadingTransport(Self.stored(Self.right))) == nil)
        #expect(try await Self.failure(try ReadingTransport(.fine)) == nil)
    }
}
