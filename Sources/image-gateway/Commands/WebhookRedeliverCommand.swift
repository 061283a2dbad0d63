// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import ImageGateway

/// Sends webhooks again.
struct WebhookRedeliverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeliver",
        abstract: "Send again: one delivery, all of a task, or all that were given up since a moment.",
        discussion: "A message keeps its webhook-id, so a receiver that had it already knows it again."
    )

    @Argument(help: "A delivery's id, msg_….")
    var id: String?

    @Option(help: "All deliveries of a task.")
    var task: String?

    @Option(help: "All that were given up since: a date such as 2026-11-21T15:00:00Z, or how long ago, such as 24h.")
    var failedSince: String?

    @OptionGroup var options: WebhookOptions

    func validate() throws {
        guard [id, task, failedSince].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("Name one of: a delivery's id, --task, --failed-since.")
        }
        if let id { try WebhookLine.check(id) }
        if let task, TaskID(task) == nil { throw ValidationError("'\(task)' is no task id.") }
        if let failedSince, Self.moment(failedSince) == nil {
            throw ValidationError("--failed-since must be a date such as 2026-11-21T15:00:00Z, or how long ago: 24h.")
        }
    }

    func run() async throws {
        try await options.run(call) { answer in
            let count = answer["count"]?.integer ?? 0
            print(count == 1 ? "1 delivery is sent again." : "\(count) deliveries are sent again.")
        }
    }

    private func call(_ client: GatewayClient) async throws -> JSON {
        if let id { return try await client.post("/webhooks/deliveries/\(id)/redeliver", [:]) }
        if let task { return try await client.post("/webhooks/redeliver", ["task": JSON(task)]) }
        let since = failedSince.flatMap(Self.moment) ?? SystemTime().now
        return try await client.post("/webhooks/redeliver", ["failed_since": JSON(max(0, since.seconds))])
    }

    private static func moment(_ text: String) -> Timestamp? {
        if let ago = GatewayConfiguration.duration(text) { return SystemTime().now.advanced(by: .zero - ago) }
        return Timestamp(iso8601: text)
    }
}

/// A delivery in one line, or in several.
struct WebhookLine {
    private let delivery: JSON

    init(_ delivery: JSON) {
        self.delivery = delivery
    }

    /// Names stand in paths and queries, so that they may hold nothing else.
    static func check(_ name: String) throws {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        guard isPlain, (1...120).contains(name.utf8.count) else { throw ValidationError("'\(name)' is no such name.") }
    }

    var text: String {
        let tries = delivery["tries"]?.integer ?? 0
        let last = delivery["last_status"]?.integer.map { "HTTP \($0)" } ?? delivery["last_error"]?.string
        let count = tries == 1 ? "1 try" : "\(tries) tries"
        return [word("id"), padded("state", 9), padded("event", 20), word("to"), count, last].compactMap(\.self)
            .joined(separator: "  ")
    }

    var details: String {
        var lines = [text]
        if let next = delivery["next_try_at"]?.integer {
            lines.append("  next try \(CivilDate(Timestamp(seconds: Int64(next))).extended)")
        }
        for attempt in delivery["log"]?.array ?? [] {
            let outcome = attempt["status"]?.integer.map { "HTTP \($0)" } ?? attempt["error"]?.string ?? "?"
            let next = attempt["next_try_at"]?.string.map { ", next try \($0)" } ?? ""
            let (at, took) = (attempt["at"]?.string ?? "?", attempt["took_ms"]?.integer ?? 0)
            lines.append("  \(at)  \(outcome) in \(took) ms\(next)")
        }
        return lines.joined(separator: "\n")
    }

    static func printEndpoints(_ list: JSON) {
        let endpoints = list["data"]?.array ?? []
        for endpoint in endpoints {
            let words = [endpoint["name"], endpoint["state"], endpoint["url"]].map { $0?.string ?? "?" }
            print(words.joined(separator: "  "))
        }
        if endpoints.isEmpty { Terminal.note("The configuration has no endpoints.") }
    }

    private func word(_ name: String) -> String { delivery[name]?.string ?? "?" }

    private func padded(_ name: String, _ width: Int) -> String {
        let word = word(name)
        return word + String(repeating: " ", count: max(0, width - word.count))
    }
}
