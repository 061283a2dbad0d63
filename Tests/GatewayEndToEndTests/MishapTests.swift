// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Four vendors that fail at random in every way the emulator has.
///
/// `GATEWAY_MISHAP_ROUNDS` sets how often it is done, each time with other luck and vendors whose keys are good again: a
/// key that a vendor refuses is out for ten minutes.
@Suite(.serialized) struct MishapTests {
    static let rounds = ProcessInfo.processInfo.environment["GATEWAY_MISHAP_ROUNDS"].flatMap { Int($0) } ?? 1
    static let tasks = 140

    static let models = ["gemini-2.5-flash-image", "imagen-4.0-generate-001", "gpt-image-2"]

    /// A request as one of the kinds of callers makes it.
    struct Order: Sendable {
        let number: Int

        var model: String { number % 7 == 5 ? "gpt-image-2" : models[number % models.count] }
        var count: Int { number % 7 == 3 ? 3 : 1 }
        /// Imagen edits nothing.
        var isEdit: Bool { (number % 7 == 4 || number % 7 == 5) && !model.hasPrefix("imagen") }
        var waits: Bool { [1, 2, 5].contains(number % 7) }

        /// The prompt tells how many portions there may be: no more than pictures.
        var prompt: String { "fox number \(number)" }

        var body: JSON {
            JSON(present: [
                "model": JSON(model), "prompt": JSON(prompt), "n": JSON(count),
                "output_format": number % 7 == 6 || number % 7 == 2 ? "webp" : nil,
                "response_format": waits && number % 7 == 2 ? "url" : nil,
                "image": isEdit ? JSON(SamplePicture.dataURL(shade: UInt8(number % 251))) : nil,
            ])
        }

        var path: String { "/v1/images/\(isEdit ? "edits" : "generations")" }
    }

    @Test(arguments: 1...rounds)
    func `callers see whole pictures or the contract's errors, and nothing is bought beyond the promise`(round: Int)
        async throws
    {
        let fixture = try await FourVendors(timeout: "5s")
        let faults = try await fixture.fixture.faults()
        let names = (faults.shared + faults.own.flatMap { $0.names }).map { JSON($0) }
        // A vendor plays only what it has, about a third of these: one call of twenty fails.
        try await fixture.settings([
            "fault_rate": .number("0.15"), "faults": .array(names), "hold": "8s", "drip": "1s", "seed": JSON(round),
        ])
        let gateway = try await fixture.startGateway()

        let start = ContinuousClock.now
        let ends = try await Self.ends(of: (0..<Self.tasks).map(Order.init), fixture.fixture)
        for end in ends { #expect(end.mistakes.isEmpty, "\(end.order.body): \(end.mistakes)") }
        let completed = ends.count { $0.code == nil }
        #expect(completed > Self.tasks * 8 / 10, "\(completed) of \(Self.tasks)")
        let purchases = try await fixture.fixture.purchases()
        for end in ends {
            let bought = purchases[end.order.prompt] ?? 0
            #expect(bought <= end.order.count + 1, "\(end.order.body): bought \(bought) times")
        }
        let codes = Dictionary(ends.map { ($0.code ?? "completed", 1) }, uniquingKeysWith: +)
        let seconds = (ContinuousClock.now - start).components.seconds
        print("mishaps: \(codes) in \(seconds) s, peak memory \(gateway.peakMemory >> 20) MiB")
        await gateway.end()
        await fixture.end()
    }

    private struct End: Sendable {
        let order: Order
        /// The error's code; `nil` for pictures.
        var code: String?
        let mistakes: [String]
    }

    /// Makes the requests by many callers at once and looks at what they get.
    private static func ends(of orders: [Order], _ fixture: GatewayFixture) async throws -> [End] {
        try await withThrowingTaskGroup(of: [End].self) { group in
            for client in 0..<24 {
                group.addTask {
                    var ends: [End] = []
                    for place in stride(from: client, to: orders.count, by: 24) {
                        ends.append(try await end(of: orders[place], fixture))
                    }
                    return ends
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func end(of order: Order, _ fixture: GatewayFixture) async throws -> End {
        if order.waits {
            let answer = try await fixture.call(.post, order.path, order.body)
            let inspection = try await TaskInspection(
                answer: answer.json,
                status: answer.status,
                pictures: order.count,
                fixture
            )
            return End(order: order, code: answer.json["error"]?["code"]?.string, mistakes: inspection.mistakes)
        }
        let answer = try await fixture.call(.post, order.path + "/async", order.body)
        guard answer.status == 200, let id = answer.json["id"]?.string else {
            return End(order: order, code: nil, mistakes: ["it was not accepted: \(answer.json)"])
        }
        guard let task = try await fixture.finished([id], within: .seconds(300))[id] else {
            return End(order: order, code: nil, mistakes: ["it hangs"])
        }
        let inspection = try await TaskInspection(task, fixture, pictures: order.count)
        return End(order: order, code: task["error"]?["code"]?.string, mistakes: inspection.mistakes)
    }
}
