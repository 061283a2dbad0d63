// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import GatewayTesting
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@Suite struct HingNetTaskTests {
    @Test func `a task goes through its states in the time of a call, and then has its picture for a day`() async throws
    {
        let time = ManualTime()
        try await withEmulator({ $0.latency = .seconds(10) ... .seconds(10) }, time: time) { client, emulator in
            let begun = try await client.begin("a lighthouse", HingNet.model, ["size": "2K", "aspect_ratio": "16:9"])
            let id = try #require(begun.json["id"]?.string)
            #expect(id.wholeMatch(of: /image_[0-9A-HJKMNP-TV-Z]{26}/) != nil)
            #expect(begun.json["task_id"]?.string == id)
            #expect(begun.json["status"]?.string == "pending")
            #expect(begun.json["prompt"]?.string == "a lighthouse")
            #expect(emulator.ledger.totals.running == 1)

            var states: [String] = []
            for _ in 0..<4 {
                let state = try await client.hingnet("/v1/images/generations/\(id)").json
                states.append(state["status"]?.string ?? "none")
                #expect((state["data"] == nil) == (states.last != "completed"))
                #expect(state["prompt"] == nil)
                time.advance(by: .seconds(4))
            }
            #expect(states == ["pending", "pending", "in_progress", "completed"])
            #expect(emulator.ledger.totals.running == 0)
            #expect(emulator.ledger.totals.picturesBilled == 1)

            let done = try await client.hingnet("/v1/images/generations/\(id)")
            let expires = try #require(done.json["expires_at"]?.integer)
            #expect(done.json["completed_at"]?.integer == expires - 86_400)
            let address = try #require(done.firstURL)
            let file = try await client.fetch(address)
            #expect(file.contentType == "image/jpeg")
            #expect(PictureHeader(file.body.readableBytesView)?.size == PixelSize(2752, 1536))
            time.advance(by: .seconds(86_390))
            #expect(try await client.fetch(address).status == 200)
            time.advance(by: .seconds(10))
            #expect(try await client.fetch(address).status == 403)
        }
    }

    @Test func `an address is good for GET, with its own signature and without a key`() async throws {
        try await withEmulator { client, _ in
            let address = try #require(try await client.beginAndAsk("fox").firstURL)

            #expect(address.hasPrefix("http://"))
            #expect(try await client.fetch(address).status == 200)
            #expect(try await client.fetch(address, .head).status == 403)
            #expect(try await client.fetch(address, key: "emulated-key").status == 400)
            #expect(try await client.fetch(address + "0").status == 403)
            #expect(try await client.fetch(address.replacing("Expires=1", with: "Expires=2")).status == 403)
            #expect(try await client.fetch(address.replacing("-0.", with: "-1.")).status == 403)
        }
    }

    @Test func `a task is known by the paths it was begun by`() async throws {
        try await withEmulator { client, _ in
            let drawn = try #require(try await client.begin("fox").json["id"]?.string)
            let fields: [HingNet.Field] = [
                .text("model", HingNet.model), .text("prompt", "fox"), .file("image", HingNetCheckTests.picture),
            ]
            let answer = try await client.hingnet("/v1/images/edits/async", .post, form: fields)
            let edited = try #require(answer.json["id"]?.string)

            #expect(try await client.hingnet("/v1/images/generations/\(drawn)").status == 200)
            #expect(try await client.hingnet("/v1/images/edits/\(drawn)").status == 404)
            #expect(try await client.hingnet("/v1/images/edits/\(edited)").status == 200)
            #expect(try await client.hingnet("/v1/images/generations/\(edited)").errorCode == "task_not_found")
            #expect(try await client.hingnet("/v1/images/edits/\(edited)", key: "bad").status == 401)
        }
    }

    @Test func `the words for the states can be others`() async throws {
        let time = ManualTime()
        let change: (inout EmulatorSettings) -> Void = {
            $0.latency = .seconds(9) ... .seconds(9)
            $0.hingnetStates = ["queued", "warming", "processing", "succeeded"]
        }
        try await withEmulator(change, time: time) { client, _ in
            let id = try #require(try await client.begin("fox").json["id"]?.string)
            var words: [String] = []
            for _ in 0..<4 {
                words.append(try await client.hingnet("/v1/images/generations/\(id)").json["status"]?.string ?? "")
                time.advance(by: .seconds(3))
            }
            #expect(words == ["queued", "warming", "processing", "succeeded"])
        }
    }

    static let endings: [(String, String?, String?)] = [
        ("task-failed", "failed", "task_failed"), ("task-refused", "failed", "content_policy_violation"),
        ("task-expired", "expired", nil), ("task-stuck", "in_progress", nil), ("task-lost", nil, "task_not_found"),
        ("task-forgotten", nil, "task_not_found"), ("strange-words", "succeeded", nil), ("no-data", "completed", nil),
        ("null-data", "completed", nil), ("item-without-address", "completed", nil),
    ]

    @Test(arguments: endings)
    func `a task can end in every way, and is billed once`(row: (String, String?, String?)) async throws {
        try await withEmulator { client, emulator in
            let state = try await client.beginAndAsk("fox [emulate:\(row.0)]")

            #expect(state.json["status"]?.string == row.1)
            #expect(state.errorCode == row.2)
            #expect((state.firstURL != nil) == (row.0 == "strange-words"))
            #expect((state.json["model"] == nil) == (state.json["error"] != nil))
            #expect(emulator.ledger.totals.picturesBilled == 1)
            #expect(emulator.ledger.totals.calls == 1)
        }
    }

    @Test func `questions can fail at first, and an id can be hostile`() async throws {
        try await withEmulator { client, _ in
            let id = try #require(try await client.begin("fox [emulate:poll-errors]").json["id"]?.string)
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await client.hingnet("/v1/images/generations/\(id)").status) }
            let hostile = try await client.begin("fox [emulate:hostile-id]").json["id"]?.string

            #expect(statuses == [502, 429, 200])
            #expect(hostile?.hasPrefix("../../v1/models") == true)
        }
    }

    static let results: [(String, Int, String)] = [
        ("result-403", 403, "application/xml"), ("result-404", 404, "application/xml"),
        ("result-text", 200, "text/html"), ("result-svg", 200, "image/svg+xml"), ("result-tiny", 200, "image/png"),
        ("result-redirect", 302, ""), ("garbage", 200, "image/jpeg"), ("wrong-mime", 200, "image/png"),
        ("empty-data", 200, "image/jpeg"),
    ]

    @Test(arguments: results)
    func `something else can be behind the address of a picture`(row: (String, Int, String)) async throws {
        try await withEmulator { client, emulator in
            let address = try #require(try await client.beginAndAsk("fox [emulate:\(row.0)]").firstURL)

            let file = try await client.fetch(address)

            #expect(file.status == row.1)
            #expect(file.contentType == row.2)
            #expect((PictureHeader(file.body.readableBytesView) != nil) == (row.0 == "wrong-mime"))
            #expect(emulator.ledger.totals.picturesBilled == 1)
        }
    }

    @Test func `a picture can come slowly, without end, in part, or as ten gigabytes`() async throws {
        let change: (inout EmulatorSettings) -> Void = {
            $0.drip = .milliseconds(200)
            $0.hold = .milliseconds(300)
        }
        try await withEmulator(change, on: .live) { client, _ in
            func fetch(_ fault: String) async throws -> Answer {
                let prompt = "fox [emulate:\(fault)]"
                let address = try #require(try await client.beginAndAsk(prompt, "gemini-2.5-flash-image").firstURL)
                return try await client.fetch(address)
            }
            let slow = try await fetch("result-slow")
            #expect(PictureHeader(slow.body.readableBytesView)?.size == PixelSize(1024, 1024))
            await #expect(throws: (any Error).self) { try await fetch("result-truncated") }
            await #expect(throws: (any Error).self) { try await fetch("result-endless") }
        }
    }
}
