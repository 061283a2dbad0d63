// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
    private static let path = "/v1beta/models/gemini-3-pro-image:generateContent?key=emulated-x"

    /// A call over a connection of its own, so that a closed one disturbs nobody.
    private static func call(_ port: Int, _ prompt: String) async throws -> TestClient.Response {
        try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
            try await client.post(path, body: gemini(prompt, config: ["responseModalities": ["IMAGE"]]).encoded())
        }
    }

    @Test(arguments: [
        ("drop-early", 0), ("drop", 1), ("drop-after-head", 1), ("cut", 1), ("silent", 1), ("stall", 1), ("endless", 1),
    ])
    func `a connection is closed without a whole answer, and the bill is right`(fault: String, billed: Int) async throws
    {
        try await withEmulator({ $0.hold = .milliseconds(300) }, on: .live) { client, emulator in
            let port = try #require(client.port)

            await #expect(throws: (any Error).self) { try await Self.call(port, "fox [emulate:\(fault)]") }

            #expect(emulator.ledger.totals.calls == 1)
            #expect(emulator.ledger.totals.callsBilled == billed)
            #expect(emulator.ledger.totals.picturesBilled == billed)
            #expect(try await Self.call(port, "another fox").status == .ok)
        }
    }

    @Test func `a truncated answer is whole HTTP and half JSON`() async throws {
        try await withEmulator({ $0.variations = 1 }, on: .live) { client, emulator in
            let whole = try await client.draw("fox")
            let half = try await client.draw("fox [emulate:truncated]")

            #expect(half.status == 200)
            #expect(half.json == .null)
            #expect(abs(half.body.readableBytes * 2 - whole.body.readableBytes) < 2000)
            #expect(emulator.ledger.totals.callsBilled == 2)
        }
    }

    @Test func `a dripping answer is whole, and takes its time`() async throws {
        try await withEmulator({ $0.drip = .milliseconds(500) }, on: .live) { client, _ in
            let start = ContinuousClock.now

            let answer = try await client.draw("fox [emulate:drip]")

            #expect(answer.pictures.count == 1)
            #expect(ContinuousClock.now - start >= .milliseconds(500))
        }
    }

    @Test func `a latency passes before the picture is made`() async throws {
        let time = ManualTime()
        try await withEmulator(time: time, on: .live) { client, emulator in
            async let answer = client.draw("fox [emulate:latency=90s]")
            await time.untilSleeping()
            #expect(emulator.ledger.totals.running == 1)
            #expect(emulator.ledger.totals.callsBilled == 0)

            time.advance(by: .seconds(90))

            let status = try await answer.status
            #expect(status == 200)
            #expect(emulator.ledger.totals.callsBilled == 1)
        }
    }

    @Test func `who hangs up while the vendor works is billed all the same`() async throws {
        let time = ManualTime()
        try await withEmulator(time: time, on: .live) { client, emulator in
            let port = try #require(client.port)
            try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
                let body = gemini("fox [emulate:latency=60s]").encoded()
                try await client.executeAndDontWaitForResponse(.init(Self.path, method: .post, body: body))
                await time.untilSleeping()
            }

            time.advance(by: .seconds(60))

            // The call runs on without anybody listening; its end is the only thing to wait for.
            while emulator.ledger.totals.running > 0 { await Task.yield() }
            #expect(emulator.ledger.totals.callsBilled == 1)
        }
    }

    @Test func `large pictures arrive whole, many at once`() async throws {
        try await withEmulator({ $0.pictureBytes = 3_000_000 }, on: .live) { client, emulator in
            let port = try #require(client.port)
            let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let response = try await Self.call(port, "fox \(number % 2)")
                        let text = try JSON(reading: response.body ?? ByteBuffer())["candidates"]?[0]?["content"]?[
                            "parts"
                        ]?[0]
                        guard case .string(let data)? = text?["inlineData"]?["data"] else { return 0 }
                        return Base64.decode(data.bytes)?.readableBytes ?? 0
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }

            #expect(sizes == Array(repeating: 3_000_000, count: 8))
            #expect(emulator.ledger.totals.picturesBilled == 8)
        }
    }

    @Test func `the emulator closes while a vendor plays dead`() async throws {
        // The test ends only when the server has closed; the answer would take ten minutes.
        try await withEmulator(on: .live) { client, emulator in
            let port = try #require(client.port)
            let dead = TestClient(host: "127.0.0.1", port: port)
            dead.connect()
            let body = gemini("fox [emulate:silent]").encoded()
            try await dead.executeAndDontWaitForResponse(.init(Self.path, method: .post, body: body))
            while emulator.ledger.totals.callsBilled == 0 { await Task.yield() }
        }
    }

    @Test func `the port is told to whoever waits for it`() async throws {
        let emulator = try Emulator(logger: quiet)
        let application = emulator.application()

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            let port = try await emulator.port()
            let response = try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
                try await client.get("/_emulator/ledger")
            }
            #expect(response.status == .ok)
            #expect(try await emulator.port() == port)
            group.cancelAll()
        }
    }

    @Test func `waiting for the port can be given up`() async throws {
        let emulator = try Emulator(logger: quiet)

        let waiting = Task { try await emulator.port() }
        waiting.cancel()

        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}

