// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A number that one side sets and the other watches.
final class Counter: Sendable {
    private let value = Mutex(0)

    func set(_ number: Int) {
        value.withLock { $0 = number }
    }

    func add(_ number: Int = 1) {
        value.withLock { $0 += number }
    }

    var now: Int { value.withLock(\.self) }

    /// The number, once it has not changed for half a second.
    func untilStill() async throws -> Int { try await GatewayCurlTests.untilStill { now } }
}

/// A number that grows from zero, once it has not for half a second.
func untilStill(_ number: () -> Int) async throws -> Int {
    var (last, quiet) = (0, 0)
    while quiet < 10 {
        try await Task.sleep(for: .milliseconds(50))
        let now = number()
        quiet = now == last && now > 0 ? quiet + 1 : 0
        last = now
    }
    return last
}
