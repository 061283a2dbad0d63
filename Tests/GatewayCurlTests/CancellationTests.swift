// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Ending an exchange from this side.
@Suite(.timeLimit(.minutes(5))) struct CancellationTests {
    /// Reads a request, answers with `text`, and tells when the client has closed.
    private func waiting(_ isRead: Signal, _ isClosed: Signal, _ text: String = "") -> ScriptedServer.Script {
        { peer in
            _ = try peer.request()
            try peer.write(text)
            isRead.fire()
            peer.untilClosed()
            isClosed.fire()
        }
    }

    private static let begunAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"

    @Test(arguments: BodyKind.allCases)
    func `what is cancelled before it starts never leaves`(kind: BodyKind) async throws {
        try await withServer(answering()) { server, transport in
            let request = TransportRequest(.post, server.url(), body: kind.body)
            let isCancelled = Signal()
            let task = Task {
                _ = await isCancelled.wait()
                return await transport.failure(of: request)
            }
            task.cancel()
            isCancelled.fire()
            let error = await task.value

            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveArrived == false)
            #expect(server.connections == 0)
        }
    }

    @Test(arguments: BodyKind.allCases)
    func `cancelling while waiting closes the connection`(kind: BodyKind) async throws {
        let (isRead, isClosed) = (Signal(), Signal())

        try await withServer(waiting(isRead, isClosed)) { server, transport in
            let request = TransportRequest(.post, server.url(), body: kind.body)
            let task = Task { await transport.failure(of: request) }
            #expect(await isRead.wait())
            task.cancel()
            let error = await task.value

            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveArrived == true)
            #expect(await isClosed.wait())
        }
    }

    @Test func `cancelling amid the body means that it did not arrive`() async throws {
        let (isRead, isOver) = (Signal(), Signal())
        let script: ScriptedServer.Script = { peer in
            _ = try peer.head()
            isRead.fire()
            try isOver.block()
        }

        try await withServer(script) { server, transport in
            let body = TransportBody.bytes([Pattern.huge])
            let task = Task { await transport.failure(of: TransportRequest(.post, server.url(), body: body)) }
            #expect(await isRead.wait())
            task.cancel()
            let error = await task.value
            isOver.fire()

            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveArrived == false)
        }
    }

    @Test func `cancelling the reader ends the stream and its connection`() async throws {
        let (isRead, isClosed) = (Signal(), Signal())

        try await withServer(waiting(isRead, isClosed, Self.begunAnswer)) { server, transport in
            let stream = try await transport.open(TransportRequest(.get, server.url()))
            let hasFirst = Signal()
            let task = Task { () -> TransportError? in
                var iterator = stream.body.makeAsyncIterator()
                do {
                    while try await iterator.next() != nil { hasFirst.fire() }
                    return nil
                } catch {
                    return error as? TransportError
                }
            }
            #expect(await hasFirst.wait())
            task.cancel()

            #expect(await task.value?.code == .cancelled)
            #expect(await isClosed.wait())
        }
    }

    @Test func `dropping a stream that was not read to its end closes the connection`() async throws {
        let (isRead, isClosed) = (Signal(), Signal())

        try await withServer(waiting(isRead, isClosed, Self.begunAnswer)) { server, transport in
            do {
                let stream = try await transport.open(TransportRequest(.get, server.url()))
                var iterator = stream.body.makeAsyncIterator()
                #expect(try await iterator.next() == ByteBuffer(string: "hello"))
            }

            #expect(await isClosed.wait())
        }
    }

    @Test func `an exchange that was cancelled does not disturb the others`() async throws {
        let script: ScriptedServer.Script = { peer in
            while let request = try peer.request() {
                if request.line.contains("dead") { return peer.untilClosed() }
                try peer.answer("200 OK", "alive")
            }
        }

        try await withServer(script) { server, transport in
            for _ in 1...20 {
                let dead = Task { await transport.failure(of: TransportRequest(.get, server.url("/dead"))) }
                async let alive = transport.send(TransportRequest(.get, server.url("/alive")))
                dead.cancel()

                let status = try await alive.status
                #expect(status == 200)
                #expect(await dead.value?.code == .cancelled)
            }
        }
    }
}
