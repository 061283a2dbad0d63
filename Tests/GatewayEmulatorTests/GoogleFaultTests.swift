// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct GoogleFaultTests {
    /// Fault, status, Google's name of it, and a word by which clients tell it from its neighbors.
    static let table: [(String, Int, String, String)] = [
        ("bad-key", 400, "INVALID_ARGUMENT", "API key not valid"),
        ("expired-key", 400, "INVALID_ARGUMENT", "API key expired"),
        ("no-key", 403, "PERMISSION_DENIED", "unregistered callers"),
        ("unauthenticated", 401, "UNAUTHENTICATED", "authentication"),
        ("leaked-key", 403, "PERMISSION_DENIED", "reported as leaked"),
        ("blocked-key", 403, "PERMISSION_DENIED", "are blocked"),
        ("service-disabled", 403, "PERMISSION_DENIED", "disabled"),
        ("billing-disabled", 403, "PERMISSION_DENIED", "billing"),
        ("suspended", 403, "PERMISSION_DENIED", "suspended"),
        ("location", 400, "FAILED_PRECONDITION", "User location is not supported"),
        ("no-billing", 400, "FAILED_PRECONDITION", "free tier is not available"),
        ("bad-image", 400, "INVALID_ARGUMENT", "Unable to process input image"),
        ("invalid-image", 400, "INVALID_ARGUMENT", "Provided image is not valid"),
        ("file-gone", 403, "PERMISSION_DENIED", "access the File abc123"),
        ("bad-argument", 400, "INVALID_ARGUMENT", "invalid argument"),
        ("aspect-ratio-disabled", 400, "INVALID_ARGUMENT", "Aspect ratio is not enabled for this model"),
        ("model-unknown", 404, "NOT_FOUND", "is not found for API version v1beta"),
        ("model-retired", 404, "NOT_FOUND", "is no longer available."),
        ("model-closed", 404, "NOT_FOUND", "to new users"),
        ("entity-not-found", 404, "NOT_FOUND", "Requested entity was not found."),
        ("rate-limit", 429, "RESOURCE_EXHAUSTED", "Please retry in"),
        ("daily-quota", 429, "RESOURCE_EXHAUSTED", "quota"),
        ("no-quota", 429, "RESOURCE_EXHAUSTED", "limit: 0"),
        ("prepaid", 429, "RESOURCE_EXHAUSTED", "prepayment credits are depleted"),
        ("exhausted", 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted"),
        ("cancelled", 499, "CANCELLED", "cancelled"),
        ("internal", 500, "INTERNAL", "internal error"),
        ("unavailable", 503, "UNAVAILABLE", "currently experiencing high demand"),
        ("overloaded", 503, "UNAVAILABLE", "overloaded"), ("deadline", 504, "DEADLINE_EXCEEDED", "Deadline expired"),
        ("deadline-billed", 504, "DEADLINE_EXCEEDED", "Deadline expired"),
    ]

    @Test(arguments: table, ["generateContent", "predict"])
    func `an error has the vendor's status, name and text`(row: (String, Int, String, String), method: String)
        async throws
    {
        try await withEmulator { client, emulator in
            let prompt = "fox [emulate:fault=\(row.0)]"
            let answer = method == "predict" ? try await client.predict(prompt) : try await client.draw(prompt)

            #expect(answer.status == row.1)
            #expect(answer.json["error"]?["code"]?.integer == row.1)
            #expect(answer.statusName == row.2)
            #expect(answer.message.contains(row.3), "\(answer.message)")
            #expect(emulator.ledger.totals.callsBilled == (row.0 == "deadline-billed" ? 1 : 0))
        }
    }

    @Test func `limits tell how long they hold, by quota and delay`() async throws {
        try await withEmulator { client, _ in
            func details(_ fault: String) async throws -> (quota: String?, delay: String?) {
                let list = try await client.draw("fox [emulate:\(fault)]").json["error"]?["details"]?.array ?? []
                return (
                    list.compactMap { $0["violations"]?[0]?["quotaId"]?.string }.first,
                    list.compactMap { $0["retryDelay"]?.string }.first
                )
            }

            let minute = try await details("429")
            let day = try await details("daily-quota")
            let prepaid = try await details("prepaid")
            let exhausted = try await details("exhausted")
            #expect(minute == ("GenerateRequestsPerMinutePerProjectPerModel", "2.158753737s"))
            #expect(day == ("GenerateRequestsPerDayPerProjectPerModel", nil))
            #expect(prepaid == (nil, nil))
            #expect(exhausted == (nil, nil))
        }
    }

    @Test(arguments: [("502", 502), ("too-large", 413)])
    func `the front end answers with pages`(fault: String, status: Int) async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox [emulate:\(fault)]")

            #expect(answer.status == status)
            #expect(answer.contentType.hasPrefix("text/html"))
            #expect(answer.json == .null)
        }
    }

    @Test func `an error can stand in a list`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox [emulate:array-error]")

            #expect(answer.status == 503)
            #expect(answer.json[0]?["error"]?["status"]?.string == "UNAVAILABLE")
        }
    }

    @Test func `every fault of the service is in the table or has a test of its own`() {
        let tested = Set(Self.table.map(\.0) + ["bad-gateway", "too-large", "array-error"])

        #expect(Set(GoogleFault.allCases.map(\.rawValue)) == tested)
    }

    @Test func `an unknown magic word is refused, and says where to look`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox [emulate:fault=nonsense]")

            #expect(answer.status == 400)
            #expect(answer.message.contains("/_emulator/faults"))
        }
    }

    @Test func `a fault goes with the calls of one prompt`() async throws {
        try await withEmulator { client, emulator in
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await client.draw("fox [emulate:faults=503,429]").status) }

            #expect(statuses == [503, 429, 200])
            #expect(emulator.ledger.totals.callsBilled == 1)
        }
    }

    @Test func `a key can be the one that fails`() async throws {
        try await withEmulator({ $0.keyFaults = ["emulated-b": "429"] }) { client, _ in
            let path = "gemini-3-pro-image:generateContent"

            let good = try await client.call(path, gemini("fox"), key: "emulated-a")
            let failing = try await client.call(path, gemini("fox"), key: "emulated-b")

            #expect(good.status == 200)
            #expect(failing.status == 429)
        }
    }
}
