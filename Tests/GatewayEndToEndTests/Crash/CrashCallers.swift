// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import NIOCore
import Synchronization

/// Callers who send orders while the gateway dies and comes back, and remember what they were told.
final class CrashCallers: Sendable {
    struct Heard: Sendable {
        /// The names of the tasks that the gateway took on.
        var accepted: [String: CrashOrder] = [:]
        /// Calls that waited and got their picture.
        var served: Set<CrashOrder> = []
        /// Calls whose connection ended without an answer.
        var cut: Set<CrashOrder> = []
        /// Every order that was ever sent.
        var sent: [String: CrashOrder] = [:]
        /// Answers that are neither a picture, nor a task, nor a word that it should be tried again.
        var complaints: [String] = []
    }

    private let fixture: GatewayFixture
    private let heard = Mutex(Heard())

    init(_ fixture: GatewayFixture) {
        self.fixture = fixture
    }

    /// What they have heard so far.
    var told: Heard { heard.withLock(\.self) }

    /// Sends orders by many callers at once; each is sent until the gateway has answered.
    func send(_ orders: [CrashOrder], callers: Int = 48) async throws {
        // Whoever waits for a picture holds nobody up.
        let (waiting, others) = (orders.filter(\.waits), orders.filter { !$0.waits })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for order in waiting { group.addTask { [self] in try await place(order) } }
            for caller in 0..<callers {
                group.addTask { [self] in
                    for place in stride(from: caller, to: others.count, by: callers) {
                        try await self.place(others[place])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func place(_ order: CrashOrder) async throws {
        var order = order
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            let sent = order
            heard.withLock { $0.sent[sent.prompt] = sent }
            do {
                let answer = try await fixture.call(.post, sent.path, sent.body)
                if note(answer.status, answer.json, sent) { return }
            } catch let error as TransportError where !error.mayHaveArrived {
                // Nobody listens at the moment.
            } catch {
                heard.withLock { _ = $0.cut.insert(sent) }
                // Nobody knows what became of it: another order takes its place, whose caller need not wait this time.
                order = sent.again
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        heard.withLock { $0.complaints.append("\(order.prompt) was never answered") }
    }

    /// - Returns: Whether that was an answer to go home with.
    private func note(_ status: Int, _ answer: JSON, _ order: CrashOrder) -> Bool {
        if status == 503, answer["error"]?["code"]?.string == "shutting_down" { return false }
        heard.withLock { heard in
            let id = answer["id"]?.string
            switch status {
            case 200 where order.waits:
                if Self.isPicture(answer) {
                    heard.served.insert(order)
                } else {
                    heard.complaints.append("\(order.prompt) got no picture")
                }
            case 200, 202:
                if let id { heard.accepted[id] = order } else { heard.complaints.append("\(order.prompt): \(answer)") }
            default: heard.complaints.append("\(order.prompt): \(status) \(answer)")
            }
        }
        return true
    }

    private static func isPicture(_ answer: JSON) -> Bool {
        guard case .string(let text)? = answer["data"]?.array?.first?["b64_json"],
            let bytes = Base64.decode(text.bytes), let header = PictureHeader(bytes.readableBytesView)
        else { return false }
        return TaskInspection.isWhole(bytes, header.format)
    }
}
