// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Synchronization

/// The credits that were taken for a submission: given back unless a task came of it.
final class AiToEarnPayment: Sendable {
    private let price: Int
    private let desk: AiToEarnDesk
    private let isKept = Mutex(false)

    init(price: Int, desk: AiToEarnDesk) {
        self.price = price
        self.desk = desk
    }

    deinit {
        if !isKept.withLock({ $0 }) { desk.giveBack(price) }
    }

    /// Leaves the credits with the vendor.
    func keep() { isKept.withLock { $0 = true } }
}

/// Where submissions are taken, or not.
struct AiToEarnCounter: Sendable {
    let order: AiToEarnOrder
    let plan: AiToEarnOrder.Plan
    let stage: Stage
    let desk: AiToEarnDesk

    func has(_ shape: AiToEarnShape, _ call: AcceptedCall) -> Bool { call.conduct.faults.contains(shape.rawValue) }

    /// Answers a submission that is paid for.
    func serve(_ call: AcceptedCall, _ payment: AiToEarnPayment, _ envelope: AiToEarnEnvelope) -> EmulatedAnswer {
        let faults = call.conduct.faults
        if let failure = AiToEarnFailure.all.first(where: { faults.contains("code-\($0.code)") }) {
            return envelope.failure(failure, at: stage.time.now)
        }
        let page = call.conduct.fault(AiToEarnPage.self)
        if let page, !page.isTaken { return page.answer }
        payment.keep()
        let task = open(call)
        if let page { return page.answer }
        let name: String? = has(.noName, call) ? nil : has(.badName, call) ? "../../../api/keys?x=" : task
        return envelope.success(
            JSON(present: ["logId": name.map { JSON($0) }, "status": "generating"]),
            hasID: !has(.noRequestID, call)
        )
    }

    /// Opens a task, and bills it unless it will be refunded.
    private func open(_ call: AcceptedCall) -> String {
        let fate = call.conduct.fault(AiToEarnFate.self)
        let words = fate?.words ?? plan.complaint
        let isRefunded = fate?.isRefunded ?? (words != nil)
        let now = stage.time.now
        var random = SystemRandomNumberGenerator()
        let name = AiToEarnEnvelope.hex(UInt64(now.seconds), 8) + AiToEarnEnvelope.hex(random.next(), 16)
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        let files = (0..<order.count).map { _ in
            String((0..<21).map { _ in letters.randomElement(using: &random) ?? "x" })
        }
        if !isRefunded { call.bill(pictures: order.count) }
        desk.open(
            AiToEarnTask(
                name: name,
                order: order,
                plan: plan,
                call: call,
                createdAt: now,
                due: fate == .stuck || fate == .lost ? nil : now.advanced(by: call.conduct.latency),
                words: words,
                isRefunded: isRefunded,
                files: words == nil ? files : []
            )
        )
        return name
    }
}
