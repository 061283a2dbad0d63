// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct AiToEarnFaultTests {
    @Test(arguments: AiToEarnFailure.all.map(\.code))
    func `an error by its code creates nothing`(code: Int) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.order("fox [emulate:code-\(code)]")

            #expect(answer.status == 200 && answer.code == code)
            #expect(code != 429 || answer.data["ttl"]?.integer == 2)
            #expect(emulator.ledger.totals.calls == 1 && emulator.ledger.totals.picturesBilled == 0)
            let books = try await client.control("aitoearn").json
            #expect(books["tasks"]?.integer == 0 && books["credits_deducted"]?.integer == 0)
        }
    }

    @Test(arguments: AiToEarnPage.allCases)
    func `a page of the front end says nothing of whether the task exists`(page: AiToEarnPage) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.order("fox [emulate:\(page.rawValue)]")

            #expect(answer.status == page.status.code && answer.contentType == "text/html")
            let wasTaken = page.rawValue.hasSuffix("billed")
            #expect(emulator.ledger.totals.picturesBilled == (wasTaken ? 1 : 0))
            #expect(try await client.control("aitoearn").json["tasks"]?.integer == (wasTaken ? 1 : 0))
        }
    }

    @Test(arguments: AiToEarnFate.allCases)
    func `a task has its fate, and its price`(fate: AiToEarnFate) async throws {
        try await withEmulator { client, emulator in
            let done = try await client.ordered("fox [emulate:\(fate.rawValue)]")

            switch fate {
            case .stuck: #expect(done.data["status"]?.string == "generating")
            case .lost: #expect(done.code == 404)
            default:
                #expect(done.code == 0 && done.data["status"]?.string == "failed")
                #expect(done.data["errorMessage"]?.string == fate.words)
                #expect(done.data["points"]?.integer == (fate == .unrefunded ? 1 : 0))
            }
            let isBilled = [.stuck, .lost, .unrefunded].contains(fate)
            #expect(emulator.ledger.totals.picturesBilled == (isBilled ? 1 : 0))
            #expect(emulator.ledger.totals.running == ([.stuck, .lost].contains(fate) ? 1 : 0))
        }
    }

    @Test func `answers come in other shapes`() async throws {
        try await withEmulator { client, emulator in
            #expect(try await client.order("a [emulate:no-log-id]").data["logId"] == nil)
            #expect(try await client.order("b [emulate:bad-log-id]").name.hasPrefix("../"))
            #expect(try await client.ordered("c [emulate:no-request-id]").json["requestId"] == nil)
            #expect(try await client.ordered("d [emulate:no-points]").data["points"] == nil)
            #expect(try await client.ordered("e [emulate:no-image]").data["images"] == [])
            #expect(try await client.ordered("f [emulate:null-url]").data["images"] == [["url": .null]])
            #expect(try await client.ordered("g [emulate:relative-url]").address.hasPrefix("67a0c4d19be2f35a8c01d7e4/"))
            let listed = try await client.ordered("h [emulate:response-list]")
            #expect(listed.data["images"] == nil && listed.data["response"]?["list"]?.array?.count == 1)
            let encoded = try await client.ordered("i [emulate:b64-images]").data["images"]?[0]?["b64_json"]
            guard case .string(let text) = encoded else { return #expect(Bool(false)) }
            #expect(Base64.decode(text.bytes).flatMap { PictureHeader($0.readableBytesView) } != nil)
            #expect(emulator.ledger.totals.picturesBilled == 9)
        }
    }

    @Test func `a task shows odd things while it is generating`() async throws {
        try await withEmulator({ $0.latency = .seconds(9) ... .seconds(9) }, time: ManualTime()) { client, _ in
            let strange = try await client.ordered("a [emulate:unknown-state]")
            let early = try await client.ordered("b [emulate:early-images]")

            #expect(strange.data["status"]?.string == "rendering")
            #expect(early.data["images"] == [["url": .null]])
        }
    }

    @Test(arguments: [
        ("poll-500", [500, 500, 0]), ("poll-429", [429, 0, 0]), ("poll-404", [404, 0, 0]),
        ("poll-401", [401, 401, 401]),
        ("poll-502", [nil, nil, 0]),
    ])
    func `polls fail for a while`(fault: String, codes: [Int?]) async throws {
        try await withEmulator { client, _ in
            let name = try await client.order("fox [emulate:\(fault)]").name
            var seen: [Int?] = []
            for _ in codes { seen.append(try await client.task(name).code) }

            #expect(seen == codes)
        }
    }

    @Test(arguments: [("drop", 1), ("cut", 1), ("drop-after-head", 1), ("drop-early", 0)])
    func `a connection that dies behind the submission leaves an orphan that is billed`(
        fault: String,
        pictures: Int
    ) async throws {
        try await withEmulator(on: .live) { client, emulator in
            await #expect(throws: (any Error).self) { try await client.order("fox [emulate:\(fault)]") }

            #expect(emulator.ledger.totals.calls == 1)
            #expect(emulator.ledger.totals.picturesBilled == pictures)
        }
    }

    @Test func `a slow submission is answered after its time`() async throws {
        let time = ManualTime()
        try await withEmulator(time: time) { client, _ in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask { try await client.order("fox [emulate:slow-submit]").code }
                await time.untilSleeping(1)
                time.advance(by: .seconds(10))
                let code = try await group.next()
                #expect(code == .some(.some(0)))
            }
        }
    }

    // MARK: Files

    static let files: [(AssetFault, Int, String?)] = [
        (.forbidden, 403, nil), (.missing, 404, nil), (.tiny, 200, "\u{FFFD}"), (.empty, 200, ""),
        (.text, 200, "This is not a picture.\n"),
    ]

    @Test(arguments: files)
    func `a picture's file can be something else`(fault: AssetFault, status: Int, text: String?) async throws {
        try await withEmulator { client, emulator in
            let done = try await client.ordered("fox [emulate:\(fault.rawValue)]")
            let file = try await client.picture(done.address)

            #expect(file.status == status)
            #expect(text.map { $0 == String(buffer: file.body) } ?? true)
            #expect(emulator.ledger.totals.picturesBilled == 1)
        }
    }

    @Test func `a picture's file can be spoilt on its way`() async throws {
        try await withEmulator(on: .live) { client, _ in
            let vector = try await client.picture(try await client.ordered("a [emulate:asset-svg]").address)
            #expect(vector.contentType == "image/svg+xml")
            let flaky = try await client.ordered("b [emulate:asset-flaky]").address
            #expect(try await client.picture(flaky).status == 503)
            let whole = try await client.picture(flaky).body
            #expect(PictureHeader(whole.readableBytesView)?.size == PixelSize(1024, 1024))
            let half = try await client.picture(try await client.ordered("b [emulate:asset-truncated]").address).body
            #expect(half.readableBytes > 1000 && half.readableBytes < whole.readableBytes * 3 / 4)
            let lie = try await client.picture(try await client.ordered("d [emulate:wrong-mime]").address)
            #expect(lie.contentType == "image/jpeg" && PictureHeader(lie.body.readableBytesView)?.format == .png)
            let cut = try await client.ordered("c [emulate:asset-cut]").address
            await #expect(throws: (any Error).self) { try await client.picture(cut) }
        }
    }

    @Test(arguments: [
        ("asset-redirect", "http://169.254.169.254/"), ("asset-redirect-loop", "/67a0c4d19be2f35a8c01d7e4/"),
    ])
    func `an address can lead elsewhere`(fault: String, target: String) async throws {
        try await withEmulator { client, _ in
            let address = try await client.ordered("fox [emulate:\(fault)]").address
            let path = address.drop { $0 != "6" }
            let start = try #require(path.firstRange(of: "67a0c4d19be2f35a8c01d7e4"))
            let answer = try await client.execute(uri: "/\(path[start.lowerBound...])", method: .get)

            #expect(answer.status == .found)
            #expect(answer.headers[.location]?.hasPrefix(target) == true)
        }
    }

    @Test func `a picture can be huge, or have no end`() async throws {
        try await withEmulator({ $0.hold = .milliseconds(100) }, on: .live) { client, _ in
            let endless = try await client.ordered("fox [emulate:asset-endless]").address
            await #expect(throws: (any Error).self) { try await client.picture(endless) }
        }
    }
}
