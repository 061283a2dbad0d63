// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// Pictures that are passed on are never held: neither kind of bucket reads ahead of what the network takes.
@Suite struct StreamMemoryTests {
    private static let (piece, pieces, uploads) = (64 << 10, 512, 16)

    /// How many bytes have been made and not yet taken by the network, now and at most.
    private final class Gauge: Sendable {
        private let state = Mutex((held: 0, most: 0, passed: 0))

        var most: Int { state.withLock(\.most) }
        var passed: Int { state.withLock(\.passed) }

        func made(_ bytes: Int) {
            state.withLock { state in
                state.held += bytes
                state.most = max(state.most, state.held)
            }
        }

        func taken(_ bytes: Int) {
            state.withLock { state in
                state.held -= bytes
                state.passed += bytes
            }
        }
    }

    /// A network that takes a piece only when it has sent the one before, all uploads in turn.
    private struct SlowNetwork: HTTPTransport {
        let gauge: Gauge

        func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
            guard case .stream(_, let chunks) = request.body else { return TransportResponse(status: 400) }
            do {
                for try await chunk in chunks {
                    await Task.yield()
                    gauge.taken(chunk.readableBytes)
                }
            } catch {
                throw TransportError(.bodyFailed, mayHaveArrived: false, "no")
            }
            return TransportResponse(status: 200)
        }

        func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
            throw TransportError(.closed, mayHaveArrived: false, "this transport only gathers")
        }
    }

    private static func stream(_ gauge: Gauge) -> ObjectStream {
        let left = Mutex(pieces)
        let chunks = TransportChunks {
            let isOver = left.withLock { left in
                left -= 1
                return left < 0
            }
            if isOver { return nil }
            gauge.made(piece)
            return ByteBuffer(repeating: 7, count: piece)
        }
        return ObjectStream(contentType: "image/png", length: piece * pieces, chunks: chunks)
    }

    @Test(arguments: [true, false])
    func `sixteen large pictures at once take no more memory than a piece of each`(isOSS: Bool) async throws {
        let gauge = Gauge()
        let network = SlowNetwork(gauge: gauge)
        let store: any ObjectStore =
            isOSS
            ? try OSSObjectStore(OSSSettings.example(), transport: network, time: ManualTime())
            : try S3ObjectStore(S3Settings.example(), transport: network, time: ManualTime())

        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.uploads {
                let key = try #require(ObjectKey("2026/\(number).png"))
                group.addTask { try await store.put(Self.stream(gauge), at: key) }
            }
            try await group.waitForAll()
        }

        #expect(gauge.passed == Self.uploads * Self.pieces * Self.piece)
        #expect(gauge.most <= Self.uploads * Self.piece)
    }
}
