// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import NIOCore
import Testing

/// Time limits.
///
/// Each test sets one limit short and all others so long that the test's own limit would end it first.
@Suite(.timeLimit(.minutes(5))) struct LimitTests {
    private static let short = Duration.milliseconds(300)
    private static let patient = TransportLimits(
        connect: .seconds(600),
        firstByte: .seconds(600),
        total: .seconds(600),
        stall: .seconds(600)
    )

    /// Begins an answer of unknown length.
    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

    private func request(
        _ server: ScriptedServer,
        body: TransportBody = BodyKind.small.body,
        _ change: (inout TransportLimits) -> Void
    ) -> TransportRequest {
        TransportRequest(.post, server.url(), body: body, limits: Self.patient.with(change))
    }

    @Test func `the first byte has its limit`() async throws {
        try await withServer({ peer in while try peer.request() != nil {} }) { server, transport in
            let begun = ContinuousClock.now
            let error = await transport.failure(of: request(server) { $0.firstByte = Self.short })

            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveArrived == true)
            #expect(begun.duration(to: .now) >= Self.short)
        }
    }

    @Test func `interim answers and a head without end are no first byte`() async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            while true {
                try peer.write("HTTP/1.1 100 Continue\r\n\r\n")
                usleep(10_000)
            }
        }

        try await withServer(script) { server, transport in
            let error = await transport.failure(of: request(server) { $0.firstByte = Self.short })

            #expect(error?.code == .timedOut)
        }
    }

    @Test func `the whole exchange has its limit, however busy it is`() async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.write(Self.head)
            while true {
                try peer.write("1\r\nx\r\n")
                usleep(10_000)
            }
        }

        try await withServer(script) { server, transport in
            let error = await transport.failure(of: request(server) { $0.total = Self.short })

            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveArrived == true)
        }
    }

    @Test func `an answer that stops coming has its limit`() async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.write(Self.head)
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            let error = await transport.failure(of: request(server) { $0.stall = Self.short })

            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveArrived == true)
        }
    }

    @Test func `a streamed answer that stops coming has its limit too`() async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.write(Self.head)
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            let stream = try await transport.open(request(server) { $0.stall = Self.short })
            let error = await #expect(throws: TransportError.self) { try await stream.gathered() }

            #expect(error?.code == .timedOut)
        }
    }

    @Test func `a body that cannot be sent has its limit, and has not arrived`() async throws {
        let isOver = Signal()

        try await withServer({ _ in try isOver.block() }) { server, transport in
            let body = TransportBody.bytes([Pattern.huge])
            let error = await transport.failure(of: request(server, body: body) { $0.stall = Self.short })
            isOver.fire()

            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveArrived == false)
        }
    }

    @Test func `a producer that gives nothing has its limit, and nothing has arrived`() async throws {
        let isOver = Signal()
        let pieces = Pieces([ByteBuffer(string: "hello")]) { _ in _ = await isOver.wait() }

        try await withServer({ peer in peer.untilClosed() }) { server, transport in
            let source = request(server, body: .stream(length: 5, pieces)) { $0.stall = Self.short }
            async let failure = transport.failure(of: source)
            // The producer keeps the exchange's task, not the connection.
            while !server.hasEnded(0) { try await Task.sleep(for: .milliseconds(10)) }
            isOver.fire()
            let error = await failure

            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveArrived == false)
        }
    }

    @Test func `the silence before an answer is no stall`() async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            usleep(1_000_000)
            try peer.answer()
        }

        try await withServer(script) { server, transport in
            let answer = try await transport.send(request(server) { $0.stall = Self.short })

            #expect(answer.status == 200)
        }
    }

    @Test func `a reader who takes its time is no stall of the sender`() async throws {
        let body = Pattern.bytes(8 << 20)
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            try peer.write(body)
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            let stream = try await transport.open(request(server) { $0.stall = Self.short })
            try await Task.sleep(for: Self.short * 4)
            let received = try await stream.gathered()

            #expect(received == body)
        }
    }

    @Test func `a connection has its limit, and nothing has arrived`() async throws {
        // Nobody accepts, and the queue of those that wait is full: the system answers no more of them.
        let listener = try Loopback.listen(backlog: 0)
        let port = try Loopback.port(of: listener)
        let crowd = (1...16).map { _ in Loopback.beginConnecting(to: port) }
        defer { for socket in crowd + [listener] { close(socket) } }
        let transport = try CurlTransport()
        // A body that cannot be sent yet does not stall.
        let limits = Self.patient.with { limits in
            limits.connect = Self.short * 3
            limits.stall = Self.short
        }
        let begun = ContinuousClock.now

        let error = await transport.failure(
            of: TransportRequest(.post, "http://127.0.0.1:\(port)/", body: BodyKind.small.body, limits: limits)
        )

        #expect(error?.code == .timedOut)
        #expect(error?.mayHaveArrived == false)
        #expect(begun.duration(to: .now) >= limits.connect)
        await transport.close()
    }

    @Test func `a limit that has passed ends its own exchange only`() async throws {
        let (isThere, isOver) = (Signal(), Signal())
        let script: ScriptedServer.Script = { peer in
            guard let request = try peer.request() else { return }
            guard request.line.contains("patient") else { return peer.untilClosed() }
            isThere.fire()
            try isOver.block()
            try peer.answer()
        }

        try await withServer(script) { server, transport in
            async let answer = transport.send(TransportRequest(.get, server.url("/patient"), limits: Self.patient))
            #expect(await isThere.wait())
            // Its connection is in use, so the other exchange has one of its own.
            let error = await transport.failure(
                of: TransportRequest(.get, server.url("/slow"), limits: Self.patient.with { $0.firstByte = Self.short })
            )
            isOver.fire()

            #expect(error?.code == .timedOut)
            let status = try await answer.status
            #expect(status == 200)
        }
    }
}
