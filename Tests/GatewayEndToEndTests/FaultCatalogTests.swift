// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Every fault of every vendor, one by one, each at a provider of its own in front of a second one that is well.
///
/// `GATEWAY_FAULT_PROMPTS` sets how many tasks each fault gets.
@Suite struct FaultCatalogTests {
    static let prompts = ProcessInfo.processInfo.environment["GATEWAY_FAULT_PROMPTS"].flatMap { Int($0) } ?? 1

    /// How long a task may take; a vendor's task that never ends takes all of it, one that gets lost some 31 seconds.
    static let taskTimeout = 40

    /// A fault at a provider that plays nothing else.
    struct Lane: Sendable, CustomStringConvertible {
        let number: Int
        let vendor: String
        let fault: String
        /// Whether what may have been bought may be bought once more.
        let mayRepeat: Bool

        var name: String { "lane-\(String(number + 1000).dropFirst())" }
        var key: String { "emulated-\(name)" }
        var description: String { "\(fault) at \(vendor)\(mayRepeat ? ", may repeat" : "")" }

        /// The provider that is well: another vendor with the same models.
        var second: String { vendor == "hingnet" ? "second-google" : "second-hingnet" }

        var vendorModel: String {
            switch vendor {
            case "imagen": "imagen-4.0-generate-001"
            case "aitoearn": "gpt-image-2"
            default: "gemini-2.5-flash-image"
            }
        }

        func provider(_ vendors: String) -> String {
            let place = vendor == "hingnet" || vendor == "aitoearn" ? "/\(vendor)" : ""
            let rule =
                mayRepeat
                ? "resubmit_unknown: once, failed_task: fail_over" : "resubmit_unknown: never, failed_task: report"
            return "  - { name: \(name), kind: \(vendor), base_url: \"\(vendors)\(place)\", api_keys: [\(key)], "
                + "timeout: 5s, poll_interval: 250ms, allow_private_network: true, \(rule), "
                + "models: { \(name): \(vendorModel) } }"
        }

        var route: String { "  - { match: \(name), providers: [\(name), \(second)] }" }
    }

    @Test func `whatever a vendor does, callers get a whole picture or an error, bought no oftener than allowed`()
        async throws
    {
        let lanes = try await Self.lanes()
        let fixture = try await GatewayFixture(latency: "10ms", engine: "task_timeout: \(Self.taskTimeout)s") {
            vendors in
            Self.configuration(lanes, vendors)
        }
        let faults = lanes.map { JSON.Member($0.key, JSON($0.fault)) }
        try await fixture.settings(["key_faults": .object(faults), "hold": "9s", "drip": "1s"])
        let gateway = try await fixture.startGateway()

        let ids = try await fixture.create(lanes.count * Self.prompts, clients: 16) { number in
            let lane = lanes[number % lanes.count]
            return ["model": JSON(lane.name), "prompt": JSON("\(lane.name) fox \(number)")]
        }
        let tasks = try await fixture.finished(ids, within: .seconds(Self.taskTimeout + 15))
        let purchases = try await fixture.purchases()

        #expect(tasks.count == ids.count, "\(ids.count - tasks.count) tasks hang")
        var codes: [String: Int] = [:]
        var strange: Set<String> = []
        for task in tasks.values {
            guard let lane = lanes.first(where: { $0.name == task["model"]?.string }) else {
                Issue.record("\(task)")
                continue
            }
            let mistakes = try await TaskInspection(task, fixture).mistakes
            #expect(mistakes.isEmpty, "\(lane): \(mistakes)")
            let bought = purchases[task["prompt"]?.string ?? ""] ?? 0
            #expect(bought <= (lane.mayRepeat ? 2 : 1), "\(lane): bought \(bought) times")
            let end = task["error"]?["code"]?.string ?? "completed"
            codes[end, default: 0] += 1
            if ["storage_error", "task_failed"].contains(end) { strange.insert("\(lane)") }
            if let expected = Self.ends["\(lane.fault)@\(lane.vendor)"]?[lane.mayRepeat] {
                #expect(end == expected, "\(lane)")
            }
        }
        #expect(strange.isEmpty, "the gateway blames itself for what vendors did")
        print("faults: \(lanes.count) lanes, \(codes), \(purchases.values.count { $0 > 1 }) prompts bought twice")
        await gateway.end()
        await fixture.end()
    }

