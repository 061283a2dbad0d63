// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HeapModule

/// When the event loop looks at whose time limits.
///
/// Activity moves a deadline all the time, so nothing here is kept up to date: an exchange is looked at when its entry is
/// due, and put down again if it has time left.
struct CurlDeadlines {
    private struct Entry: Comparable {
        let at: ContinuousClock.Instant
        let exchange: ObjectIdentifier

        static func < (left: Entry, right: Entry) -> Bool { left.at < right.at }
    }

    private var heap = Heap<Entry>()

    /// When the first entry is due.
    var next: ContinuousClock.Instant? { heap.min?.at }

    /// Puts an exchange down for its deadline, but for no later than one stall limit from now: whatever happens until then
    /// cannot bring the deadline nearer than that.
    mutating func add(_ exchange: CurlExchange, deadline: ContinuousClock.Instant) {
        let moment = min(deadline, .now + exchange.request.limits.stall)
        exchange.looksAt = moment
        heap.insert(Entry(at: moment, exchange: ObjectIdentifier(exchange)))
    }

    /// Takes the next exchange that is due.
    mutating func takeDue(
        at now: ContinuousClock.Instant,
        among active: [ObjectIdentifier: CurlExchange]
    ) -> CurlExchange? {
        while let first = heap.min, first.at <= now {
            heap.removeMin()
            // An ended exchange leaves its entry behind, and a new one may have its address.
            if let exchange = active[first.exchange], exchange.looksAt == first.at { return exchange }
        }
        return nil
    }

    /// Drops what ended exchanges left behind, once that is most of it.
    mutating func forgetEnded(butFor active: [ObjectIdentifier: CurlExchange]) {
        guard heap.count > 1024 + 4 * active.count else { return }
        heap = Heap(
            active.values.compactMap { exchange in
                exchange.looksAt.map { Entry(at: $0, exchange: ObjectIdentifier(exchange)) }
            }
        )
    }
}
