// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayEngine

/// A network that answers by a rule and remembers what it was asked.
final class FetchScript: HTTPTransport {
    private let rule: @Sendable (TransportRequest) throws(TransportError) -> TransportStream
    let asked = Mutex<[String]>([])

    init(_ rule: @escaping @Sendable (TransportRequest) throws(TransportError) -> TransportStream) { self.rule = rule }

    func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        throw TransportError(.closed, mayHaveArrived: false, "this transport only streams")
    }

    func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
        asked.withLock { $0.append(request.url) }
        return try rule(request)
    }

    static func answer(_ status: Int, headers: HTTPFields = [:], _ body: [UInt8] = []) -> TransportStream {
        let left = Mutex([ByteBuffer(bytes: body)])
        return TransportStream(
            status: status,
            headers: headers,
            length: body.count,
            body: TransportChunks { left.withLock { $0.popLast() } }
        )
    }
}

@Suite struct FetchGuardTests {
    @Test func `a fetch tells nothing about who asks, at no hop`() async throws {
        let web = try FetchWeb { line in
            guard line.target == "/b" else {
                return line.answer("302 Found", headers: ["Location: /b", "Set-Cookie: a=b; Path=/"])
            }
            line.answer("200 OK", FetchPicture.png)
        }

        try await withGuard { fetch, _ in #expect(await fetch.failure(of: web.url("/a?key=1#part")) == nil) }

        let lines = web.heads.map { $0.split(separator: "\r\n").map(String.init) }
        #expect(lines.map(\.first) == ["GET /a?key=1 HTTP/1.1", "GET /b HTTP/1.1"])
        for head in lines {
            #expect(
                head.dropFirst().sorted() == [
                    "Accept-Encoding: identity", "Accept: image/*", "Host: 127.0.0.2:\(web.port)",
                    "User-Agent: ImageGateway",
                ]
            )
        }
    }

    @Test(arguments: [
        (404, FetchError.Code.notFound, false), (410, .notFound, false), (204, .notFound, false),
        (401, .denied, false), (403, .denied, false), (400, .denied, false), (451, .denied, false),
        (408, .unavailable, true), (429, .unavailable, true), (500, .unavailable, true), (503, .unavailable, true),
        (304, .refused, false), (300, .refused, false), (302, .refused, false),
    ])
    func `what a status means`(status: Int, code: FetchError.Code, isTemporary: Bool) async {
        let transport = FetchScript { _ in FetchScript.answer(status, [UInt8](repeating: 1, count: 9)) }
        let error = await FetchGuard(transport: transport, limits: FetchLimits(bytes: 5))
            .failure(of: "https://example.com/a/b.png?signature=SECRET")

        #expect(error?.code == code && error?.isTemporary == isTemporary && error?.isOpaque == false)
        #expect(error?.detail == "GET https://example.com/a/b.png: HTTP \(status).")
        #expect(error?.inputFailure.message.contains("example") == false)
        #expect(transport.asked.withLock(\.count) == 1)
    }

    @Test(arguments: [
        (TransportError.Code.nameNotResolved, FetchError.Code.unavailable, true), (.notConnected, .unavailable, true),
        (.tls, .unavailable, true), (.broken, .unavailable, true), (.timedOut, .timedOut, true),
        (.addressRefused, .refused, false), (.invalidURL, .refused, false),
    ])
    func `what no answer means`(network: TransportError.Code, code: FetchError.Code, isTemporary: Bool) async {
        let transport = FetchScript { _ throws(TransportError) in
            throw TransportError(network, mayHaveArrived: false, "Reason.")
        }
        let error = await FetchGuard(transport: transport).failure(of: "https://example.com/a?signature=SECRET")

        #expect(error?.code == code && error?.isTemporary == isTemporary)
        #expect(error?.inputFailure == TaskFailure(.invalidImage, "The picture's URL cannot be opened."))
        #expect(error?.detail == "GET https://example.com/a: Reason. (\(network.rawValue))")
        #expect(transport.asked.withLock(\.count) == 1)
    }

