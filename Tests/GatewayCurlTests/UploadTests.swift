// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import NIOCore
import Testing

/// Bodies that come while they are sent.
@Suite(.timeLimit(.minutes(5))) struct UploadTests {
    private struct SourceFailed: Error {}

    /// Three pieces of five bytes.
    private static let pieces = ["hello", " worl", "d!!!!"].map { ByteBuffer(string: $0) }

    private func request(_ server: ScriptedServer, length: Int = 15, _ pieces: Pieces) -> TransportRequest {
        TransportRequest(.put, server.url(), body: .stream(length: length, pieces), limits: .patient)
    }

    @Test func `a slow producer's body arrives whole, piece by piece`() async throws {
        let hasArrived = [Signal(), Signal()]
        let script: ScriptedServer.Script = { peer in
            _ = try peer.head()
            let first = try peer.bytes(5)
            hasArrived[0].fire()
            let second = try peer.bytes(5)
            hasArrived[1].fire()
            try peer.answer("200 OK", String(decoding: first + second + (try peer.bytes(5)), as: UTF8.self))
        }
        // Each piece is given only when the one before has arrived: nothing waits for more than it needs.
        let pieces = Pieces(Self.pieces) { number in
            if (1...2).contains(number) { _ = await hasArrived[number - 1].wait() }
        }

        try await withServer(script) { server, transport in
            let answer = try await transport.send(request(server, pieces))

            #expect(String(buffer: answer.body) == "hello world!!!!")
        }
    }

    @Test func `a large body is streamed without being held`() async throws {
        let size = 32 << 20
        let isReading = Signal()
        let given = Counter()
        let script: ScriptedServer.Script = { peer in
            let head = try peer.head()
            try isReading.block()
            var place = 0
            var isIntact = head?.values("content-length") == ["\(size)"]
            while place < size {
                let bytes = try peer.bytes(min(1 << 16, size - place))
                isIntact = isIntact && Pattern.matches(ByteBuffer(bytes: bytes), at: place)
                place += bytes.count
            }
            try peer.answer("200 OK", isIntact ? "intact" : "broken")
        }
        let bytes = Pattern.bytes(size)
        let pieces = Pieces(
            stride(from: 0, to: size, by: 1 << 16).map { ByteBuffer(bytes: bytes[$0..<$0 + (1 << 16)]) }
        ) { given.set($0) }

        try await withServer(script) { server, transport in
            async let answer = transport.send(request(server, length: size, pieces))
            let held = try await given.untilStill() << 16
            #expect(held < 24 << 20)
            isReading.fire()

            let body = try await answer.body
            #expect(String(buffer: body) == "intact")
        }
    }

    @Test(arguments: 0...3)
    func `a producer that fails ends the exchange, and nothing has arrived`(place: Int) async throws {
        let isClosed = Signal()
        let script: ScriptedServer.Script = { peer in
            peer.untilClosed()
            isClosed.fire()
        }
        // At place 3 everything was given, and only the end fails.
        let pieces = Pieces(Self.pieces) { number in if number == place { throw SourceFailed() } }

        try await withServer(script) { server, transport in
            let error = await transport.failure(of: request(server, pieces))

            #expect(error?.code == .bodyFailed)
            #expect(error?.mayHaveArrived == false)
            #expect(server.connections == 0 ? true : await isClosed.wait())
        }
    }

    @Test(arguments: [16, 100, 1 << 20])
    func `a body that is too short fails, and has not arrived`(length: Int) async throws {
        try await withServer({ $0.untilClosed() }) { server, transport in
            let error = await transport.failure(of: request(server, length: length, Pieces(Self.pieces)))

            #expect(error?.code == .bodyFailed)
            #expect(error?.mayHaveArrived == false)
        }
    }

    @Test(arguments: [1, 5, 7, 10, 14])
    func `a body that is too long fails, and has not arrived`(length: Int) async throws {
        try await withServer({ $0.untilClosed() }) { server, transport in
            let error = await transport.failure(of: request(server, length: length, Pieces(Self.pieces)))

            #expect(error?.code == .bodyFailed)
            #expect(error?.mayHaveArrived == false)
        }
    }

    @Test func `an early answer is delivered while the producer still waits`() async throws {
        let isOver = Signal()
        let pieces = Pieces(Self.pieces) { number in
            guard number == 1 else { return }
            // Like any good source: waiting ends with the task.
            try await withTaskCancellationHandler {
                guard await isOver.wait() else { throw SourceFailed() }
                try Task.checkCancellation()
            } onCancel: {
                isOver.fire()
            }
        }
        let script: ScriptedServer.Script = { peer in
            _ = try peer.head()
            _ = try peer.bytes(5)
            // Time for libcurl to ask for more and to be told to wait; the test is right without it, but sees less.
            usleep(50_000)
            try peer.answer("413 Content Too Large", "no")
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            // If the answer had to wait for the producer, that would fail before any limit of the exchange passes.
            let answer = try await transport.send(request(server, pieces))

            #expect(answer.status == 413)
            #expect(String(buffer: answer.body) == "no")
        }
    }

    @Test func `an early answer is delivered while the server reads no more`() async throws {
        let isOver = Signal()
        let script: ScriptedServer.Script = { peer in
            _ = try peer.head()
            try peer.answer("413 Content Too Large", "no")
            try isOver.block()
        }

        try await withServer(script) { server, transport in
            let body = TransportBody.bytes([Pattern.huge])
            let answer = try await transport.send(TransportRequest(.put, server.url(), body: body, limits: .patient))
            isOver.fire()

            #expect(answer.status == 413)
        }
    }
}
