// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The provider's leave to be asked, and what it learns from how that went.
extension PortionRun {
    /// Waits for the provider's pace, and looks whether it can still be asked; `nil` if not.
    func admission(_ fit: Fit, _ avoided: Set<String>) async throws -> ProviderPool.Member.Permit? {
        var hasTurn = false
        while true {
            let admission = fit.member.admit(
                fit.candidate.vendorModel,
                avoiding: avoided,
                at: parts.time.now,
                hasTurn: hasTurn,
                patience: timeLeft
            )
            switch admission {
            case .go(let permit): return permit
            case .out: return nil
            case .wait(let pause):
                try await parts.time.sleep(for: pause)
                hasTurn = true
            }
        }
    }

    /// Settles what an attempt took up if it fails; success is settled by who sees it.
    func settling<Value>(_ hold: Hold, _ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch {
            // What a stopping process cuts off says nothing about the provider.
            let failure = Task.isCancelled ? nil : error as? ProviderError
            hold.settle(failure.map { .failed($0, isAccepted: isAccepted) } ?? .abandoned)
            throw error
        }
    }

    /// Whether the vendor has given the running attempt's work a name.
    private var isAccepted: Bool {
        let task = live.task
        return task.portions[index].stage.attempt.map { task.attempts[$0].vendorTaskID != nil } ?? false
    }
}
