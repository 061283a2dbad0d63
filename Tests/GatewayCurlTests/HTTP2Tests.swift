// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// The same transport with a server that speaks HTTP/2.
@Suite(.timeLimit(.minutes(5))) struct HTTP2Tests {
    private func withTransport(_ body: (HTTP2Server, CurlTransport) async throws -> Void) async throws {
        try await HTTP2Server.run { server in
            let transport = try CurlTransport(settings: server.trusting)
            try await body(server, transport)
            await transport.close()
        }
    }

    private func get(_ url: String) -> TransportRequest { TransportRequest(.get, url, limits: .patient) }

    @Test func `fifty exchanges at once share the connection that is there`() async throws {
        try await withTransport { server, transport in
            let first = String(buffer: try await transport.send(get(server.url + "/connection")).body)
            #expect(first.hasPrefix("h2"))

            let connections = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 1...50 {
                    group.addTask { String(buffer: try await transport.send(get(server.url + "/hold")).body) }
                }
                while server.held.now < 50 { try await Task.sleep(for: .milliseconds(5)) }
                server.isOpen.fire()
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }

            #expect(connections == [first])
        }
    }

    @Test(arguments: BodyKind.allCases)
    func `bodies go and come whole`(kind: BodyKind) async throws {
        try await withTransport { server, transport in
            for _ in 1...3 {
                var request = TransportRequest(.post, server.url + "/echo", body: kind.body, limits: .patient)
                request.headers[.contentType] = "image/png"
                let answer = try await transport.send(request)

                #expect(answer.status == 201)
                #expect(answer.headers[.contentType] == "image/png")
                #expect(Array(answer.body.readableBytesView) == kind.bytes)
            }
        }
    }

    /// Over HTTP/2 libcurl would take in all of it: what may be held back uses HTTP/1.1.
    @Test func `a stream nobody reads holds its sender back, and not the others`() async throws {
        try await withTransport { server, transport in
            _ = try await transport.send(get(server.url + "/connection"))
            let stream = try await transport.open(get(server.url + "/big"))
            for _ in 1...20 {
                let answer = try await transport.send(get(server.url + "/connection"))
                #expect(String(buffer: answer.body).hasPrefix("h2"))
            }
            #expect(stream.headers[HTTP2Server.connectionHeader]?.hasPrefix("h1") == true)

            var size = 0
            var isIntact = true
            for try await piece in stream.body {
                isIntact = isIntact && Pattern.matches(piece, at: size)
                size += piece.readableBytes
            }
            #expect(size == 64 << 20)
            #expect(isIntact)
        }
    }

    @Test func `an answer there is no room for is held back as well`() async throws {
        try await withTransport { server, transport in
            try await AdmissionTests.withoutRoom { release in
                let limits = TransportLimits.patient.with { $0.responseBytes = 64 << 20 }
                async let pending = transport.send(TransportRequest(.get, server.url + "/big", limits: limits))
                while server.given.now == 0 { try await Task.sleep(for: .milliseconds(5)) }
                release.fire()

                let answer = try await pending
                let body = answer.body
                #expect(answer.headers[HTTP2Server.connectionHeader]?.hasPrefix("h1") == true)
                #expect(body.readableBytes == 64 << 20)
                #expect(Pattern.matches(body, at: 0))
            }
        }
    }

    @Test func `a cancelled exchange leaves its connection to the others`() async throws {
        try await withTransport { server, transport in
            let first = String(buffer: try await transport.send(get(server.url + "/connection")).body)
            let held = Task { await transport.failure(of: get(server.url + "/hold")) }
            while server.held.now < 1 { try await Task.sleep(for: .milliseconds(5)) }
            held.cancel()

            #expect(await held.value?.code == .cancelled)
            #expect(String(buffer: try await transport.send(get(server.url + "/connection")).body) == first)
        }
    }

    @Test func `a certificate nobody vouches for is refused before anything is sent`() async throws {
        try await HTTP2Server.run { server in
            let transport = try CurlTransport()
            let error = await transport.failure(of: TransportRequest(.post, server.url + "/echo"))

            #expect(error?.code == .tls)
            #expect(error?.mayHaveArrived == false)
            await transport.close()
        }
    }
}