    @Test func `five redirects are followed and not a sixth`() async {
        let transport = FetchScript { request in
            let left = request.url.split(separator: "/").last.flatMap { Int($0) } ?? 0
            return left == 0
                ? FetchScript.answer(200, FetchPicture.png)
                : FetchScript.answer(307, headers: [.location: "/\(left - 1)"])
        }
        let fetch = FetchGuard(transport: transport)

        #expect(await fetch.failure(of: "https://example.com/5") == nil)
        #expect(transport.asked.withLock(\.count) == 6)
        #expect(await fetch.failure(of: "https://example.com/6")?.code == .refused)
        #expect(transport.asked.withLock(\.count) == 12)
    }

    @Test(
        arguments: [
            ("/x", "https://example.com/x"), ("x", "https://example.com/a/b/x"),
            ("../x?y", "https://example.com/a/x?y"),
            ("../../../x", "https://example.com/x"), ("./x/./y/..", "https://example.com/a/b/x/"),
            ("?z", "https://example.com/a/b/c?z"), ("#z", "https://example.com/a/b/c?q"),
            ("//other.example", "https://other.example/"),
            ("HTTPS://Other.Example:8443/x#y", "https://other.example:8443/x"),
            ("/höf/ü?ä", "https://example.com/h%C3%B6f/%C3%BC?%C3%A4"), ("x:y", nil), ("http://example.com/", nil),
            ("https://u@example.com/", nil), ("///x", nil), ("/a b", nil), ("ftp://example.com/", nil),
            ("//localhost/", nil), ("https:/x", nil), ("https:x", nil), ("\\\\x", nil),
        ] as [(String, String?)]
    )
    func `where a redirect leads`(location: String, expected: String?) throws {
        let start = try FetchAddress("https://example.com/a/b/c?q", rule: .publicOnly)

        #expect((try? start.following(location, rule: .publicOnly))?.url == expected)
    }

    @Test(arguments: [
        ("http://example.com", "http://example.com/"), ("HTTP://EXAMPLE.com:80/A", "http://example.com:80/A"),
        ("https://example.com?x=1", "https://example.com/?x=1"), ("https://example.com./a", "https://example.com./a"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("http://93.184.216.34:8080/a%20b", "http://93.184.216.34:8080/a%20b"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
        ("https://a_b.s3.example.com/日", "https://a_b.s3.example.com/%E6%97%A5"),
        ("https://example.com/a/../b//c", "https://example.com/a/../b//c"),
    ])
    func `an ordinary URL is asked for as it is`(text: String, url: String) throws {
        #expect(try FetchAddress(text, rule: .publicOnly).url == url)
    }

    @Test func `inner names and ports are for networks that the operator allows`() throws {
        let allowing = AddressRule(allowing: [try #require(NetworkBlock("10.0.0.0/8"))])

        #expect((try? FetchAddress("http://minio:9000/a", rule: allowing)) != nil)
        #expect((try? FetchAddress("http://10.1.2.3/a", rule: allowing)) != nil)
        #expect((try? FetchAddress("http://127.0.0.1/a", rule: allowing)) == nil)
        #expect((try? FetchAddress("http://minio:22/a", rule: allowing)) == nil)
        #expect((try? FetchAddress("http://localhost:81/a", rule: .everything)) != nil)
        #expect((try? FetchAddress("http://u@localhost/a", rule: .everything)) == nil)
    }

    @Test func `dropping what was opened ends it`() async throws {
        let isGone = Mutex(false)
        let web = try FetchWeb { line in
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
            while line.write([UInt8](repeating: 1, count: 4096)) {}
            isGone.withLock { $0 = true }
        }

        try await withGuard { fetch, _ in
            #expect(try await fetch.open(web.url()).length == 50_000_000)
            while !isGone.withLock(\.self) { try await Task.sleep(for: .milliseconds(2)) }
        }
    }
}
