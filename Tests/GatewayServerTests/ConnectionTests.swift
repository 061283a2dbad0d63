// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HummingbirdTesting
import NIOCore
import Testing

/// What needs a real connection: bodies nobody wants, callers who go away, several requests one after the other.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ConnectionTests {
    private func request(_ path: String, headers: String = "", body: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\ncontent-type: application/json\r\n"
            + "\(headers)\r\n\(body)"
    }

    private func sized(_ path: String, _ body: JSON = Call.body(), headers: String = "") -> String {
        let text = String(buffer: body.encoded())
        return request(path, headers: "content-length: \(text.utf8.count)\r\n\(headers)", body: text)
    }

    private func run(
        _ gateway: TestGateway = TestGateway(time: SystemTime()),
        engine: FakeEngine.Conduct? = nil,
        _ test: @escaping @Sendable (RawConnection) async throws -> Void
    ) async throws {
        try await gateway.run(on: .live, engine: engine) { client in
            try await test(try RawConnection(port: try #require(client.port)))
        }
    }

    // MARK: Bodies nobody wants

    @Test func `a gigabyte that is announced is refused at once`() async throws {
        let head = request(Call.generations, headers: "content-length: 1000000000\r\n")
        try await run { connection in
            try await connection.send(head)
            // Not a byte of the body was sent: the answer does not wait for it.
            let answer = try await connection.answer()
            answer.expectError(413, "payload_too_large")
            #expect(answer[header: "connection"] == "close")
            #expect(await connection.isEnded())
        }
    }

    @Test(arguments: [Call.generations, Call.asynchronous])
    func `who waits for leave to send the body gets it at once`(path: String) async throws {
        let body = String(buffer: Call.body().encoded())
        let head = request(path, headers: "content-length: \(body.utf8.count)\r\nexpect: 100-Continue\r\n")
        try await run(engine: { try await $0.finish($1, [DeliveredPicture(base64: ByteBuffer(string: "AAAA"))]) }) {
            connection in
            for _ in 1...2 {
                try await connection.send(head)
                #expect(try await connection.answer().status == 100)
                try await connection.send(body)
                #expect(try await connection.answer().status == 200)
            }
        }
    }

    @Test(arguments: [
        ("content-length: 1000000000\r\n", 413), ("content-length: 9\r\ncontent-type: text/x\r\n", 415),
    ])
    func `who is refused gets no leave to send the body`(headers: String, status: Int) async throws {
        let head =
            "POST \(Call.generations) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\n"
            + "expect: 100-continue\r\n\(headers)\r\n"
        try await run { connection in
            try await connection.send(head)
            let answer = try await connection.answer()
            #expect(answer.status == status)
            #expect(answer[header: "connection"] == "close")
            #expect(await connection.isEnded())
        }
    }

    @Test func `bodies that would not fit into memory together are asked to come back`() async throws {
        let gateway = TestGateway(time: SystemTime()) { $0.settings.bodyMemory = 1 << 20 }
        let body = String(repeating: " ", count: 700 << 10) + String(buffer: Call.body().encoded())
        let head = request(
            Call.asynchronous,
            headers: "content-length: \(body.utf8.count)\r\nexpect: 100-continue\r\n"
        )
        try await gateway.run(on: .live) { client in
            let port = try #require(client.port)
            let (first, second) = (try RawConnection(port: port), try RawConnection(port: port))
            try await first.send(head)
            #expect(try await first.answer().status == 100)
            try await second.send(head)
            let refusal = try await second.answer()
            refusal.expectError(429, "queue_full")
            #expect(refusal[header: "retry-after"] == "2")
            // Small ones are taken all the same.
            let small = try RawConnection(port: port)
            try await small.send(sized(Call.asynchronous))
            #expect(try await small.answer().status == 200)
            try await first.send(body)
            #expect(try await first.answer().status == 200)
            let third = try RawConnection(port: port)
            try await third.send(head)
            #expect(try await third.answer().status == 100)
            try await third.send(body)
            #expect(try await third.answer().status == 200)
        }
    }

    @Test(arguments: [false, true])
    func `a caller who sends a gigabyte anyway is not read to the end`(chunked: Bool) async throws {
        let length = chunked ? "transfer-encoding: chunked\r\n" : "content-length: 1000000000\r\n"
        let head = request(Call.generations, headers: length)
        let gateway = TestGateway(time: SystemTime()) { $0.settings.maxBody = 1 << 20 }
        try await run(gateway) { connection in
            try await connection.send(head)
            let taken = await connection.flood(atMost: 1_000_000_000, chunked: chunked)
            // Most of what was taken lies in the kernel's buffers of both sides.
            #expect(taken < 40 << 20, "\(taken) bytes were taken")
            let answer = try await connection.answer()
            answer.expectError(413, "payload_too_large")
            #expect(answer[header: "connection"] == "close")
        }
        #expect(gateway.store.all.isEmpty)
    }

    @Test(arguments: [
        ("/v1/images/generations", "authorization: Bearer wrong\r\n", 401), ("/nowhere", "", 404),
        ("/v1/models", "", 405),
    ])
    func `a large body is not read for an error either`(path: String, header: String, status: Int) async throws {
        let head =
            "POST \(path) HTTP/1.1\r\nhost: x\r\n\(header.isEmpty ? "authorization: Bearer key-alice\r\n" : header)"
            + "content-type: application/json\r\ncontent-length: 1000000000\r\n\r\n"
        try await run { connection in
            try await connection.send(head)
            let answer = try await connection.answer()
            #expect(answer.status == status)
            #expect(answer[header: "connection"] == "close")
            #expect(await connection.isEnded())
        }
    }

    @Test func `after a small error the connection goes on`() async throws {
        let wrong = sized("/nowhere")
        let good = sized(Call.asynchronous)
        try await run { connection in
            try await connection.send(wrong)
            #expect(try await connection.answer().status == 404)
            try await connection.send(good)
            #expect(try await connection.answer().status == 200)
        }
    }

    @Test func `broken chunks are the caller's mistake`() async throws {
        let text = request(Call.asynchronous, headers: "transfer-encoding: chunked\r\n", body: "5\r\nhello\r\nzz\r\n")
        let gateway = TestGateway(time: SystemTime())
        try await run(gateway) { connection in
            try await connection.send(text)
            #expect(try await connection.answer().status == 400)
            #expect(await connection.isEnded())
        }
        #expect(gateway.log.lines.allSatisfy { !$0.hasPrefix("error") })
    }

    // MARK: Several requests

    @Test func `synchronous calls share a connection, one after the other`() async throws {
        let call = sized(Call.generations)
        try await run(engine: { try await $0.finish($1) }) { connection in
            for _ in 1...3 {
                try await connection.send(call)
                let answer = try await connection.answer()
                #expect(answer.status == 200)
                #expect(answer.json["data"]?[0]?["b64_json"]?.string == "iVBORw0KGgo=")
                #expect(answer[header: "connection"] == nil)
            }
        }
    }

    @Test func `synchronous calls sent ahead are answered in order`() async throws {
        let calls = (1...3).map { sized(Call.generations, Call.body(["prompt": JSON("fox \($0)")])) }.joined()
        let read = "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\n\r\n"
        try await run(engine: { engine, task in
            let picture = ByteBuffer(string: Base64.encode(.init(string: task.request.prompt)).text)
            try await engine.finish(task, [DeliveredPicture(base64: picture)])
        }) { connection in
            try await connection.send(calls + read)
            for number in 1...3 {
                let expected = Base64.encode(.init(string: "fox \(number)")).text
                #expect(try await connection.answer().json["data"]?[0]?["b64_json"]?.string == expected)
            }
            #expect(try await connection.answer().json["object"]?.string == "list")
        }
    }

    @Test func `a large answer arrives whole, and the connection can be used again`() async throws {
        let call = sized(Call.generations)
        let base64 = ByteBuffer(repeating: UInt8(ascii: "A"), count: 8_000_000)
        try await run(engine: { try await $0.finish($1, [DeliveredPicture(base64: base64)]) }) { connection in
            for _ in 1...2 {
                try await connection.send(call)
                let answer = try await connection.answer()
                #expect(answer.body.readableBytes > 8_000_000)
                #expect(answer.json["data"]?[0]?["b64_json"] != nil)
            }
        }
    }

    @Test func `an error for HEAD leaves the connection in order`() async throws {
        let read = "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-alice\r\n\r\n"
        try await run { connection in
            try await connection.send("HEAD /v1/models HTTP/1.1\r\nhost: x\r\n\r\n" + read)
            let head = try await connection.headAnswer()
            #expect(head.status == 401)
            #expect(try await connection.answer().status == 200)
        }
    }

    // MARK: Callers who go away

    @Test func `a caller who hangs up while waiting is noticed`() async throws {
        let gateway = TestGateway(time: SystemTime())
        let call = sized(Call.generations)
        let (assigned, announce) = AsyncStream<TaskID>.makeStream()
        try await run(
            gateway,
            engine: { engine, task in
                announce.yield(task.id)
                // Until the caller is known to have gone; the time limit of the suite is the test's patience.
                while !engine.board.hasHungUp(task.id) { try await Task.sleep(for: .milliseconds(2)) }
                announce.finish()
            }
        ) { connection in
            try await connection.send(call)
            var tasks = assigned.makeAsyncIterator()
            let id = try #require(await tasks.next())
            #expect(!gateway.board.hasHungUp(id))
            connection.hangUp()
            #expect(await tasks.next() == nil)
            #expect(gateway.board.takeCaller(of: id) == nil)
        }
    }

    @Test(arguments: [true, false])
    func `a call with a name goes on without its caller, unless nobody could ever get its picture`(
        hasStorage: Bool
    ) async throws {
        let gateway = TestGateway(time: SystemTime()) { $0.settings.hasStorage = hasStorage }
        let call = sized(Call.generations, headers: "idempotency-key: order-1\r\n")
        let (left, announce) = AsyncStream<Bool>.makeStream()
        try await run(
            gateway,
            engine: { engine, task in
                announce.yield(false)
                while engine.board.isAwaited(task.id) { try await Task.sleep(for: .milliseconds(2)) }
                announce.yield(engine.board.hasHungUp(task.id))
            }
        ) { connection in
            try await connection.send(call)
            var events = left.makeAsyncIterator()
            #expect(await events.next() == false)
            connection.hangUp()
            #expect(await events.next() == !hasStorage)
        }
    }

    @Test func `a caller who has the answer has not hung up`() async throws {
        let gateway = TestGateway(time: SystemTime())
        let call = sized(Call.generations)
        try await run(gateway, engine: { try await $0.finish($1) }) { connection in
            try await connection.send(call)
            #expect(try await connection.answer().status == 200)
            connection.hangUp()
        }
        let task = try #require(gateway.store.all.first)
        #expect(!gateway.board.hasHungUp(task.id))
        #expect(task.status == .completed)
    }

    @Test func `a caller who hangs up does not take the task along that it was given`() async throws {
        let gateway = TestGateway(time: SystemTime())
        let call = sized(Call.generations, headers: "prefer: wait=0\r\n")
        try await run(gateway) { connection in
            try await connection.send(call)
            #expect(try await connection.answer().status == 202)
            connection.hangUp()
        }
        let task = try #require(gateway.store.all.first)
        #expect(!gateway.board.hasHungUp(task.id))
        #expect(task.status == .pending)
    }
}

extension ByteBuffer {
    /// The bytes as text.
    fileprivate var text: String { String(buffer: self) }
}
