// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite struct RateLimitTests {
    private let start = Timestamp(seconds: 1_700_000_000)

    @Test(arguments: [1, 2, 7, 59, 60, 300, 6000])
    func `no minute has more than the limit, and none much less`(limit: Int) {
        var rate = RateLimit(perMinute: limit)
        // Everybody comes at once and waits for its turn.
        let turns = (0..<limit * 4).map { _ in start.advanced(by: rate.take(at: start)).milliseconds }

        var last = 0
        for first in turns.indices {
            while last < turns.count, turns[last] < turns[first] + 60_000 { last += 1 }
            #expect(last - first <= limit)
        }
        #expect(turns.count { $0 < start.milliseconds + 60_000 } >= limit * 9 / 10)
    }

    @Test func `a few may go at once after a pause, then they come evenly`() {
        var rate = RateLimit(perMinute: 120)

        let waits = (0..<8).map { _ in rate.take(at: start).milliseconds }

        #expect(waits.prefix(5).allSatisfy { $0 == 0 })
        #expect(zip(waits.dropFirst(5), waits.dropFirst(4)).allSatisfy { $0 - $1 >= 500 && $0 - $1 <= 530 })
        let later = start.advanced(by: .seconds(60))
        for _ in 0..<5 { #expect(rate.take(at: later) == .zero) }
        #expect(rate.take(at: later) > .zero)
    }

    @Test func `looking takes no turn`() {
        var rate = RateLimit(perMinute: 1)

        for _ in 0..<9 { #expect(rate.wait(at: start) == .zero) }
        #expect(rate.take(at: start) == .zero)
        #expect(rate.wait(at: start).milliseconds == 60_000)
        #expect(rate.wait(at: start.advanced(by: .seconds(59))).milliseconds == 1000)
    }

    @Test func `without a limit nobody waits`() {
        var rate = RateLimit(perMinute: 0)

        for _ in 0..<1000 { #expect(rate.take(at: start) == .zero) }
    }

    @Test(arguments: [1, 7, 60, 600])
    func `a bucket gives a minute's turns at once and fills up evenly`(limit: Int) {
        var rate = RateLimit(bucketOf: limit)

        for taken in 0..<limit {
            #expect(rate.remaining(at: start) == limit - taken)
            #expect(rate.take(at: start) == .zero)
        }

        #expect(rate.remaining(at: start) == 0)
        let wait = rate.wait(at: start)
        #expect(wait > .zero && wait <= .seconds(60) / limit)
        #expect(rate.untilFull(at: start) > .milliseconds(59_999))
        #expect(rate.remaining(at: start.advanced(by: .seconds(30))) == limit / 2)
        #expect(rate.wait(at: start.advanced(by: wait + .milliseconds(1))) == .zero)
        #expect(rate.untilFull(at: start.advanced(by: .seconds(60))) == .zero)
        #expect(rate.remaining(at: start.advanced(by: .seconds(60))) == limit)
    }

    @Test func `a clock that is set back empties a bucket, and keeps nobody out for longer`() {
        var rate = RateLimit(bucketOf: 60)
        _ = rate.take(at: start)
        rate.notice(start)
        #expect(rate.remaining(at: start) == 59)

        let before = start.advanced(by: .seconds(-86_400))
        rate.notice(before)

        #expect(rate.wait(at: before) == .seconds(1))
        #expect(rate.remaining(at: before) == 0)
        #expect(rate.wait(at: before.advanced(by: .seconds(1))) == .zero)
        #expect(rate.remaining(at: before.advanced(by: .seconds(60))) == 60)
    }
}
