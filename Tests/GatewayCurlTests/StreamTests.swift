// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayCurl

/// Bodies that are read as they come.
@Suite(.timeLimit(.minutes(5))) struct StreamTests {
    /// Sends the pattern, and closes when the client does.
    private func sending(_ count: Int) -> ScriptedServer.Script {
        { peer in
            _ = try peer.request()
            try peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
            try peer.write(Pattern.bytes(count))
            peer.untilClosed()
        }
    }

    @Test func `the head comes before the body`() async throws {
        let isHeadThere = Signal()
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.write("HTTP/1.1 203 Fine\r\nContent-Length: 5\r\nX-One: 1\r\n\r\n")
            try isHeadThere.block()
            try peer.write("hello")
        }

        try await withServer(script) { server, transport in
            let stream = try await transport.open(TransportRequest(.get, server.url()))
            #expect(stream.status == 203)
            #expect(stream.length == 5)
            #expect(stream.headers[try #require(HTTPField.Name("x-one"))] == "1")
            isHeadThere.fire()

            #expect(try await stream.gathered() == Array("hello".utf8))
        }
    }

    @Test func `nobody reads, and the sender is held back; then everything arrives`() async throws {
        let size = 64 << 20

        try await withServer(sending(size)) { server, transport in
            let stream = try await transport.open(TransportRequest(.get, server.url(), limits: .patient))
            let held = try await untilStill { server.peers[0].sentBytes }
            // What one connection's buffers hold in the system is megabytes, what is kept here is not.
            #expect(held < 24 << 20)

            var place = 0
            var isIntact = true
            for try await piece in stream.body {
                isIntact = isIntact && Pattern.matches(piece, at: place)
                place += piece.readableBytes
            }
            #expect(place == size)
            #expect(isIntact)
        }
    }

    @Test func `pieces of one byte are joined while they wait`() async throws {
        let download = CurlDownload()

        for byte in UInt8(0)...255 { #expect(withUnsafeBytes(of: byte) { download.append($0) }) }
        download.finish(.success(()))
        let piece = try await download.next {}.get()

        #expect(piece.map { Array($0.readableBytesView) } == Array(0...255))
        #expect(try await download.next {}.get() == nil)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ])
    func `a stream that is cut gives what came, then an error`(text: String) async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.write(text)
        }

        try await withServer(script) { server, transport in
            let stream = try await transport.open(TransportRequest(.get, server.url()))
            var iterator = stream.body.makeAsyncIterator()
            #expect(try await iterator.next() == ByteBuffer(string: "half"))
            let error = await #expect(throws: TransportError.self) { try await iterator.next() }

            #expect(error?.code == .broken)
        }
    }

    /// libcurl keeps what comes while it is paused and hands it over when the reader goes on.
    ///
    /// A refusal then must not be lost, which shows only if the answer's last bytes are among those kept: they come at once, after a pause.
    @Test func `a stream that grows too large while nobody reads ends with an error`() async throws {
        let isSent = Signal()
        let script: ScriptedServer.Script = { peer in
            // Whether all was taken or the connection was ended.
            defer { isSent.fire() }
            _ = try peer.request()
            try peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try peer.write(String(580_000, radix: 16) + "\r\n")
            try peer.write(Pattern.bytes(520_000))
            usleep(200_000)
            try peer.write(Pattern.bytes(60_000) + Array("\r\n0\r\n\r\n".utf8))
            isSent.fire()
            peer.untilClosed()
        }

        try await withServer(script) { server, transport in
            let limits = TransportLimits.patient.with { $0.responseBytes = 560_000 }
            let stream = try await transport.open(TransportRequest(.get, server.url(), limits: limits))
            #expect(await isSent.wait())
            try await Task.sleep(for: .milliseconds(200))
            let error = await #expect(throws: TransportError.self) { try await stream.gathered() }

            #expect(error?.code == .tooLarge)
        }
    }

    @Test func `a length that is too large is refused at the head`() async throws {
        try await withServer(sending(2000)) { server, transport in
            let limits = TransportLimits.patient.with { $0.responseBytes = 1000 }
            let error = await #expect(throws: TransportError.self) {
                try await transport.open(TransportRequest(.get, server.url(), limits: limits))
            }

            #expect(error?.code == .tooLarge)
        }
    }

    @Test func `a stream read to its end leaves its connection for the next`() async throws {
        try await withServer(answering("200 OK", "hello")) { server, transport in
            for _ in 1...3 {
                let stream = try await transport.open(TransportRequest(.get, server.url()))
                #expect(try await stream.gathered() == Array("hello".utf8))
            }

            #expect(server.connections == 1)
        }
    }

    @Test func `an empty stream ends at once`() async throws {
        try await withServer(answering("204 No Content")) { server, transport in
            let stream = try await transport.open(TransportRequest(.get, server.url()))

            #expect(try await stream.gathered().isEmpty)
        }
    }
}
