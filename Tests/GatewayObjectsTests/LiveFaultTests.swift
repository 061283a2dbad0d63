// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// A real server behind a wire that breaks.
@Suite(WithLiveServer(kind: .rclone)) struct LiveFaultTests {
    private static let size = 4 << 20

    /// A store behind the wire, and one that goes straight to the server.
    private struct Wire {
        let process: ServerProcess
        let folder: TemporaryFolder
        let broken: S3ObjectStore
        let straight: S3ObjectStore
        let server: LiveServer
        let key: ObjectKey

        init(_ faults: [String]) async throws {
            server = try #require(LiveServer.current)
            folder = try TemporaryFolder()
            key = try #require(ObjectKey("2026/wire-\(UInt64.random(in: .min ... .max)).png"))
            let script = try #require(
                Bundle.module.url(forResource: "fault_proxy", withExtension: "py", subdirectory: "Vectors")
            )
            let port = LoopbackPorts.take()
            process = try ServerProcess(
                program: "python3",
                arguments: [script.path, "\(port)", "\(server.port)"] + faults,
                log: "\(folder.path)/wire.log"
            )
            // The wire's port is what is signed: a server goes by the `Host` that it is sent.
            broken = try server.store { $0.endpoint = "http://127.0.0.1:\(port)" }
            straight = try server.store()
            // Looked at from outside, so that no fault is used up by looking.
            while LoopbackPorts.isFree(port) {
                try #require(process.isRunning, "\(process.lastWords)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        func stored() async throws -> ByteBuffer? {
            let link = try straight.link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))
            return try await server.follow(link)?.buffers.first
        }
    }

    private static let picture = ByteBuffer(
        bytes: (0..<size).lazy.map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
    )

    @Test(arguments: [
        ["sent:300", "sent:2000000", "sent:4000000"], ["answered:1", "answered:20"], ["sent:1000000", "answered:5"],
    ])
    func `a picture in memory gets through connections that end in the middle`(faults: [String]) async throws {
        let wire = try await Wire(faults)
        defer { wire.process.stop() }

        try await wire.broken.put(ObjectBody(contentType: "image/png", buffers: [Self.picture]), at: wire.key)

        #expect(try await wire.stored() == Self.picture)
    }

    /// Pieces of a picture, and how many of them were asked for.
    private final class Source: Sendable {
        static let piece = 64 << 10
        private let state = Mutex(0)

        var taken: Int { state.withLock(\.self) }

        var stream: ObjectStream {
            let chunks = TransportChunks { [self] in
                let place = state.withLock { taken in
                    defer { taken += 1 }
                    return taken
                }
                return picture.getSlice(at: place * Self.piece, length: Self.piece)
            }
            return ObjectStream(contentType: "image/png", length: size, chunks: chunks)
        }
    }

    @Test func `a picture that is passed on is not sent twice, and half of one is never there`() async throws {
        let wire = try await Wire(["sent:2000000"])
        defer { wire.process.stop() }
        let (first, second) = (Source(), Source())

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await wire.broken.put(first.stream, at: wire.key)
        }

        #expect(error?.code == .unavailable && error?.isTemporary == true)
        #expect(first.taken < Self.size / Source.piece, "the rest is not asked for")
        #expect(try await wire.stored() == nil)
        try await wire.broken.put(second.stream, at: wire.key)
        #expect(try await wire.stored() == Self.picture)
    }

    @Test func `a picture whose receipt was lost may be there, and is sent again whole`() async throws {
        let wire = try await Wire(["answered:9"])
        defer { wire.process.stop() }

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await wire.broken.put(Source().stream, at: wire.key)
        }

        #expect(error?.isTemporary == true)
        try await wire.broken.put(Source().stream, at: wire.key)
        #expect(try await wire.stored() == Self.picture)
    }
}