@Suite struct ControlTests {
    @Test func `settings are changed while it runs, and go back`() async throws {
        try await withEmulator { client, emulator in
            let changed = try await client.control("settings", .put, ["vendor_faults": ["gemini": "503"]])
            #expect(changed.status == 200)
            #expect(changed.json["vendor_faults"]?["gemini"]?.string == "503")
            #expect(try await client.draw("fox").status == 503)
            #expect(emulator.settings.vendorFaults == ["gemini": "503"])

            #expect(try await client.control("settings", .delete).json["imagen"]?.string == "legacy")
            #expect(try await client.draw("fox").status == 200)
        }
    }

    @Test(arguments: [#"{"colour":1}"#, #"{"latency":"soon"}"#, "[]", "nonsense", ""])
    func `settings that cannot be change nothing`(body: String) async throws {
        try await withEmulator { client, emulator in
            let before = emulator.settings
            let response = try await client.execute(
                uri: "/_emulator/settings",
                method: .put,
                body: ByteBuffer(string: body)
            )

            #expect(response.status == .badRequest)
            #expect(!Answer(response).message.isEmpty)
            #expect(emulator.settings == before)
        }
    }

    @Test func `settings as large as a book are not read`() async throws {
        try await withEmulator { client, _ in
            let body = ByteBuffer(repeating: 0x20, count: (1 << 20) + 1)

            let status = try await client.execute(uri: "/_emulator/settings", method: .put, body: body).status
            #expect(status == .badRequest)
        }
    }

    @Test func `a fault by chance comes at the rate that was set`() async throws {
        try await withEmulator { client, emulator in
            let change: JSON = ["fault_rate": .number("0.5"), "faults": ["503"], "seed": 3]
            #expect(try await client.control("settings", .put, change).status == 200)

            var failures = 0
            for number in 0..<40 where try await client.predict("fox \(number % 2)").status == 503 { failures += 1 }

            #expect((10...30).contains(failures))
            #expect(emulator.ledger.totals.callsBilled == 40 - failures)
        }
    }

    @Test func `every fault is listed with what it does`() async throws {
        try await withEmulator { client, _ in
            let list = try await client.control("faults").json

            #expect(list["every vendor"]?["drop"]?.string?.isEmpty == false)
            #expect(list["gemini, imagen"]?["finish:IMAGE_SAFETY"]?.string?.isEmpty == false)
            #expect(list["gemini, imagen"]?["filter-some"]?.string?.isEmpty == false)
            #expect(list["aliases"]?["gemini, imagen"]?["503"]?.string == "unavailable")
        }
    }
}
