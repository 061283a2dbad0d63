// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// What comes back.
@Suite(.timeLimit(.minutes(5))) struct AnswerTests {
    /// Answers the first request with these bytes, and closes.
    private func raw(_ text: String) -> ScriptedServer.Script {
        { peer in
            _ = try peer.request()
            try peer.write(text)
        }
    }

    @Test func `status, headers and body come as they are`() async throws {
        let script = answering(
            "418 I'm a teapot",
            headers: ["X-One: 1", "x-one:  two  ", "Set-Cookie: a=b"],
            "short and stout"
        )

        try await withServer(script) { server, transport in
            let answer = try await transport.send(TransportRequest(.get, server.url()))

            #expect(answer.status == 418)
            #expect(answer.headers[values: try #require(HTTPField.Name("x-one"))] == ["1", "two"])
            #expect(answer.headers[.setCookie] == "a=b")
            #expect(answer.headers[.contentLength] == "15")
            #expect(String(buffer: answer.body) == "short and stout")
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is an answer like any other`(status: Int) async throws {
        let script = answering("\(status) Elsewhere", headers: ["Location: /elsewhere"], "moved")

        try await withServer(script) { server, transport in
            let answer = try await transport.send(TransportRequest(.post, server.url(), body: BodyKind.small.body))

            #expect(answer.status == status)
            #expect(answer.headers[.location] == "/elsewhere")
            #expect(String(buffer: answer.body) == "moved")
            #expect(server.requests.count == 1)
        }
    }

    @Test func `interim answers are skipped`() async throws {
        let script = raw(
            "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
        )

        try await withServer(script) { server, transport in
            let answer = try await transport.send(TransportRequest(.post, server.url(), body: BodyKind.small.body))

            #expect(answer.status == 200)
            #expect(answer.headers.map(\.name.canonicalName) == ["content-length"])
            #expect(String(buffer: answer.body) == "body")
        }
    }

    @Test(arguments: [
        (HTTPRequest.Method.head, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        (.get, "HTTP/1.1 204 No Content\r\n\r\n"),
        (.get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
        (.put, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ])
    func `an answer without a body ends with its head, and the connection stays`(
        method: HTTPRequest.Method,
        head: String
    ) async throws {
        let script: ScriptedServer.Script = { peer in while try peer.request() != nil { try peer.write(head) } }

        try await withServer(script) { server, transport in
            for _ in 1...2 {
                let answer = try await transport.send(TransportRequest(method, server.url()))
                #expect(answer.body.readableBytes == 0)
                #expect("\(answer.status)" == head.dropFirst(9).prefix(3))
            }
            #expect(server.connections == 1)
        }
    }

    @Test func `a head told to be large is no reason to refuse an answer without a body`() async throws {
        let script = raw("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")

        try await withServer(script) { server, transport in
            let limits = TransportLimits.patient.with { $0.responseBytes = 10 }
            let answer = try await transport.send(TransportRequest(.head, server.url(), limits: limits))

            #expect(answer.headers[.contentLength] == "1000000")
        }
    }

    @Test func `chunks are joined and trailers dropped`() async throws {
        let script = raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
        )

        try await withServer(script) { server, transport in
            let answer = try await transport.send(TransportRequest(.get, server.url()))

            #expect(String(buffer: answer.body) == "abc0123456789")
            #expect(answer.headers.map(\.name.canonicalName) == ["transfer-encoding"])
        }
    }

    @Test func `an answer of unknown length ends with its connection`() async throws {
        try await withServer(raw("HTTP/1.0 200 OK\r\n\r\nuntil the end")) { server, transport in
            let answer = try await transport.send(TransportRequest(.get, server.url()))

            #expect(String(buffer: answer.body) == "until the end")
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhel",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "220 mail.example.com ESMTP\r\n",
        "\u{15}\u{3}\u{1}\u{0}\u{2}",
    ])
    func `an answer that is cut or no HTTP is a broken one, and may have been paid for`(text: String) async throws {
        try await withServer(raw(text)) { server, transport in
            let error = await transport.failure(of: TransportRequest(.post, server.url(), body: BodyKind.small.body))

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == true)
            #expect(server.requests.count == 1)
        }
    }

    @Test(arguments: [
        (String(repeating: "X-Many: 1\r\n", count: 300), "too many"),
        ("X-Long: " + String(repeating: "x", count: 400_000) + "\r\n", "too long"),
    ])
    func `a head without measure is refused`(headers: String, _: String) async throws {
        try await withServer(raw("HTTP/1.1 200 OK\r\n\(headers)\r\n")) { server, transport in
            let error = await transport.failure(of: TransportRequest(.get, server.url()))

            #expect(error?.code == .broken)
        }
    }

    @Test(arguments: [
        "Content-Length: 1001\r\n\r\n" + String(repeating: "x", count: 1001),
        "Transfer-Encoding: chunked\r\n\r\n1F4\r\n" + String(repeating: "x", count: 500) + "\r\n1F5\r\n"
            + String(repeating: "y", count: 501) + "\r\n0\r\n\r\n",
        "\r\n" + String(repeating: "x", count: 1001),
    ])
    func `an answer that is too large is refused, however its length is told`(rest: String) async throws {
        try await withServer(raw("HTTP/1.1 200 OK\r\n" + rest)) { server, transport in
            var request = TransportRequest(.post, server.url(), body: BodyKind.small.body)
            request.limits.responseBytes = 1000
            let error = await transport.failure(of: request)

            #expect(error?.code == .tooLarge)
            #expect(error?.mayHaveArrived == true)
        }
    }

    @Test func `an answer may be exactly as large as allowed`() async throws {
        try await withServer(answering("200 OK", String(repeating: "x", count: 1000))) { server, transport in
            let limits = TransportLimits.patient.with { $0.responseBytes = 1000 }
            let answer = try await transport.send(TransportRequest(.get, server.url(), limits: limits))

            #expect(answer.body.readableBytes == 1000)
        }
    }
}
