// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization
import Testing

@testable import GatewayEngine

@Suite struct FetchPictureStreamTests {
    /// A body that counts what was taken from it.
    final class Source: Sendable {
        let produced = Mutex(0)
        private let next: @Sendable (Int) throws -> [UInt8]?

        init(_ next: @escaping @Sendable (_ place: Int) throws -> [UInt8]?) { self.next = next }

        func fetched(length: Int? = nil) -> Fetched {
            let place = Mutex(0)
            let chunks = TransportChunks {
                let number = place.withLock { place in
                    defer { place += 1 }
                    return place
                }
                guard let bytes = try self.next(number) else { return nil }
                self.produced.withLock { $0 += bytes.count }
                return ByteBuffer(bytes: bytes)
            }
            return Fetched(length: length, contentType: nil, place: "https://example.com/a", chunks: chunks)
        }
    }

    private static func failure(of fetched: Fetched, atMost limit: Int = .max) async -> FetchError? {
        do throws(FetchError) {
            _ = try await PictureStream(fetched, atMost: limit)
            return nil
        } catch {
            return error
        }
    }

    @Test func `no more than the head and one piece is held, however much passes`() async throws {
        let block = [UInt8](repeating: 9, count: 65_536)
        let source = Source { $0 == 0 ? FetchPicture.png : $0 < 1600 ? block : nil }
        let stream = try await PictureStream(source.fetched(), atMost: .max)
        #expect(stream.header == PictureHeader(format: .png, size: PixelSize(8, 8)))
        #expect(source.produced.withLock(\.self) == FetchPicture.png.count)

        var (taken, most) = (0, 0)
        for try await chunk in stream.chunks {
            most = max(most, source.produced.withLock(\.self) - taken)
            taken += chunk.readableBytes
        }

        #expect(taken == FetchPicture.png.count + 1599 * 65_536)
        #expect(most <= 65_536)
    }

    @Test(arguments: [1, 7, 100, 5000])
    func `what was read to look at it is given back first`(size: Int) async throws {
        let picture = FetchPicture.png + (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let source = Source { place in
            let start = place * size
            return start < picture.count ? Array(picture[start..<min(picture.count, start + size)]) : nil
        }

        var bytes: [UInt8] = []
        let stream = try await PictureStream(source.fetched(length: picture.count), atMost: picture.count)
        for try await chunk in stream.chunks { bytes += chunk.readableBytesView }

        #expect(bytes == picture)
        #expect(stream.length == picture.count)
    }

    /// How a sender of single bytes begins, and how many of them are read.
    static let senders: [(beginning: [[UInt8]], limit: Int)] = [
        ([], 32), ([[0xFF], [0xD8]], PictureStream.headLimit),
    ]

    @Test(arguments: senders)
    func `a sender of single bytes without end is read as long as they may become a picture, and no further`(
        beginning: [[UInt8]],
        limit: Int
    ) async {
        let source = Source { $0 < beginning.count ? beginning[$0] : [0xFF] }

        let error = await Self.failure(of: source.fetched())

        #expect(error?.code == .invalidPicture)
        #expect(source.produced.withLock(\.self) == limit)
    }

    @Test func `a photograph with 100 kilobytes in front of its size is one`() async throws {
        var bytes: [UInt8] = [0xFF, 0xD8]
        for _ in 0..<25 { bytes += [0xFF, 0xE2, 0x10, 0x00] + [UInt8](repeating: 0, count: 4094) }
        bytes += [0xFF, 0xC0, 0, 17, 8, 0, 9, 0, 7, 3] + [UInt8](repeating: 0, count: 3000)
        let picture = bytes
        let source = Source { $0 < picture.count / 1000 ? Array(picture[($0 * 1000)..<($0 * 1000 + 1000)]) : nil }

        let stream = try await PictureStream(source.fetched(), atMost: .max)

        #expect(stream.header == PictureHeader(format: .jpeg, size: PixelSize(7, 9)))
    }

    @Test func `a length beyond the limit is refused before anything is read`() async {
        let source = Source { _ in FetchPicture.png }

        #expect(await Self.failure(of: source.fetched(length: 1001), atMost: 1000)?.code == .tooLarge)
        #expect(source.produced.withLock(\.self) == 0)
    }

    @Test func `more than the limit ends with an error, and never gives more`() async throws {
        let source = Source { _ in FetchPicture.png }
        let stream = try await PictureStream(source.fetched(), atMost: 1000)

        var taken = 0
        let error = await #expect(throws: FetchError.self) {
            for try await chunk in stream.chunks { taken += chunk.readableBytes }
        }

        #expect(error?.code == .tooLarge)
        #expect(taken <= 1000)
    }

    @Test func `an error of the source comes through, at the head and behind it`() async throws {
        let broken = TransportError(.broken, mayHaveArrived: true, "cut")
        let early = Source { $0 == 0 ? [0x89] : try { throw broken }() }
        #expect(await Self.failure(of: early.fetched())?.code == .ended)

        let late = Source { $0 == 0 ? FetchPicture.png : try { throw broken }() }
        let stream = try await PictureStream(late.fetched(), atMost: .max)
        await #expect(throws: (any Error).self) { for try await _ in stream.chunks {} }
    }
}
