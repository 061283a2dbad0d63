// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// The promise that matters most: what buys something is never sent twice, and nobody is told that it did not arrive when
/// it may have.
@Suite(.timeLimit(.minutes(5))) struct ResendTests {
    /// How a connection ends, once a request has been read.
    enum End: String, CaseIterable, CustomTestStringConvertible {
        case closed
        case reset
        /// In the middle of the answer's first line, which libcurl does not count as an answer yet.
        case firstLine

        var testDescription: String { rawValue }

        func play(on peer: Peer) throws {
            switch self {
            case .closed: peer.close()
            case .reset: peer.reset()
            case .firstLine:
                try peer.write("HTTP/1.")
                peer.close()
            }
        }
    }

    /// Answers one request on the first connection and ends at the second; answers everything on the connections after it.
    private func dyingWhenKept(_ end: End) -> ScriptedServer.Script {
        { peer in
            guard peer.number == 0 else {
                while try peer.request() != nil { try peer.answer("200 OK", "second") }
                return
            }
            _ = try peer.request()
            try peer.answer("200 OK", "first")
            _ = try peer.request()
            try end.play(on: peer)
        }
    }

    @Test(arguments: BodyKind.allCases, End.allCases)
    func `a server that reads the whole request and closes has got it once`(kind: BodyKind, end: End) async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try end.play(on: peer)
        }

        try await withServer(script) { server, transport in
            let error = await transport.failure(of: TransportRequest(.post, server.url(), body: kind.body))

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == true)
            #expect(server.requests.map(\.body) == [kind.bytes])
            #expect(server.connections == 1)
        }
    }

    @Test(arguments: BodyKind.allCases, End.allCases)
    func `a POST is not sent again when the kept connection dies under it`(kind: BodyKind, end: End) async throws {
        try await withServer(dyingWhenKept(end)) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            let error = await transport.failure(of: TransportRequest(.post, server.url("/buy"), body: kind.body))
            await transport.close()
            try await server.settle()

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == true)
            #expect(server.requests.map(\.line) == ["GET / HTTP/1.1", "POST /buy HTTP/1.1"])
        }
    }

    @Test(arguments: [HTTPRequest.Method.get, .delete, .put])
    func `nothing is sent again that was not said to be repeatable`(method: HTTPRequest.Method) async throws {
        try await withServer(dyingWhenKept(.closed)) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            let error = await transport.failure(of: TransportRequest(method, server.url()))
            await transport.close()
            try await server.settle()

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == true)
            #expect(server.requests.count == 2)
        }
    }

    @Test(arguments: [BodyKind.none, .empty, .small, .large], [End.closed, .reset])
    func `a repeatable PUT is sent again, once and whole`(kind: BodyKind, end: End) async throws {
        try await withServer(dyingWhenKept(end)) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            let request = TransportRequest(.put, server.url("/object"), body: kind.body, isRepeatable: true)
            let answer = try await transport.send(request)

            #expect(String(buffer: answer.body) == "second")
            #expect(server.requests.dropFirst().map(\.line) == ["PUT /object HTTP/1.1", "PUT /object HTTP/1.1"])
            #expect(server.requests.dropFirst().map(\.body) == [kind.bytes, kind.bytes])
        }
    }

    @Test func `a streamed body is never sent again, for it is gone`() async throws {
        try await withServer(dyingWhenKept(.closed)) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            let request = TransportRequest(.put, server.url(), body: BodyKind.streamed.body, isRepeatable: true)
            let error = await transport.failure(of: request)
            await transport.close()
            try await server.settle()

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == true)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `what was repeated may have arrived the first time`() async throws {
        let isRead = Signal()
        let isDeaf = Signal()
        let script: ScriptedServer.Script = { peer in
            _ = try peer.request()
            try peer.answer()
            _ = try peer.request()
            isRead.fire()
            try isDeaf.block()
        }

        try await withServer(script) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            let request = TransportRequest(.put, server.url(), body: BodyKind.small.body, isRepeatable: true)
            async let failure = transport.failure(of: request)
            #expect(await isRead.wait())
            server.stopListening()
            isDeaf.fire()
            let error = await failure

            #expect(error?.code == .notConnected)
            #expect(error?.mayHaveArrived == true)
        }
    }

    @Test func `what was repeated only in part may have arrived the first time`() async throws {
        let script: ScriptedServer.Script = { peer in
            if peer.number == 0 {
                _ = try peer.request()
                try peer.answer()
                _ = try peer.request()
            } else {
                _ = try peer.head()
                peer.reset()
            }
        }

        try await withServer(script) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            let body = TransportBody.bytes([Pattern.huge])
            let request = TransportRequest(.put, server.url(), body: body, limits: .patient, isRepeatable: true)
            let error = await transport.failure(of: request)

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == true)
            #expect(server.connections == 2)
        }
    }

    @Test(arguments: [End.closed, .reset])
    func `a server that closes amid the body cannot have taken the request`(end: End) async throws {
        let script: ScriptedServer.Script = { peer in
            _ = try peer.head()
            _ = try peer.bytes(100_000)
            try end.play(on: peer)
        }

        try await withServer(script) { server, transport in
            let body = TransportBody.bytes([Pattern.huge])
            let error = await transport.failure(of: TransportRequest(.post, server.url(), body: body))

            #expect(error?.code == .broken)
            #expect(error?.mayHaveArrived == false)
        }
    }
}
