// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import Testing

@Suite struct BreakerTests {
    private let start = Timestamp(seconds: 1_700_000_000)

    /// A breaker that has just opened.
    private func opened() -> Breaker {
        var breaker = Breaker()
        for _ in 1...Breaker.threshold {
            let pass = breaker.following()
            _ = breaker.note(.failedToSubmit, pass, at: start)
        }
        return breaker
    }

    private func pass(_ breaker: inout Breaker, _ now: Timestamp) throws -> Breaker.Pass {
        let pass = breaker.admit(at: now)
        return try #require(pass)
    }

    @Test(arguments: [Breaker.Signal.failedToSubmit, .failedAtWork])
    func `five failures in a row open it for thirty seconds`(signal: Breaker.Signal) throws {
        var breaker = Breaker()
        var changes: [Breaker.Change?] = []

        for _ in 1...5 {
            let pass = try pass(&breaker, start)
            changes.append(breaker.note(signal, pass, at: start))
        }

        let end = start.advanced(by: .seconds(30))
        #expect(changes == [nil, nil, nil, nil, .opened(until: end)])
        #expect(breaker.admit(at: start.advanced(by: .milliseconds(29_999))) == nil)
        #expect(breaker.pause(at: start) == .seconds(30))
        #expect(breaker.pause(at: end) == .zero)
    }

    @Test(arguments: [Breaker.Signal.works])
    func `a success in between begins the count anew`(signal: Breaker.Signal) throws {
        var breaker = Breaker()

        for number in 1...100 {
            let pass = try pass(&breaker, start)
            _ = breaker.note(number % 5 == 0 ? signal : .failedToSubmit, pass, at: start)
        }

        #expect(breaker.phase == .closed)
    }

    @Test func `old work that ends well does not hide that nothing new is taken`() throws {
        var breaker = Breaker()
        let old = try pass(&breaker, start)
        _ = breaker.note(.accepted, old, at: start)

        for _ in 1...5 {
            let pass = try pass(&breaker, start)
            _ = breaker.note(.failedAtWork, old, at: start)
            _ = breaker.note(.accepted, pass, at: start)
        }

        #expect(breaker.admit(at: start) == nil, "work that fails although submissions are taken counts as well")
    }

    @Test func `what says nothing counts neither way`() throws {
        var breaker = Breaker()

        for _ in 1...9 {
            for signal in [Breaker.Signal.failedToSubmit, .nothing] {
                guard let pass = breaker.admit(at: start) else { break }
                _ = breaker.note(signal, pass, at: start)
            }
        }

        #expect(breaker.phase == .open(until: start.advanced(by: .seconds(30))))
    }

    @Test func `when its pause is over exactly one call goes, and its success closes it`() throws {
        var breaker = opened()
        let later = start.advanced(by: .seconds(30))

        let probe = try pass(&breaker, later)

        #expect(probe.isProbe)
        #expect(breaker.isProbing(at: later))
        for _ in 1...100 { #expect(breaker.admit(at: later) == nil) }
        #expect(breaker.note(.accepted, probe, at: later) == nil)
        #expect(breaker.admit(at: later) == nil)
        #expect(breaker.note(.works, probe, at: later) == .closed)
        #expect(breaker.admit(at: later)?.isProbe == false)
    }

    @Test func `each probe that fails doubles the pause, up to five minutes; a success begins anew`() throws {
        var breaker = opened()
        var now = start
        var pauses: [Int64] = []

        for _ in 1...6 {
            pauses.append(breaker.pause(at: now).milliseconds / 1000)
            now = now.advanced(by: breaker.pause(at: now))
            let probe = try pass(&breaker, now)
            _ = breaker.note(.failedToSubmit, probe, at: now)
        }
        #expect(pauses == [30, 60, 120, 240, 300, 300])

        now = now.advanced(by: breaker.pause(at: now))
        let probe = try pass(&breaker, now)
        _ = breaker.note(.works, probe, at: now)
        for _ in 1...5 { _ = breaker.note(.failedToSubmit, breaker.following(), at: now) }
        #expect(breaker.pause(at: now) == .seconds(30))
    }

    @Test func `a probe that says nothing lets the next one go, and so does one without an end`() throws {
        var breaker = opened()
        let later = start.advanced(by: .seconds(30))

        let first = try pass(&breaker, later)
        _ = breaker.note(.nothing, first, at: later)
        let second = try pass(&breaker, later)
        let third = try pass(&breaker, later.advanced(by: Breaker.probeTime))

        #expect(second.isProbe && third.isProbe)
        #expect(breaker.note(.works, second, at: later) == nil, "a probe given up tells nothing any more")
        #expect(breaker.note(.works, third, at: later) == .closed)
    }

    @Test func `what was sent before it closed does not open it again`() throws {
        var breaker = Breaker()
        let old = try (1...9).map { _ in try pass(&breaker, start) }
        for pass in old.prefix(5) { _ = breaker.note(.failedToSubmit, pass, at: start) }
        let later = start.advanced(by: .seconds(30))
        let probe = try pass(&breaker, later)
        _ = breaker.note(.works, probe, at: later)

        for _ in 1...3 { for pass in old { _ = breaker.note(.failedToSubmit, pass, at: later) } }

        #expect(breaker.phase == .closed)
    }

    @Test func `one failure in twenty does not open it in ten thousand calls, and nothing but failures does at once`()
        throws
    {
        // A plain generator, so that the run is the same each time.
        var seed: UInt64 = 7
        func chance() -> Double {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(seed >> 11) / 0x1p53
        }
        var breaker = Breaker()

        for _ in 1...10_000 {
            let pass = try pass(&breaker, start)
            #expect(breaker.note(chance() < 0.05 ? .failedToSubmit : .works, pass, at: start) == nil)
        }

        for _ in 1...5 { _ = breaker.note(.failedToSubmit, breaker.following(), at: start) }
        #expect(breaker.admit(at: start) == nil)
    }

    @Test(
        arguments: [
            (.overloaded, true), (.unreachable, true), (.outcomeUnknown, true), (.notUnderstood, true),
            (.badPicture, true), (.failed, true), (.jobNotFound, true), (.refused, false), (.invalidRequest, false),
            (.noImage, false), (.credential, false), (.outOfCredit, false), (.modelUnavailable, false),
            (.rateLimited, false),
        ] as [(ProviderError.Code, Bool)]
    )
    func `only what speaks against a vendor counts against it`(code: ProviderError.Code, counts: Bool) {
        let error = ProviderError(code, "Why.")

        #expect((error.signal(isAccepted: false) == .failedToSubmit) == counts)
        #expect((error.signal(isAccepted: true) == .failedAtWork) == counts)
        #expect((error.signal(isAccepted: false) == .works) == (code == .refused))
    }
}
