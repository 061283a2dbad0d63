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

    /// Tells the provider's member how a permitted submission ended.
    func settling(
        _ permit: ProviderPool.Member.Permit,
        _ fit: Fit,
        _ work: () async throws -> CheckedPortion
    ) async throws -> CheckedPortion {
        var verdict = ProviderPool.Member.Verdict.abandoned
        defer { fit.member.settle(permit, verdict, at: parts.time.now, logger: logger) }
        do {
            let made = try await work()
            verdict = .delivered
            return made
        } catch let error as ProviderError {
            // What a stopping process cuts off says nothing about the provider.
            if !Task.isCancelled { verdict = .failed(error, isAccepted: isAccepted) }
            throw error
        }
    }

    /// Whether the vendor has given the running attempt's work a name.
    private var isAccepted: Bool {
        let task = live.task
        return task.portions[index].stage.attempt.map { task.attempts[$0].vendorTaskID != nil } ?? false
    }
}
