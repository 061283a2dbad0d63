// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct HingNetFaultTests {
    /// Fault, status, code as text (`-` for none), and a word of its message.
    static let table: [(String, Int, String, String)] = [
        ("bad-request", 400, "one_hub_error", "field Prompt is required"),
        ("bad-parameter", 400, "invalid_request_error", "not supported"),
        ("maker-error", 400, "400", "Provider API error: "), ("bad-image", 400, "token_error", "image"),
        ("refuse", 400, "content_policy_violation", "safety system"),
        ("refuse-input", 422, "InputImageSensitiveContentDetected", "sensitive"),
        ("refuse-maker", 400, "400", "safety settings"), ("bad-key", 401, "-", "无效的令牌"),
        ("expired-key", 401, "-", "令牌已过期"), ("spent-key", 401, "-", "令牌额度已用尽"),
        ("no-balance", 402, "insufficient_user_quota", "not enough"),
        ("no-balance-403", 403, "insufficient_user_quota", "not enough"),
        ("no-balance-429", 429, "insufficient_user_quota", "上游负载已饱和，请稍后再试"),
        ("no-reserve-429", 429, "pre_consume_token_quota_failed", "上游负载已饱和，请稍后再试"),
        ("forbidden", 403, "-", "不存在"), ("not-deployed", 404, "", "Invalid URL"),
        ("rate-limit", 429, "-", "速率达到上限"), ("upstream-limit", 429, "rate_limit", "上游负载已饱和"),
        ("retries-over", 429, "system_error", "重试超时"),
        ("no-route", 503, "MODEL_GROUP_ALL_UNAVAILABLE", "no channel"),
        ("no-route-429", 429, "MODEL_GROUP_ALL_UNAVAILABLE", "no channel"),
        ("model-unknown", 503, "one_hub_error", "无可用渠道"), ("no-channel", 503, "channel_error", "not implemented"),
        ("panic", 500, "-", "Panic"), ("quota-failure", 500, "get_user_quota_failed", ""),
        ("lost-inside", 500, "http_request_failed", ""), ("undecodable", 500, "decode_response_failed", ""),
        ("no-image-generated", 500, "no_image_generated", ""), ("no-address", 500, "image_url_not_available", ""),
        ("upstream-503", 503, "bad_response_status_code", "503"),
        ("upstream-401", 401, "bad_response_status_code", "401"), ("error-in-200", 200, "model_not_found", ""),
    ]

    /// Those without the vendor's envelope.
    static let pages: [(String, Int)] = [
        ("too-large", 413), ("empty-limit", 429), ("bad-gateway", 502), ("gateway-timeout", 504),
        ("gateway-timeout-billed", 504), ("origin-timeout", 524), ("broken-json", 200),
    ]

    static let billed = [
        "lost-inside", "undecodable", "no-address", "gateway-timeout-billed", "origin-timeout", "broken-json",
    ]

    @Test(arguments: table, [false, true])
    func `an error has the vendor's status, code and words`(row: (String, Int, String, String), isTask: Bool)
        async throws
    {
        try await withEmulator { client, emulator in
            let prompt = "fox [emulate:fault=\(row.0)]"
            let answer = isTask ? try await client.begin(prompt) : try await client.sync(prompt)

            let code = answer.json["error"]?["code"]
            #expect(answer.status == row.1)
            #expect(code?.string ?? code?.integer.map { "\($0)" } ?? "-" == row.2)
            #expect(answer.message.contains(row.3), "\(answer.message)")
            let isDisguised = ["no-balance-429", "no-reserve-429"].contains(row.0)
            #expect(answer.message.contains("(request id: ") != isDisguised)
            #expect(emulator.ledger.totals.calls == 1)
            #expect(emulator.ledger.totals.running == 0)
            #expect(emulator.ledger.totals.picturesBilled == (Self.billed.contains(row.0) ? 1 : 0))
        }
    }

    @Test(arguments: pages)
    func `a box in front answers in its own way`(fault: String, status: Int) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.sync("fox [emulate:\(fault)]")

            #expect(answer.status == status)
            #expect(answer.json == .null)
            #expect((answer.body.readableBytes == 0) == (fault == "empty-limit"))
            #expect(emulator.ledger.totals.picturesBilled == (Self.billed.contains(fault) ? 1 : 0))
        }
    }

    @Test func `every error is in a table here, and every shape is there`() {
        #expect(Set(HingNetFault.allCases.map(\.rawValue)) == Set(Self.table.map(\.0) + Self.pages.map(\.0)))
        #expect(Set(Self.billed) == Set(HingNetFault.allCases.filter(\.isBilled).map(\.rawValue)))
    }

    @Test func `a call that waits can have a receipt or nothing, and is billed`() async throws {
        try await withEmulator { client, emulator in
            let receipt = try await client.sync("one [emulate:receipt]").json
            let none = try await client.sync("two [emulate:no-data]").json
            let null = try await client.sync("three [emulate:null-data]").json
            let text = try await client.sync("four [emulate:created-as-text]")

            #expect(receipt["data"]?[0]?["task_id"]?.string?.hasPrefix("task_") == true)
            #expect(receipt["code"]?.integer == 200)
            #expect(none["data"]?.array?.isEmpty == true)
            #expect(null["data"] == nil && null.members?.contains { $0.name == "data" } == true)
            #expect(text.json["created"]?.string != nil && text.firstPicture != nil)
            #expect(emulator.ledger.totals.picturesBilled == 4)
        }
    }

    @Test func `a status is another vendor's another fault`() async throws {
        try await withEmulator { client, emulator in
            let prompt = "fox [emulate:429] [emulate:refuse@gemini]"
            let here = try await client.sync(prompt)
            let there = try await client.draw(prompt)
            let mine = try await client.sync("owl [emulate:task-lost][emulate:no-route@hingnet]")
            let theirs = try await client.draw("owl [emulate:task-lost][emulate:no-route@hingnet]")

            #expect(here.message.hasPrefix("您的速率达到上限"))
            #expect(there.statusName == "RESOURCE_EXHAUSTED")
            #expect(mine.status == 503 && theirs.status == 200)
            #expect(emulator.ledger.vendors["hingnet"]?.calls == 2)
            let fault = try await client.draw("cat [emulate:no-route@gemini]")
            #expect(fault.status == 400)
        }
    }

    @Test(arguments: [("drop", 1), ("drop-early", 0)])
    func `a fault of the connection is that of the call, and a lost receipt is billed`(fault: String, billed: Int)
        async throws
    {
        try await withEmulator(on: .live) { client, emulator in
            await #expect(throws: (any Error).self) { try await client.begin("fox [emulate:\(fault)]") }

            #expect(emulator.ledger.totals.calls == 1)
            #expect(emulator.ledger.totals.picturesBilled == billed)
        }
    }

    @Test func `settings that cannot be are refused`() async throws {
        try await withEmulator { client, _ in
            let changes: [JSON] = [
                ["hingnet_states": []], ["hingnet_states": [""]], ["hingnet_storage_off": 99],
                ["hingnet_storage_off": "yes"], ["vendor_faults": ["hingnet": "finish:SAFETY"]],
            ]
            for change in changes { #expect(try await client.control("settings", .put, change).status == 400) }
            let good: JSON = ["hingnet_storage_off": 503, "vendor_faults": ["hingnet": "503"]]
            #expect(try await client.control("settings", .put, good).json["hingnet_storage_off"]?.integer == 503)
            let back = try await client.control("settings", .put, ["hingnet_storage_off": .null]).json
            #expect(back["hingnet_storage_off"] == nil)
        }
    }
}
