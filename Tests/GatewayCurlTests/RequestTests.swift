// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// What leaves, byte for byte.
@Suite(.timeLimit(.minutes(5))) struct RequestTests {
    /// Sends one request and gives what the server saw.
    private func seen(_ request: (ScriptedServer) -> TransportRequest) async throws -> SeenRequest {
        try await withServer(answering()) { server, transport in
            _ = try await transport.send(request(server))
            return try #require(server.requests.first)
        }
    }

    @Test func `a plain GET has nothing but what it needs`() async throws {
        let request = try await seen { TransportRequest(.get, $0.url("/v1/models")) }

        #expect(request.line == "GET /v1/models HTTP/1.1")
        #expect(request.headers.map(\.name) == ["host", "accept"])
        #expect(request.values("host").first?.hasPrefix("127.0.0.1:") == true)
    }

    @Test(arguments: BodyKind.allCases)
    func `a POST carries its body and the exact length`(kind: BodyKind) async throws {
        let request = try await seen { TransportRequest(.post, $0.url(), body: kind.body) }

        #expect(request.line == "POST / HTTP/1.1")
        #expect(request.values("content-length") == ["\(kind.bytes.count)"])
        #expect(request.body == kind.bytes)
        #expect(request.values("expect").isEmpty)
        #expect(request.values("transfer-encoding").isEmpty)
        #expect(request.values("content-type").isEmpty)
    }

    @Test(arguments: BodyKind.allCases)
    func `a content type is the caller's alone`(kind: BodyKind) async throws {
        let request = try await seen {
            TransportRequest(.post, $0.url(), headers: [.contentType: "application/json"], body: kind.body)
        }

        #expect(request.values("content-type") == ["application/json"])
    }

    @Test(arguments: [HTTPRequest.Method.post, .put, .patch])
    func `without a body the length is told to be zero`(method: HTTPRequest.Method) async throws {
        let request = try await seen { TransportRequest(method, $0.url()) }

        #expect(request.line == "\(method.rawValue) / HTTP/1.1")
        #expect(request.values("content-length") == ["0"])
        #expect(request.values("content-type").isEmpty)
    }

    @Test(arguments: [HTTPRequest.Method.get, .delete, .head, .options])
    func `methods without a body tell no length`(method: HTTPRequest.Method) async throws {
        let request = try await seen { TransportRequest(method, $0.url("/thing")) }

        #expect(request.line == "\(method.rawValue) /thing HTTP/1.1")
        #expect(request.values("content-length").isEmpty)
    }

    @Test(arguments: [HTTPRequest.Method.put, .patch, .delete])
    func `other methods carry a body as well`(method: HTTPRequest.Method) async throws {
        let request = try await seen { TransportRequest(method, $0.url(), body: BodyKind.small.body) }

        #expect(request.line == "\(method.rawValue) / HTTP/1.1")
        #expect(request.body == BodyKind.small.bytes)
    }

    @Test func `headers leave as they are, also twice and without a value`() async throws {
        var headers = HTTPFields()
        for (name, value) in [
            ("x-one", "1"), ("x-empty", ""), ("x-one", "2; a=\"b, c\""), ("authorization", "Bearer k"),
        ] {
            headers.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }

        let request = try await seen { TransportRequest(.get, $0.url(), headers: headers) }

        #expect(request.values("x-one") == ["1", "2; a=\"b, c\""])
        #expect(request.values("x-empty") == [""])
        #expect(request.values("authorization") == ["Bearer k"])
    }

    @Test(arguments: ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "\r\n\r\nGET /evil HTTP/1.1", "a\u{0}b"])
    func `a header's value cannot make another header`(value: String) async throws {
        let name = try #require(HTTPField.Name("x-name"))

        let request = try await seen {
            TransportRequest(.get, $0.url(), headers: HTTPFields([HTTPField(name: name, value: value)]))
        }

        #expect(request.headers.map(\.name).sorted() == ["accept", "host", "x-name"])
    }

    @Test func `what follows from URL and body is not the caller's to say`() async throws {
        var headers = HTTPFields()
        let lines = [
            ("host", "evil"), ("content-length", "3"), ("transfer-encoding", "chunked"), ("expect", "100-continue"),
        ]
        for (name, value) in lines {
            headers.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }

        let request = try await seen { TransportRequest(.post, $0.url(), headers: headers, body: BodyKind.small.body) }

        #expect(request.values("host").allSatisfy { $0.hasPrefix("127.0.0.1:") })
        #expect(request.values("host").count == 1)
        #expect(request.values("content-length") == ["13"])
        #expect(request.values("transfer-encoding").isEmpty)
        #expect(request.values("expect").isEmpty)
        #expect(request.body == BodyKind.small.bytes)
    }

    @Test(arguments: [
        "/a/../b/./c//d?x=%2F", "/%7Euser/a%20b", "/?q=a+b&q=%E2%82%AC", "/..", "/a;b=c,d", "/a|b^c`d{e}\"<>\\",
    ])
    func `the path leaves as it is`(path: String) async throws {
        let request = try await seen { TransportRequest(.get, $0.url(path)) }

        #expect(request.line == "GET \(path) HTTP/1.1")
    }
}
