// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import NIOCore
import Testing

/// Runs a test against a server and a transport of its own, and ends both.
func withServer<Result>(
    settings: CurlSettings = CurlSettings(),
    _ script: @escaping ScriptedServer.Script,
    _ body: (ScriptedServer, CurlTransport) async throws -> Result
) async throws -> Result {
    let server = try ScriptedServer(script)
    let transport = try CurlTransport(settings: settings)
    let result: Result
    do {
        result = try await body(server, transport)
    } catch {
        await transport.close()
        await server.stop()
        throw error
    }
    await transport.close()
    await server.stop()
    return result
}

/// A script that answers every request of every connection in the same way.
func answering(
    _ status: String = "200 OK",
    headers: [String] = [],
    _ body: String = ""
) -> ScriptedServer.Script {
    { peer in while try peer.request() != nil { try peer.answer(status, headers: headers, body) } }
}

extension CurlTransport {
    /// The error an exchange ends with, `nil` if it gives an answer.
    func failure(of request: TransportRequest) async -> TransportError? {
        do throws(TransportError) {
            _ = try await send(request)
            return nil
        } catch {
            return error
        }
    }
}

extension TransportStream {
    /// The whole body.
    func gathered() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in body { bytes += piece.readableBytesView }
        return bytes
    }
}

extension TransportLimits {
    /// So long that none of them ends a test.
    static let patient = TransportLimits(
        connect: .seconds(60),
        firstByte: .seconds(60),
        total: .seconds(60),
        stall: .seconds(60)
    )

    /// These limits with some of them changed.
    func with(_ change: (inout TransportLimits) -> Void) -> TransportLimits {
        var limits = self
        change(&limits)
        return limits
    }
}

/// The kinds of body a request can have.
enum BodyKind: String, CaseIterable, CustomTestStringConvertible {
    case none
    case empty
    case small
    case large
    case streamed

    var testDescription: String { rawValue }

    var bytes: [UInt8] {
        switch self {
        case .none, .empty: []
        case .small: Array("one two three".utf8)
        case .large, .streamed: Pattern.bytes(1 << 20)
        }
    }

    var body: TransportBody {
        switch self {
        case .none: .none
        case .empty: .bytes([])
        case .small: .bytes([ByteBuffer(string: "one two "), ByteBuffer(), ByteBuffer(string: "three")])
        case .large: .bytes([ByteBuffer(bytes: bytes)])
        case .streamed: .stream(length: bytes.count, Pieces(bytes, of: 100_000))
        }
    }
}

/// Bytes that differ everywhere, so that a lost or doubled piece shows.
enum Pattern {
    /// A length no buffer has, so that two places a buffer apart differ.
    private static let period = 999_983
    private static let block = (0..<period).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }

    /// More than the system's buffers take from a connection while nobody reads.
    static let huge = ByteBuffer(bytes: [UInt8](repeating: 1, count: 64 << 20))

    static func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { bytes += block.prefix(count - bytes.count) }
        return bytes
    }

    /// Whether a piece is what the pattern has at that place.
    static func matches(_ piece: ByteBuffer, at place: Int) -> Bool {
        piece.withUnsafeReadableBytes { bytes in
            block.withUnsafeBytes { block in
                var (start, place) = (0, place % period)
                while start < bytes.count {
                    let count = min(bytes.count - start, period - place)
                    let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
                    let wanted = UnsafeRawBufferPointer(rebasing: block[place..<place + count])
                    guard let one = piece.baseAddress, let other = wanted.baseAddress, memcmp(one, other, count) == 0
                    else {
                        return false
                    }
                    start += count
                    place = (place + count) % period
                }
                return true
            }
        }
    }
}

/// A body that comes in pieces.
struct Pieces: AsyncSequence {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    /// What happens before a piece is given, with its number; it may wait or throw.
    let before: @Sendable (Int) async throws -> Void
    let pieces: [ByteBuffer]

    init(_ pieces: [ByteBuffer], before: @escaping @Sendable (Int) async throws -> Void = { _ in }) {
        self.pieces = pieces
        self.before = before
    }

    init(_ bytes: [UInt8], of size: Int) {
        self.init(
            stride(from: 0, to: bytes.count, by: size).map {
                ByteBuffer(bytes: bytes[$0..<Swift.min(bytes.count, $0 + size)])
            }
        )
    }

    func makeAsyncIterator() -> Iterator { Iterator(source: self) }

    struct Iterator: AsyncIteratorProtocol {
        let source: Pieces
        var place = 0

        mutating func next() async throws -> ByteBuffer? {
            try await source.before(place)
            guard place < source.pieces.count else { return nil }
            defer { place += 1 }
            return source.pieces[place]
        }
    }
}
