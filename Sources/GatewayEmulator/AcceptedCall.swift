// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A call that a vendor accepted and works on.
///
/// It counts as running until ``end()``, or until nobody knows it any more.
final class AcceptedCall: Sendable {
    /// The prompt without its magic words.
    let prompt: String
    /// What the vendor shall do with it.
    let conduct: Conduct
    private let line: BillingLedger.Line
    private let ledger: BillingLedger
    private let state = Mutex((isBilled: false, isOver: false))

    init(prompt: String, conduct: Conduct, line: BillingLedger.Line, ledger: BillingLedger) {
        self.prompt = prompt
        self.conduct = conduct
        self.line = line
        self.ledger = ledger
    }

    deinit { end() }

    /// Notes that the vendor made pictures for this call.
    func bill(pictures: Int) {
        let isFirst = state.withLock { state in
            defer { state.isBilled = true }
            return !state.isBilled
        }
        ledger.bill(line, pictures: pictures, isFirst: isFirst)
    }

    /// Notes that the vendor is done with it.
    func end() {
        let isNews = state.withLock { state in
            defer { state.isOver = true }
            return !state.isOver
        }
        if isNews { ledger.end(line) }
    }
}
