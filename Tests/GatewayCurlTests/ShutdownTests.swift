// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// The end of a transport.
@Suite(.timeLimit(.minutes(5))) struct ShutdownTests {
    @Test func `closing ends what is open and refuses what comes later`() async throws {
        let isRead = Signal()
        let script: ScriptedServer.Script = { peer in
            guard let request = try peer.request() else { return }
            if request.line.contains("stream") { try peer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello") }
            isRead.fire()
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            let stream = try await transport.open(TransportRequest(.get, server.url("/stream")))
            async let waiting = transport.failure(of: TransportRequest(.post, server.url("/wait")))
            while server.requests.count < 2 { try await Task.sleep(for: .milliseconds(10)) }
            await transport.close()

            let ended = await waiting
            #expect(ended == TransportError(.closed, mayHaveArrived: true, "The gateway is shutting down."))
            let broken = await #expect(throws: TransportError.self) { try await stream.gathered() }
            #expect(broken?.code == .closed)
            let late = await transport.failure(of: TransportRequest(.post, server.url("/late")))
            #expect(late?.code == .closed)
            #expect(late?.mayHaveArrived == false)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `closing twice, and at the same time, is closing once`() async throws {
        let transport = try CurlTransport()

        await withTaskGroup(of: Void.self) { group in
            for _ in 1...8 { group.addTask { await transport.close() } }
        }
        await transport.close()

        #expect(await transport.failure(of: TransportRequest(.get, "http://127.0.0.1/"))?.code == .closed)
    }

    @Test func `requests that meet the end all get an answer or an error`() async throws {
        try await withServer(answering("200 OK", "hello")) { server, transport in
            let ends = await withTaskGroup(of: TransportError.Code?.self) { group in
                for _ in 1...200 {
                    group.addTask { await transport.failure(of: TransportRequest(.get, server.url()))?.code }
                }
                group.addTask {
                    await transport.close()
                    return nil
                }
                return await group.reduce(into: []) { $0.append($1) }
            }

            #expect(ends.count == 201)
            #expect(ends.allSatisfy { $0 == nil || $0 == .closed })
        }
    }

    @Test func `a stream outlives the last reference to its transport's user`() async throws {
        let script = answering("200 OK", String(repeating: "x", count: 100_000))
        let server = try ScriptedServer(script)

        // Nobody holds this transport any longer than the request takes.
        let answer = try await CurlTransport().send(TransportRequest(.get, server.url()))

        #expect(answer.body.readableBytes == 100_000)
        await server.stop()
    }
}
