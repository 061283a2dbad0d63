// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import Testing

@testable import GatewayEmulator

@Suite struct LedgerTests {
    @Test func `every call and picture is counted, however many come at once`() async throws {
        let report = try await withEmulator { client, emulator in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        _ = try await client.draw(
                            "fox \(number % 3)",
                            "gemini-3.1-flash-image",
                            config: ["imageConfig": ["imageSize": "512"]]
                        )
                    }
                }
                try await group.waitForAll()
            }
            return emulator.ledger
        }

        #expect(report.totals.calls == 60)
        #expect(report.totals.callsBilled == 60)
        #expect(report.totals.picturesBilled == 60)
        #expect(report.totals.running == 0)
        #expect(report.entries.count == 3)
        #expect(report.entries(prompt: "fox 1").map(\.callsBilled) == [20])
        #expect(report.vendors["gemini"]?.calls == 60)
    }

    @Test func `calls that run are counted, and the most at one moment`() async throws {
        let time = ManualTime()
        let report = try await withEmulator({ $0.latency = .seconds(5) ... .seconds(5) }, time: time) {
            client,
            emulator in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<7 { group.addTask { _ = try await client.draw("fox [emulate:503] \(number)") } }
                await time.untilSleeping(7)
                #expect(emulator.ledger.totals.running == 7)
                #expect(emulator.ledger.totals.callsBilled == 0)
                time.advance(by: .seconds(5))
                try await group.waitForAll()
            }
            return emulator.ledger
        }

        #expect(report.totals.running == 0)
        #expect(report.totals.maxRunning == 7)
        #expect(report.totals.picturesBilled == 0)
    }

    @Test func `refused calls are no calls`() async throws {
        let report = try await withEmulator { client, emulator in
            _ = try await client.call("gemini-3-pro-image:generateContent", gemini("fox"), key: "bad")
            _ = try await client.draw("fox", "gemini-9")
            _ = try await client.draw("fox [emulate:nonsense]")
            return emulator.ledger
        }

        #expect(report.totals.calls == 0)
        #expect(report.totals.refused == 3)
        #expect(report.entries.isEmpty)
    }

    @Test func `a reset forgets calls that still run`() async throws {
        let ledger = BillingLedger()
        let ask = VendorAsk(vendor: "gemini", model: "m", prompt: "p", key: nil)
        let before = ledger.begin(ask)

        ledger.reset()
        ledger.bill(before, pictures: 1, isFirst: true)
        ledger.end(before)

        #expect(ledger.report == LedgerReport())
    }

    @Test func `prompts without end share an entry`() {
        let ledger = BillingLedger()

        for number in 0..<BillingLedger.mostEntries + 50 {
            _ = ledger.begin(VendorAsk(vendor: "gemini", model: "m", prompt: "\(number)", key: nil))
        }

        let report = ledger.report
        #expect(report.entries.count == BillingLedger.mostEntries + 1)
        #expect(report.entries.last?.calls == 50)
        #expect(report.totals.calls == BillingLedger.mostEntries + 50)
    }

    @Test func `the ledger is shown and cleared over HTTP`() async throws {
        try await withEmulator { client, _ in
            _ = try await client.draw("a fox")
            _ = try await client.predict("two owls", parameters: ["sampleCount": 2])

            let shown = try await client.control("ledger").json
            #expect(shown["calls"]?.integer == 2)
            #expect(shown["calls_billed"]?.integer == 2)
            #expect(shown["pictures_billed"]?.integer == 3)
            #expect(shown["running"]?.integer == 0)
            #expect(shown["max_running"]?.integer == 1)
            #expect(shown["vendors"]?["imagen"]?["pictures_billed"]?.integer == 2)
            #expect(shown["entries"]?[1]?["prompt"]?.string == "two owls")
            #expect(shown["entries"]?[1]?["pictures_billed"]?.integer == 2)

            #expect(try await client.control("ledger", .delete).json["calls"]?.integer == 0)
            #expect(try await client.control("ledger").json["entries"]?.array?.isEmpty == true)
        }
    }
}
