// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Keeps the ledger; calls come from many tasks at once.
final class BillingLedger: Sendable {
    /// How many prompts are kept apart; further ones share an entry.
    static let mostEntries = 20_000

    fileprivate struct Key: Hashable {
        var vendor: String
        var model: String
        var prompt: String
    }

    fileprivate struct State {
        var report = LedgerReport()
        var places: [Key: Int] = [:]
        /// Grows with every reset, so that a call begun before one does not end after it.
        var era = 0
    }

    /// One call, while it runs.
    struct Line: Sendable {
        /// The how manieth call with this model and prompt, from 0.
        let turn: Int
        fileprivate let vendor: String
        fileprivate let place: Int
        fileprivate let era: Int
    }

    private let state = Mutex(State())

    /// What stands in the ledger.
    var report: LedgerReport { state.withLock { $0.report } }

    /// Clears it; calls that run now are forgotten.
    func reset() {
        state.withLock { state in
            state = State(era: state.era + 1)
        }
    }

    /// Counts a call that a vendor refused.
    func refuse(vendor: String) {
        state.withLock { state in
            state.report.totals.refused += 1
            state.report.vendors[vendor, default: .init()].refused += 1
        }
    }

    /// Opens a line for a call that a vendor accepted.
    func begin(_ ask: VendorAsk) -> Line {
        state.withLock { state in
            let place = state.place(of: ask)
            let turn = state.report.entries[place].calls
            state.report.entries[place].calls += 1
            state.report.entries[place].inputs = ask.inputs
            state.report.change(ask.vendor) { totals in
                totals.calls += 1
                totals.running += 1
                totals.maxRunning = max(totals.maxRunning, totals.running)
            }
            return Line(turn: turn, vendor: ask.vendor, place: place, era: state.era)
        }
    }

    /// Notes that pictures were made for a call.
    ///
    /// - Parameters:
    ///   - line: The call.
    ///   - pictures: How many pictures.
    ///   - isFirst: Whether they are the first of this call.
    func bill(_ line: Line, pictures: Int, isFirst: Bool) {
        state.withLock { state in
            guard line.era == state.era else { return }
            let calls = isFirst ? 1 : 0
            state.report.entries[line.place].callsBilled += calls
            state.report.entries[line.place].picturesBilled += pictures
            state.report.change(line.vendor) { totals in
                totals.callsBilled += calls
                totals.picturesBilled += pictures
            }
        }
    }

    /// Closes a call's line.
    func end(_ line: Line) {
        state.withLock { state in
            guard line.era == state.era else { return }
            state.report.change(line.vendor) { $0.running -= 1 }
        }
    }

    /// A prompt as entries show it.
    static func shown(_ prompt: String) -> String {
        prompt.utf8.count <= 500 ? prompt : String(prompt.prefix(500))
    }
}

extension BillingLedger.State {
    fileprivate mutating func place(of ask: VendorAsk) -> Int {
        let isFull = report.entries.count >= BillingLedger.mostEntries
        let prompt = BillingLedger.shown(ask.prompt)
        var key = BillingLedger.Key(vendor: ask.vendor, model: ask.model, prompt: prompt)
        if let place = places[key] { return place }
        if isFull {
            key.prompt = "(further prompts)"
            if let place = places[key] { return place }
        }
        report.entries.append(
            LedgerReport.Entry(
                vendor: key.vendor,
                model: key.model,
                prompt: key.prompt,
                calls: 0,
                callsBilled: 0,
                picturesBilled: 0
            )
        )
        places[key] = report.entries.count - 1
        return report.entries.count - 1
    }
}

extension LedgerReport {
    fileprivate mutating func change(_ vendor: String, _ change: (inout Totals) -> Void) {
        change(&totals)
        change(&vendors[vendor, default: Totals()])
    }
}