    /// How some end for certain, where a repeat is allowed and where it is not.
    static let ends: [String: [Bool: String]] = [
        "silent@gemini": [true: "completed", false: "outcome_unknown"],
        "drop@imagen": [true: "completed", false: "outcome_unknown"],
        "silent@hingnet": [true: "completed", false: "outcome_unknown"],
        "task-lost@hingnet": [true: "completed", false: "outcome_unknown"],
        "lost@aitoearn": [true: "completed", false: "outcome_unknown"],
        "task-stuck@hingnet": [true: "task_timeout", false: "task_timeout"],
        "stuck@aitoearn": [true: "task_timeout", false: "task_timeout"],
        "task-failed@hingnet": [true: "completed", false: "upstream_error"],
        "task-unrefunded@aitoearn": [true: "completed", false: "upstream_error"],
        "bad-key@gemini": [true: "completed", false: "completed"],
        "no-balance-429@hingnet": [true: "completed", false: "completed"],
        "code-12001@aitoearn": [true: "completed", false: "completed"],
        "refuse@gemini": [true: "content_policy_violation", false: "content_policy_violation"],
        "refuse@imagen": [true: "content_policy_violation", false: "content_policy_violation"],
        "refuse@hingnet": [true: "content_policy_violation", false: "content_policy_violation"],
        "refuse-zh@aitoearn": [true: "content_policy_violation", false: "content_policy_violation"],
        "asset-tiny@aitoearn": [true: "invalid_image", false: "invalid_image"],
        "asset-truncated@aitoearn": [true: "invalid_image", false: "invalid_image"],
        "asset-huge@aitoearn": [true: "payload_too_large", false: "payload_too_large"],
        "result-huge@hingnet": [true: "payload_too_large", false: "payload_too_large"],
        "result-svg@hingnet": [true: "invalid_image", false: "invalid_image"],
        "result-endless@hingnet": [true: "invalid_image", false: "invalid_image"],
        "asset-cut@aitoearn": [true: "upstream_error", false: "upstream_error"],
        "empty-data@gemini": [true: "completed", false: "invalid_image"],
        "result-redirect@hingnet": [true: "upstream_error", false: "upstream_error"],
    ]

    /// Each fault at each vendor that has it, with and without a repeat.
    private static func lanes() async throws -> [Lane] {
        let fixture = try await GatewayFixture()
        let faults = try await fixture.faults()
        await fixture.end()
        var lanes: [Lane] = []
        for group in faults.own {
            for vendor in group.vendors {
                for fault in faults.shared + group.names {
                    for mayRepeat in [true, false] {
                        lanes.append(Lane(number: lanes.count, vendor: vendor, fault: fault, mayRepeat: mayRepeat))
                    }
                }
            }
        }
        return lanes
    }

    private static func configuration(_ lanes: [Lane], _ vendors: String) -> String {
        func models(_ second: String) -> String {
            lanes.filter { $0.second == second }.map { "\($0.name): \($0.vendorModel)" }.joined(separator: ", ")
        }
        let common = "poll_interval: 100ms, allow_private_network: true"
        return """
            providers:
            \(lanes.map { $0.provider(vendors) }.joined(separator: "\n"))
              - { name: second-google, kind: gemini, base_url: "\(vendors)", api_keys: [emulated-second], \(common),
                  models: { \(models("second-google")) } }
              - { name: second-hingnet, kind: hingnet, base_url: "\(vendors)/hingnet", api_keys: [emulated-second],
                  \(common), models: { \(models("second-hingnet")) } }
            routes:
            \(lanes.map(\.route).joined(separator: "\n"))
            """
    }
}
