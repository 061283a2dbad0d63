// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import Synchronization

/// What an attempt takes up at its provider, from the moment it has room there until it is settled: a slot, and a permit.
///
/// One that is dropped without a word counts as abandoned: nothing stays taken up.
final class Hold: Sendable {
    private struct State {
        var permit: ProviderPool.Member.Permit?
        var isSettled = false
    }

    let member: ProviderPool.Member
    private let time: any TimeSource
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - member: Where a slot was taken.
    ///   - time: The clock.
    ///   - logger: Where to tell what a verdict changes.
    init(of member: ProviderPool.Member, time: any TimeSource, logger: Logger) {
        self.member = member
        self.time = time
        self.logger = logger
    }

    deinit { settle(.abandoned) }

    /// Takes the permit along.
    func take(_ permit: ProviderPool.Member.Permit) {
        state.withLock { $0.permit = permit }
    }

    /// Gives everything back, and tells the provider's member how it went; the first word counts.
    func settle(_ verdict: ProviderPool.Member.Verdict) {
        let (permit, isFirst) = state.withLock { state in
            defer { state.isSettled = true }
            return (state.permit, !state.isSettled)
        }
        guard isFirst else { return }
        if let permit { member.settle(permit, verdict, at: time.now, logger: logger) }
        member.slots.give()
    }
}
