// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Synchronization

/// A clock for work that waits often: short waits move the clock instead of waiting, limits wait until it has moved.
///
/// A limit is what the engine gives itself (5 seconds for last words, 300 and more for everything else).
final class HastyTime: TimeSource {
    let clock = ManualTime()
    /// Whether every wait waits until the clock has moved.
    private let isPatient: Bool
    private let waits = Mutex<[Duration]>([])

    init(isPatient: Bool = false) {
        self.isPatient = isPatient
    }

    var now: Timestamp { clock.now }

    /// Every short wait so far.
    var slept: [Duration] { waits.withLock(\.self) }

    func sleep(for duration: Duration) async throws {
        if isPatient || duration == .seconds(5) || duration >= .seconds(300) {
            return try await clock.sleep(for: duration)
        }
        try Task.checkCancellation()
        waits.withLock { $0.append(duration) }
        clock.advance(by: duration)
        await Task.yield()
    }
}
