// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import GatewayCore
@testable import GatewayServer
import GatewayTesting
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing

/// What callers on kept connections see of a listener that stops.
@Suite(.timeLimit(.minutes(5)), .serialized) struct FarewellTests {
    private static let look = "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\n\r\n"

    private static func order(padding: Int = 0) -> String {
        let text = String(repeating: " ", count: padding) + String(buffer: Call.body().encoded())
        return "POST \(Call.generations) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\n"
            + "content-type: application/json\r\ncontent-length: \(text.utf8.count)\r\n\r\n\(text)"
    }

    /// Serves until the test is over and the listener has ended.
    ///
    /// - Returns: How long the end took, from the stop on.
    @discardableResult
    private func serve(
        _ patience: FarewellHandler.Patience,
        engine conduct: FakeEngine.Conduct? = nil,
        _ test: @escaping @Sendable (_ port: Int, _ stop: @Sendable () async -> Void) async throws -> Void
    ) async throws -> Duration {
        let port = LoopbackPorts.take()
        let gateway = TestGateway(time: SystemTime()) { $0.settings.port = port }
        let engine = FakeEngine(
            store: gateway.store,
            board: gateway.board,
            time: gateway.time,
            node: gateway.settings.node,
            uploads: gateway.uploads
        )
        var server = gateway.server
        server.patience = patience
        let (running, announce) = AsyncStream<Void>.makeStream()
        let listener = try server.application { _ in announce.finish() }
        let services = ServiceGroup(services: [listener], logger: gateway.log.logger())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            if let conduct { group.addTask { await engine.run(conduct) } }
            let ended = Flag()
            group.addTask {
                try await services.run()
                ended.set()
            }
            for await _ in running {}
            let serving = server
            try await test(port) {
                gateway.board.stopTaking()
                await serving.closeDoor()
                await services.triggerGracefulShutdown()
            }
            let start = ContinuousClock.now
            await services.triggerGracefulShutdown()
            while !ended.isSet { try await Task.sleep(for: .milliseconds(5)) }
            group.cancelAll()
            return ContinuousClock.now - start
        }
    }

    /// Nobody is in a hurry.
    private static let patient = FarewellHandler.Patience(
        idle: .seconds(60),
        first: .seconds(60),
        crossing: .seconds(60),
        notice: .seconds(60)
    )
    /// The end comes at once, and there is time for what crosses it.
    private static let brief = FarewellHandler.Patience(
        idle: .zero,
        first: .zero,
        crossing: .seconds(60),
        notice: .seconds(60)
    )

    @Test func `requests on kept connections behind the stop are answered, and the last answer says so`() async throws {
        try await serve(Self.patient) { port, stop in
            let connections = try (0..<9).map { _ in try RawConnection(port: port) }
            for connection in connections {
                try await connection.send(Self.look)
                #expect(try await connection.answer()[header: "connection"] == nil)
            }
            await stop()

            for (number, connection) in connections.enumerated() {
                var answer: Answer
                // The word that the process stops is on its way to each connection.
                repeat {
                    try await connection.send(number.isMultiple(of: 2) ? Self.look : Self.order())
                    answer = try await connection.answer()
                    if number.isMultiple(of: 2) {
                        #expect(answer.status == 200)
                    } else {
                        answer.expectError(503, "shutting_down")
                        #expect(answer[header: "retry-after"] == "2")
                    }
                } while answer[header: "connection"] == nil
                #expect(answer[header: "connection"] == "close")
                #expect(await connection.isEnded())
                connection.hangUp()
            }
        }
    }

    @Test func `whoever gets through the door gets an answer, however many come when it closes`() async throws {
        for _ in 0..<3 {
            let (answered, unanswered) = (Tally(), Tally())
            try await serve(FarewellHandler.Patience()) { port, stop in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            // Until the door is closed.
                            while let connection = await RawConnection.opened(port: port) {
                                do {
                                    try await connection.send(Self.look)
                                    _ = try await connection.answer()
                                    answered.add()
                                } catch {
                                    unanswered.add()
                                }
                            }
                        }
                    }
                    while answered.count < 100 { try await Task.sleep(for: .milliseconds(1)) }
                    await stop()
                    try await group.waitForAll()
                }
            }
            #expect(unanswered.count == 0)
        }
    }

    @Test func `who waits for a picture gets it whole, and then the connection ends`() async throws {
        let (begun, goOn) = (Flag(), Flag())
        let picture = ByteBuffer(repeating: UInt8(ascii: "A"), count: 8_000_000)
        try await serve(
            Self.patient,
            engine: { engine, task in
                begun.set()
                while !goOn.isSet { try await Task.sleep(for: .milliseconds(2)) }
                try await engine.finish(task, [DeliveredPicture(base64: picture)])
            }
        ) { port, stop in
            let connection = try RawConnection(port: port)
            try await connection.send(Self.order())
            while !begun.isSet { try await Task.sleep(for: .milliseconds(2)) }
            await stop()
            goOn.set()

            let answer = try await connection.answer()

            #expect(answer.status == 200)
            #expect(answer.body.readableBytes > 8_000_000)
            // If the picture was faster than the word that the process stops, the next answer says so.
            var last = answer
            while last[header: "connection"] == nil {
                try await connection.send(Self.look)
                last = try await connection.answer()
                #expect(last.status == 200)
            }
            #expect(last[header: "connection"] == "close")
            #expect(await connection.isEnded())
            connection.hangUp()
        }
    }

    @Test(arguments: [0, 2 << 20])
    func `a request that crosses the end of an idle connection meets a clean end, not a reset`(padding: Int)
        async throws
    {
        try await serve(Self.brief) { port, stop in
            let connection = try RawConnection(port: port)
            try await connection.send(Self.look)
            #expect(try await connection.answer().status == 200)
            await stop()
            // The end has arrived here before a byte of the request leaves.
            #expect(await connection.isEnded())

            // All of it is taken.
            try await connection.send(Self.order(padding: padding))

            #expect(await connection.isEnded())
            connection.hangUp()
        }
    }

    @Test func `callers who close nothing hold the stop up no longer than they may`() async throws {
        let patience = FarewellHandler.Patience(
            idle: .milliseconds(50),
            first: .milliseconds(50),
            crossing: .milliseconds(50),
            notice: .milliseconds(50)
        )
        let kept = KeptConnections()
        let took = try await serve(patience) { port, _ in
            for number in 0..<20 {
                let connection = try RawConnection(port: port)
                kept.keep(connection)
                // Some have asked, some are in the middle of a request's head, some have said nothing.
                if number.isMultiple(of: 2) {
                    try await connection.send(Self.look)
                    #expect(try await connection.answer().status == 200)
                }
                if number.isMultiple(of: 3) { try await connection.send("GET /v1/mod") }
            }
        }

        #expect(took < .seconds(5))
        kept.end()
    }
}

extension RawConnection {
    /// A connection; `nil` if nobody listens.
    ///
    /// Waiting for it holds no other test up.
    fileprivate static func opened(port: Int) async -> RawConnection? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: try? RawConnection(port: port)) }
        }
    }
}

/// How often something happened.
private final class Tally: Sendable {
    private let state = Mutex(0)

    var count: Int { state.withLock(\.self) }

    func add() { state.withLock { $0 += 1 } }
}

/// Connections that stay open behind a test.
private final class KeptConnections: Sendable {
    private let connections = Mutex<[RawConnection]>([])

    func keep(_ connection: RawConnection) { connections.withLock { $0.append(connection) } }

    func end() { connections.withLock { $0 = [] } }
}
