// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import NIOCore
import Synchronization

/// A fetched picture whose first bytes were looked at, and whose rest is still on its way.
///
/// What is held is those first bytes, up to ``headLimit``, until the reader has taken them.
public struct PictureStream: Sendable {
    /// What the first bytes tell.
    public let header: PictureHeader
    /// The length in bytes, if the server told.
    public let length: Int?
    /// All the bytes from the first on, to be read once; ends with ``FetchError`` if they break off or are too many.
    public let chunks: TransportChunks

    /// How much is read to find the picture's size; a JPEG may have tens of kilobytes of metadata in front.
    public static let headLimit = 128 << 10

    private struct Rest {
        var head: ByteBuffer?
        var count = 0
    }

    /// Reads the beginning.
    ///
    /// - Parameters:
    ///   - fetched: What was opened; nobody else may read it.
    ///   - limit: How many bytes the picture may have.
    /// - Throws: ``FetchError`` with `invalidPicture` for what is no picture of a known format, or has more pixels than
    ///   may be opened, `tooLarge` for an announced length beyond the limit, and whatever reading throws.
    public init(_ fetched: Fetched, atMost limit: Int) async throws(FetchError) {
        let place = fetched.place
        if let length = fetched.length, length > limit { throw FetchError.tooLarge(limit, place) }
        let (head, header) = try await Self.readHead(fetched)
        guard let header, header.size.width * header.size.height <= InputPicture.pixelLimit else {
            let reason = header.map { "a picture of \($0.size) pixels" } ?? "no picture"
            throw FetchError(.invalidPicture, isTemporary: false, detail: "GET \(place): \(reason).")
        }
        self.header = header
        length = fetched.length
        let rest = Mutex(Rest(head: head))
        let source = fetched.chunks
        chunks = TransportChunks {
            var chunk = rest.withLock { $0.head.take() }
            if chunk == nil {
                var iterator = source.makeAsyncIterator()
                chunk = try await iterator.next()
            }
            let isWithin = rest.withLock { rest in
                rest.count += chunk?.readableBytes ?? 0
                return rest.count <= limit
            }
            guard isWithin else { throw FetchError.tooLarge(limit, place) }
            return chunk
        }
    }

    private init(_ stream: PictureStream, chunks: TransportChunks) {
        header = stream.header
        length = stream.length
        self.chunks = chunks
    }

    /// The same picture, whose chunks end with ``FetchError`` if it turns out to break off.
    ///
    /// Where the length is known this shows before the last chunk is handed on: whoever counts may stop there.
    func wholeOnly(from place: String) -> PictureStream {
        let watched = Mutex(PassingPicture(header.format))
        let (source, length) = (chunks, length)
        let broken = FetchError(.invalidPicture, isTemporary: false, detail: "GET \(place): a picture that breaks off.")
        return PictureStream(
            self,
            chunks: TransportChunks {
                var iterator = source.makeAsyncIterator()
                let chunk = try await iterator.next()
                let isBroken = watched.withLock { picture in
                    if let chunk { picture.take(chunk) }
                    return (chunk == nil || picture.count == length) && !picture.isWhole
                }
                if isBroken { throw broken }
                return chunk
            }
        )
    }

    /// Reads until the header is known, the limit is reached or nothing more comes.
    ///
    /// Looks again only when there is twice as much as the last time: a sender of single bytes must not make the same
    /// metadata be walked through a hundred thousand times.
    private static func readHead(_ fetched: Fetched) async throws(FetchError) -> (ByteBuffer, PictureHeader?) {
        var head = ByteBuffer()
        var nextLook = 32
        do {
            var iterator = fetched.chunks.makeAsyncIterator()
            while let chunk = try await iterator.next() {
                head.writeImmutableBuffer(chunk)
                guard head.readableBytes >= nextLook else { continue }
                if let header = PictureHeader(head.readableBytesView) { return (head, header) }
                // What does not begin like a picture needs no second look, however slowly it goes on.
                let mayBecomeOne = PictureHeader.canBegin(head.readableBytesView)
                if head.readableBytes >= headLimit || !mayBecomeOne { return (head, nil) }
                nextLook = min(headLimit, 2 * head.readableBytes)
            }
        } catch {
            throw error as? FetchError ?? FetchError(error, reading: fetched.place)
        }
        return (head, PictureHeader(head.readableBytesView))
    }
}

/// Both ends of a picture of which the rest passes by.
private struct PassingPicture: Sendable {
    private let format: PictureFormat
    private var head = ByteBuffer()
    private var tail = ByteBuffer()
    private(set) var count = 0

    init(_ format: PictureFormat) { self.format = format }

    mutating func take(_ chunk: ByteBuffer) {
        let bytes = chunk.readableBytesView
        if head.readableBytes < 8 { head.writeBytes(bytes.prefix(8 - head.readableBytes)) }
        count += bytes.count
        tail.writeBytes(bytes.suffix(PictureEnd.slack))
        // Seldom enough that a sender of single bytes costs no more than others.
        if tail.readableBytes > 2 * PictureEnd.slack {
            tail.moveReaderIndex(forwardBy: tail.readableBytes - PictureEnd.slack)
            tail.discardReadBytes()
        }
    }

    var isWhole: Bool {
        PictureEnd.isThere(format, head: head.readableBytesView, tail: tail.readableBytesView, count: count)
    }
}
