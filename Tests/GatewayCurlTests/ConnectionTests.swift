// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import NIOCore
import Testing

/// Connections: made, kept, not made.
@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
    @Test func `a second request takes the first one's connection`() async throws {
        try await withServer(answering("200 OK", "hello")) { server, transport in
            for kind in BodyKind.allCases {
                let answer = try await transport.send(TransportRequest(.post, server.url(), body: kind.body))
                #expect(String(buffer: answer.body) == "hello")
            }

            #expect(server.requests.map(\.body) == BodyKind.allCases.map(\.bytes))
            #expect(server.connections == 1)
        }
    }

    @Test func `a connection that ended while it was idle is replaced without a word`() async throws {
        let isClosed = Signal()
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.answer()
            guard peer.number == 0 else { return }
            peer.end()
            isClosed.fire()
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            _ = try await transport.send(TransportRequest(.post, server.url(), body: BodyKind.small.body))
            #expect(await isClosed.wait())
            let answer = try await transport.send(TransportRequest(.post, server.url(), body: BodyKind.small.body))

            #expect(answer.status == 200)
            #expect(server.requests.count == 2)
            #expect(server.connections == 2)
        }
    }

    @Test func `an answer that closes its connection is not followed by another on it`() async throws {
        let script: ScriptedServer.Script = { peer in
            while try peer.request() != nil { try peer.answer(headers: ["Connection: close"]) }
        }

        try await withServer(script) { server, transport in
            for _ in 1...3 { _ = try await transport.send(TransportRequest(.get, server.url())) }

            #expect(server.connections == 3)
        }
    }

    @Test(arguments: BodyKind.allCases)
    func `where nobody listens nothing arrives`(kind: BodyKind) async throws {
        let transport = try CurlTransport()
        let deaf = try Loopback.reserve()
        defer { close(deaf) }
        let port = try Loopback.port(of: deaf)

        let error = await transport.failure(of: TransportRequest(.post, "http://127.0.0.1:\(port)/", body: kind.body))

        #expect(error?.code == .notConnected)
        #expect(error?.mayHaveArrived == false)
        await transport.close()
    }

    /// A label of more than 63 letters is refused by every resolver without asking anybody.
    @Test(arguments: ["x.invalid", String(repeating: "a", count: 64) + ".invalid"])
    func `a name without an address is told from a dead host`(name: String) async throws {
        let transport = try CurlTransport()

        let error = await transport.failure(of: TransportRequest(.post, "http://\(name)/", limits: .patient))

        #expect(error?.code == .nameNotResolved)
        #expect(error?.mayHaveArrived == false)
        await transport.close()
    }

    @Test func `TLS with a server that speaks none fails before anything is sent`() async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.bytes(1)
            try peer.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        }

        try await withServer(script) { server, transport in
            let request = TransportRequest(.post, server.url(scheme: "https"), body: BodyKind.small.body)
            let error = await transport.failure(of: request)

            #expect(error?.code == .tls)
            #expect(error?.mayHaveArrived == false)
        }
    }

    @Test(arguments: [
        "", "/", "example.com", "//example.com/", "http:/example.com", "http://", "http:///path", "https://:443/",
        "http://127.0.0.1:99999/", "http://127.0.0.1:port/", "http://[::1/", "file:///etc/passwd", "ftp://127.0.0.1/",
        "gopher://127.0.0.1/", "unix:///tmp/socket", "javascript:alert(1)", "http://127.0.0.1/a b",
        "http://127.0.0.1/a\tb",
        "http://127.0.0.1/\r\nX-Evil: 1", "http://127.0.0.1/\nX-Evil: 1", "http://127.0.0.1/\u{0}",
        "http://127.0.0.1/\u{7F}",
        " http://127.0.0.1/", "http://127.0.0.1/ä", "http://ä.example/",
        "http://127.0.0.1/" + String(repeating: "x", count: 20_000),
    ])
    func `what is no URL of a web server is refused`(url: String) async throws {
        let transport = try CurlTransport()

        let error = await transport.failure(of: TransportRequest(.post, url, body: BodyKind.small.body))

        #expect(error?.code == .invalidURL)
        #expect(error?.mayHaveArrived == false)
        await transport.close()
    }
}
