// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import NIOCore
import Testing

/// What the transport costs the process.
///
/// Each test has a process of its own, so that nothing else is counted.
@Suite(.timeLimit(.minutes(5))) struct ResourceTests {
    @Test func `two thousand waiting exchanges take one thread and little memory`() async {
        await #expect(processExitsWith: .success) {
            let count = 2000
            try Process.allowDescriptors(8192)
            let crowd = try Crowd(count)
            let transport = try CurlTransport()
            let request = TransportRequest(.post, crowd.url, body: BodyKind.small.body, limits: .patient)
            let before = Process.residentBytes

            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 1...count { group.addTask { String(buffer: try await transport.send(request).body) } }
                #expect(await crowd.isComplete.wait())
                // Threads that libcurl makes have their maker's name.
                #expect(Process.threads(named: "curl") == 1)
                let each = (Process.residentBytes - before) / count
                #expect(each < 48 << 10, "one waiting exchange takes \(each) bytes")
                crowd.mayAnswer.fire()
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }

            #expect(answers.count == count)
            await transport.close()
        }
    }

    @Test func `waiting costs no CPU`() async {
        await #expect(processExitsWith: .success) {
            let isOver = Signal()
            let server = try ScriptedServer { peer in
                _ = try peer.request()
                try isOver.block()
                try peer.answer()
            }
            let transport = try CurlTransport()
            let limits = TransportLimits.patient.with { $0.stall = .milliseconds(250) }
            let request = TransportRequest(.post, server.url(), body: BodyKind.small.body, limits: limits)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 1...20 { group.addTask { try await transport.send(request).status } }
                while server.requests.count < 20 { try await Task.sleep(for: .milliseconds(10)) }
                let before = Process.cpuTime
                try await Task.sleep(for: .seconds(1))

                // A loop that turns would take the whole second.
                #expect(Process.cpuTime - before < 0.2)
                isOver.fire()
                for try await status in group { #expect(status == 200) }
            }
            let before = Process.cpuTime
            try await Task.sleep(for: .seconds(1))

            #expect(Process.cpuTime - before < 0.1)
            await transport.close()
        }
    }

    @Test func `exchanges of all kinds leave no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            try await ResourceTests.exchangesOfAllKinds()
            // A thread that ends may hold its own for a moment.
            let before = try await untilStill { Process.descriptors }
            for _ in 1...30 { try await ResourceTests.exchangesOfAllKinds() }

            let after = try await untilStill { Process.descriptors }
            #expect(after == before)
            #expect(Process.threads(named: "curl") == 0)
        }
    }

    /// Eight exchanges that end in eight ways, on a transport and a server of their own.
    private static func exchangesOfAllKinds() async throws {
        let script: ScriptedServer.Script = { peer in
            while let request = try peer.request() {
                switch request.line.split(separator: " ")[1] {
                case "/reset": return peer.reset()
                case "/wait": return peer.untilClosed()
                case "/cut": return try peer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
                default: try peer.answer("200 OK", "hello")
                }
            }
        }
        try await withServer(script) { server, transport in
            _ = try await transport.send(TransportRequest(.get, server.url()))
            _ = try await transport.send(TransportRequest(.put, server.url(), body: BodyKind.streamed.body))
            _ = try await transport.open(TransportRequest(.get, server.url("/cut")))
            _ = try await transport.open(TransportRequest(.get, server.url())).gathered()
            let deaf = try Loopback.reserve()
            defer { close(deaf) }
            let port = try Loopback.port(of: deaf)
            let limits = TransportLimits.patient.with { $0.firstByte = .milliseconds(20) }
            let failing = [
                TransportRequest(.post, server.url("/reset"), body: BodyKind.small.body),
                TransportRequest(.post, server.url("/wait"), limits: limits),
                TransportRequest(.post, server.url("/cut")),
                TransportRequest(.post, "http://127.0.0.1:\(port)/"),
                TransportRequest(.post, server.url(scheme: "https"), limits: limits),
                TransportRequest(.post, "no URL"),
            ]
            for request in failing { #expect(await transport.failure(of: request) != nil) }
            let cancelled = Task { await transport.failure(of: TransportRequest(.get, server.url("/wait"))) }
            cancelled.cancel()
            #expect(await cancelled.value?.code == .cancelled)
        }
    }
}
