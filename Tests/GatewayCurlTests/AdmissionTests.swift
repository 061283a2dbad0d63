// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Answers that wait for room in memory.
@Suite(.timeLimit(.minutes(5))) struct AdmissionTests {
    private static let size = 64 << 20
    private static let bytes = Pattern.bytes(size)

    private static let large: ScriptedServer.Script = { peer in
        while let request = try peer.request() {
            guard request.line.contains("large") else {
                try peer.answer("200 OK", "small")
                continue
            }
            try peer.write(Array("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n".utf8) + bytes)
        }
    }

    /// Runs the body for a piece of work whose budget somebody else has used up, and gives it the way to end that.
    static func withoutRoom(_ body: (_ release: Signal) async throws -> Void) async throws {
        let budget = ByteBudget(limit: 1 << 20)
        let release = Signal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let isFull = Signal()
            group.addTask {
                let other = budget.open()
                #expect(other.reserve(1 << 20) {})
                isFull.fire()
                _ = await release.wait()
                withExtendedLifetime(other) {}
            }
            _ = await isFull.wait()
            try await ByteBudget.Account.$current.withValue(budget.open()) { try await body(release) }
            release.fire()
            try await group.waitForAll()
        }
    }

    @Test func `an answer there is no room for is held back until there is`() async throws {
        try await withServer(Self.large) { server, transport in
            try await Self.withoutRoom { release in
                // Waiting for room is no stall of the sender.
                let limits = TransportLimits.patient.with { limits in
                    limits.stall = .milliseconds(300)
                    limits.responseBytes = Self.size
                }
                async let answer = transport.send(TransportRequest(.get, server.url("/large"), limits: limits))
                let held = try await untilStill { server.peers.first?.sentBytes ?? 0 }
                #expect(held < 24 << 20)
                release.fire()

                let body = try await answer.body
                #expect(body.readableBytes == Self.size)
                #expect(Pattern.matches(body, at: 0))
            }
        }
    }

    @Test func `a small answer needs no room`() async throws {
        try await withServer(Self.large) { server, transport in
            try await Self.withoutRoom { _ in
                let answer = try await transport.send(TransportRequest(.get, server.url("/small")))

                #expect(String(buffer: answer.body) == "small")
            }
        }
    }

    @Test func `an answer that waits for room can be cancelled`() async throws {
        try await withServer(Self.large) { server, transport in
            try await Self.withoutRoom { _ in
                let task = Task { await transport.failure(of: TransportRequest(.get, server.url("/large"))) }
                while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                task.cancel()

                #expect(await task.value?.code == .cancelled)
            }
        }
    }
}
