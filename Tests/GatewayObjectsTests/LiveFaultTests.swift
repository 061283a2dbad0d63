// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// Both kinds of bucket behind a wire that breaks: a real S3 server, and an OSS that checks what it is sent.
@Suite(WithLiveServer(kind: .rclone), WithFakeOSS()) struct LiveFaultTests {
    private static let size = 4 << 20

    enum Service: String, CaseIterable, Sendable {
        case s3, oss
    }

    /// A store behind the wire, and one that goes straight to the server.
    private struct Wire {
        let process: ServerProcess
        let folder: TemporaryFolder
        let broken: any ObjectStore
        let straight: any ObjectStore
        let transport: any HTTPTransport
        let key: ObjectKey

        init(_ service: Service, _ faults: [String]) async throws {
            let (s3, oss) = (try #require(LiveServer.current), try #require(FakeOSS.current))
            folder = try TemporaryFolder()
            key = try #require(ObjectKey("2026/wire-\(UInt64.random(in: .min ... .max)).png"))
            let script = try #require(
                Bundle.module.url(forResource: "fault_proxy", withExtension: "py", subdirectory: "Vectors")
            )
            let port = LoopbackPorts.take()
            process = try ServerProcess(
                program: "python3",
                arguments: [script.path, "\(port)", "\(service == .s3 ? s3.port : oss.port)"] + faults,
                log: "\(folder.path)/wire.log"
            )
            // The wire's port is what is signed: a server goes by the `Host` that it is sent.
            switch service {
            case .s3:
                broken = try s3.store {
                    $0.endpoint = "http://127.0.0.1:\(port)"
                    // rclone does not compare what came with the SHA-256 that was signed.
                    $0.options.sendsMD5 = true
                }
                (straight, transport) = (try s3.store(), s3.transport)
            case .oss:
                broken = try oss.store { $0.endpoint = "http://oss-cn-hangzhou.localhost:\(port)" }
                (straight, transport) = (try oss.store(), oss.transport)
            }
            // Looked at from outside, so that no fault is used up by looking.
            while LoopbackPorts.isFree(port) {
                try #require(process.isRunning, "\(process.lastWords)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        func stored() async throws -> ByteBuffer? {
            let link = try straight.link(to: key, signedAt: SystemTime().now, lifetime: .seconds(60))
            let answer = try await transport.send(TransportRequest(.get, link))
            return answer.status == 200 ? answer.body : nil
        }

        func failure(of stream: ObjectStream) async -> ObjectError? {
            await S3ObjectStoreTests.failure { () throws(ObjectError) in try await broken.put(stream, at: key) }
        }
    }

    private static let picture = ByteBuffer(
        bytes: (0..<size).lazy.map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
    )
    private static let object = ObjectBody(contentType: "image/png", buffers: [picture])

    @Test(
        arguments: Service.allCases,
        [
            ["sent:300", "sent:2000000", "sent:4000000"], ["answered:1", "answered:20"],
            ["sent:1000000", "answered:5"],
            ["closed", "closed", "closed"], ["refused:503:SlowDown", "closed", "slow:300"], ["flip:2000000"],
        ]
    )
    func `a picture in memory gets through a wire that breaks, waits or damages`(
        service: Service,
        faults: [String]
    ) async throws {
        let wire = try await Wire(service, faults)
        defer { wire.process.stop() }

        try await wire.broken.put(Self.object, at: wire.key)

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

    @Test(arguments: Service.allCases)
    func `a picture that is passed on is not sent twice, and half of one is never there`(service: Service) async throws
    {
        // Early: the sockets between hold some megabytes.
        let wire = try await Wire(service, ["sent:200000"])
        defer { wire.process.stop() }
        let first = Source()

        let error = await wire.failure(of: first.stream)

        #expect(error?.code == .unavailable && error?.isTemporary == true)
        #expect(first.taken < Self.size / Source.piece, "the rest is not asked for")
        #expect(try await wire.stored() == nil)
        #expect(await wire.failure(of: Source().stream) == nil)
        #expect(try await wire.stored() == Self.picture)
    }

    @Test(arguments: Service.allCases)
    func `a picture whose receipt was lost may be there, and is sent again whole`(service: Service) async throws {
        let wire = try await Wire(service, ["answered:9"])
        defer { wire.process.stop() }

        #expect(await wire.failure(of: Source().stream)?.isTemporary == true)
        #expect(await wire.failure(of: Source().stream) == nil)
        #expect(try await wire.stored() == Self.picture)
    }

    @Test func `OSS tells of a picture that was damaged while it was passed on, and it is not taken for stored`()
        async throws
    {
        let wire = try await Wire(.oss, ["flip:2000000"])
        defer { wire.process.stop() }

        let error = await wire.failure(of: Source().stream)

        #expect(error?.code == .unavailable && error?.isTemporary == true)
        #expect(error?.message.contains("checksum") == true)
    }

    struct Trouble: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let faults: [String]
        let code: ObjectError.Code
        let isTemporary: Bool
    }

    /// What a call ends with while the trouble lasts; a picture in memory is tried four times where that can help.
    static let troubles = [
        Trouble(testDescription: "full", faults: ["refused:403:QuotaExceeded"], code: .full, isTemporary: true),
        Trouble(testDescription: "forbidden", faults: ["refused:403:AccessDenied"], code: .denied, isTemporary: false),
        Trouble(testDescription: "missing", faults: ["refused:404:NoSuchBucket"], code: .noBucket, isTemporary: false),
        Trouble(
            testDescription: "down",
            faults: Array(repeating: "closed", count: 4),
            code: .unavailable,
            isTemporary: true
        ),
        Trouble(
            testDescription: "overloaded",
            faults: Array(repeating: "refused:503:ServiceUnavailable", count: 4),
            code: .unavailable,
            isTemporary: true
        ),
        Trouble(
            testDescription: "half-way",
            faults: Array(repeating: "sent:1000000", count: 4),
            code: .unavailable,
            isTemporary: true
        ),
    ]

    @Test(arguments: Service.allCases, troubles)
    func `a trouble that lasts is told for what it is, and is over when it is over`(
        service: Service,
        trouble: Trouble
    ) async throws {
        let wire = try await Wire(service, trouble.faults)
        defer { wire.process.stop() }

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await wire.broken.put(Self.object, at: wire.key)
        }

        #expect(error?.code == trouble.code && error?.isTemporary == trouble.isTemporary, "\(error?.message ?? "")")
        #expect(error?.message.contains("CANARY") == false)
        #expect(try await wire.stored() == nil)
        try await wire.broken.put(Self.object, at: wire.key)
        #expect(try await wire.stored() == Self.picture)
    }
}
