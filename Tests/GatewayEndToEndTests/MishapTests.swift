// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Four vendors that fail at random in every way the emulator has.
///
/// `GATEWAY_MISHAP_TASKS` sets how many tasks are made.
@Suite(.serialized) struct MishapTests {
    static let tasks = ProcessInfo.processInfo.environment["GATEWAY_MISHAP_TASKS"].flatMap { Int($0) } ?? 240

    static let models = ["gemini-3-pro-image-preview", "imagen-4.0-generate-001", "gpt-image-2"]

    /// What the contract has for a task that failed.
    static let codes: Set<String> = [
        "task_failed", "content_policy_violation", "no_image_generated", "upstream_error", "provider_unavailable",
        "task_timeout", "outcome_unknown", "storage_error", "invalid_image", "payload_too_large",
        "unsupported_parameter",
    ]

    /// What no caller may read: names, hosts and keys of vendors, and where they are.
    static let secrets = [
        "hingnet", "aitoearn", "google", "generativelanguage", "emulated", "127.0.0.1", "one_hub", "<html", "logid",
    ]

    @Test func `callers see whole pictures or the contract's errors, and nothing is bought beyond the promise`()
        async throws
    {
        let fixture = try await FourVendors()
        let faults = try await fixture.faults()
        // A vendor plays only what it has, about a third of these: one call of twenty fails.
        try await fixture.settings([
            "fault_rate": .number("0.15"), "faults": .array(faults), "hold": "8s", "drip": "1s",
        ])
        let gateway = try await fixture.startGateway()

        let ids = try await fixture.fixture.create(Self.tasks, clients: 32) { number in
            ["model": JSON(Self.models[number % Self.models.count]), "prompt": JSON("fox number \(number)")]
        }
        let outcomes = try await fixture.outcomes(of: ids, within: .seconds(300))
        var failures: [String: Int] = [:]
        for id in ids {
            let answer = try await fixture.fixture.call(.get, "/v1/images/tasks/\(id)")
            let mistakes = try await Self.mistakes(in: answer.json, fixture)
            #expect(mistakes.isEmpty, "\(id): \(mistakes)")
            if let code = answer.json["error"]?["code"]?.string { failures[code, default: 0] += 1 }
        }

        #expect(outcomes["lost"] == nil && outcomes["unfinished"] == nil, "\(outcomes)")
        #expect(outcomes["completed", default: 0] > Self.tasks * 8 / 10, "\(outcomes)")
        let most = try await fixture.mostPurchases()
        #expect(most <= 2, "a prompt was bought \(most) times")
        print("mishaps: \(outcomes), failures: \(failures), most purchases of a prompt: \(most)")
        await gateway.end()
        await fixture.end()
    }

    /// What is wrong with a finished task, as its caller sees it.
    private static func mistakes(in task: JSON, _ fixture: FourVendors) async throws -> [String] {
        var mistakes: [String] = []
        if task["status"]?.string == "completed" {
            let links = (task["data"]?.array ?? []).compactMap { $0["url"]?.string }
            if links.count != 1 { mistakes.append("it has \(links.count) links") }
            for link in links {
                let picture = try await fixture.fixture.transport.send(TransportRequest(.get, link))
                guard let header = PictureHeader(picture.body.readableBytesView) else {
                    mistakes.append("its link gives no picture")
                    continue
                }
                if header.size.description != task["size"]?.string { mistakes.append("its size is not \(header.size)") }
            }
        } else {
            let code = task["error"]?["code"]?.string ?? "none"
            if !codes.contains(code) { mistakes.append("its code is \(code)") }
        }
        let said = (task["error"]?["message"]?.string ?? "").lowercased()
        let warnings = (task["warnings"]?.array ?? []).compactMap(\.string).joined(separator: " ").lowercased()
        for secret in secrets where said.contains(secret) || warnings.contains(secret) {
            mistakes.append("it says \(secret)")
        }
        return mistakes
    }
}

extension FourVendors {
    /// Every fault that the emulator can play, by name.
    func faults() async throws -> [JSON] {
        let answer = try await fixture.transport.send(
            TransportRequest(.get, "\(fixture.emulator.base)/_emulator/faults")
        )
        let groups = try JSON(reading: answer.body).members ?? []
        let names = groups.filter { $0.name != "aliases" }.flatMap { ($0.value.members ?? []).map(\.name) }
        guard names.count > 50 else { throw ProgramFailure(message: "There are only \(names.count) faults.") }
        return names.map { JSON($0) }
    }
}
