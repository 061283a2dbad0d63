// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

@Suite struct WebhookScheduleTests {
    private let now = Timestamp(seconds: 1_700_000_000)
    private let schedule = WebhookSchedule(delays: [.seconds(5), .seconds(30)])

    private func delay(_ failures: Int, wish: Duration? = nil, lot: Double = 0) -> Duration? {
        schedule.next(after: failures, at: now, wish: wish, lot: lot).map { now.duration(to: $0) }
    }

    @Test func `tries follow the list, and after its end there are no more`() {
        #expect(delay(1) == .seconds(5))
        #expect(delay(2) == .seconds(30))
        #expect(delay(3) == nil)
        #expect(delay(0) == nil)
        #expect(WebhookSchedule(delays: []).next(after: 1, at: now, wish: nil, lot: 0) == nil)
    }

    @Test func `chance adds at most a fifth`() {
        #expect(delay(2, lot: 0.5) == .seconds(33))
        #expect(delay(2, lot: 1) == .seconds(36))
    }

    @Test func `a receiver may ask for more time, not for less, and not for ever`() {
        #expect(delay(1, wish: .seconds(60)) == .seconds(60))
        #expect(delay(2, wish: .seconds(1)) == .seconds(30))
        #expect(delay(1, wish: .seconds(10_000_000)) == .seconds(86_400))
    }

    @Test(
        arguments: [
            ("120", 120), ("0", 0), ("-5", 0), ("99999999999", 86_400), ("Tue, 14 Nov 2023 22:14:20 GMT", 60),
            ("Tue, 14 Nov 2023 22:00:00 GMT", 0), ("soon", nil), ("", nil), ("1.5", nil),
            (String(repeating: "9", count: 100_000), nil),
        ] as [(String, Int?)]
    )
    func `Retry-After is seconds or a date`(text: String, seconds: Int?) {
        #expect(WebhookSchedule.wish(text, at: now) == seconds.map { .seconds($0) })
    }

    @Test func `the default schedule goes on for the better part of a day`() {
        let sum = WebhookSettings.defaultSchedule.reduce(.zero, +)
        #expect(WebhookSettings.defaultSchedule.count == 7)
        #expect(sum > .seconds(17 * 3600))
    }
}
