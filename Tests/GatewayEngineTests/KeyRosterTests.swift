// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import Testing

@Suite struct KeyRosterTests {
    private let now = Timestamp(seconds: 1_700_000_000)

    private func roster(_ keys: String...) -> KeyRoster {
        KeyRoster(keys.map { ProviderKey(id: $0, secret: Secret("secret-\($0)")) })
    }

    private func picks(_ roster: inout KeyRoster, _ count: Int = 6, at now: Timestamp? = nil) -> [String?] {
        (1...count).map { _ in roster.pick(for: "m", avoiding: [], at: now ?? self.now)?.key.id }
    }

    private func picked(_ roster: inout KeyRoster, _ avoided: Set<String>, _ now: Timestamp) throws -> KeyRoster.Pick {
        let pick = roster.pick(for: "m", avoiding: avoided, at: now)
        return try #require(pick)
    }

    @Test func `keys are used in turn`() {
        var roster = roster("a", "b", "c")

        #expect(picks(&roster) == ["b", "c", "a", "b", "c", "a"])
    }

    @Test func `a provider without keys is asked with an empty one`() {
        var roster = roster()

        #expect(roster.pick(for: "m", avoiding: [], at: now)?.key == ProviderKey(id: "none", secret: Secret("")))
    }

    @Test func `a disabled key is left out, and one call tries it after ten minutes`() throws {
        var roster = roster("a", "b")
        #expect(roster.ban(.init(key: "a"), .credential, at: now) == true)
        #expect(picks(&roster, 3) == ["b", "b", "b"])

        let later = now.advanced(by: KeyRoster.probeInterval)
        let tried = picks(&roster, 4, at: later)

        #expect(tried.filter { $0 == "a" }.count == 1)
        #expect(roster.ban(.init(key: "a"), .credential, at: later) == false, "nobody is alarmed again")
        #expect(picks(&roster, 3, at: later) == ["b", "b", "b"])
        let again = later.advanced(by: KeyRoster.probeInterval)
        var pick = try picked(&roster, ["b"], again)
        roster.release(pick)
        pick = try picked(&roster, ["b"], again)
        #expect(roster.accepted(pick, at: again) == [KeyRoster.Subject(key: "a")])
        #expect(Set(picks(&roster, 2, at: again)) == ["a", "b"])
    }

    @Test func `a call sent before a key was disabled does not enable it`() throws {
        var roster = roster("a")
        let old = try picked(&roster, [], now)
        _ = roster.ban(.init(key: "a"), .outOfCredit, at: now)

        #expect(roster.accepted(old, at: now) == [])
        #expect(roster.pick(for: "m", avoiding: [], at: now) == nil)
        #expect(roster.pause(for: "m", avoiding: [], at: now) == nil)
    }

    @Test func `a model is out for all keys or for one, and other models are not`() {
        var roster = roster("a", "b")
        _ = roster.ban(.init(key: "a", model: "m"), .modelUnavailable, at: now)
        #expect(picks(&roster, 2) == ["b", "b"])
        _ = roster.ban(.init(model: "m"), .modelUnavailable, at: now)
        #expect(picks(&roster, 2) == [nil, nil])
        #expect(roster.pick(for: "other", avoiding: [], at: now) != nil)
    }

    @Test func `a key that is limited rests for as long as the vendor says, and others go on`() {
        var roster = roster("a", "b")
        roster.cool("a", for: .seconds(9), at: now)

        #expect(picks(&roster, 2) == ["b", "b"])
        roster.cool("b", for: .seconds(20), at: now)
        #expect(picks(&roster, 2) == [nil, nil])
        #expect(roster.pause(for: "m", avoiding: [], at: now) == .seconds(9))
        #expect(roster.pause(for: "m", avoiding: ["a"], at: now) == .seconds(20))
        #expect(picks(&roster, 2, at: now.advanced(by: .seconds(9))) == ["a", "a"])
    }

    @Test func `a key limited again and again rests longer each time, not because many were limited at once`() {
        var roster = roster("a")
        var now = now
        var pauses: [Int64] = []

        for _ in 1...6 {
            for _ in 1...50 { roster.cool("a", for: .seconds(5), at: now) }
            let pause = roster.pause(for: "m", avoiding: [], at: now) ?? .zero
            pauses.append(pause.milliseconds / 1000)
            now = now.advanced(by: pause)
        }

        #expect(pauses == [5, 10, 20, 40, 60, 60])
        roster.cool("a", for: .seconds(100_000), at: now)
        #expect(roster.pause(for: "m", avoiding: [], at: now) == KeyRoster.longestCooling)
    }

    @Test func `status tells why and until when, and never the key`() {
        var roster = roster("a", "b", "c")
        _ = roster.ban(.init(key: "a"), .outOfCredit, at: now)
        roster.cool("b", for: .seconds(9), at: now)
        _ = roster.ban(.init(key: "c", model: "m"), .modelUnavailable, at: now)

        let status = roster.keyStatus(at: now)

        #expect(status.map(\.id) == ["a", "b", "c"])
        #expect(status.map(\.state) == [.disabled, .cooling, .usable])
        #expect(status.map(\.reason) == ["outOfCredit", nil, nil])
        #expect(status.map(\.until) == [now.advanced(by: .seconds(600)), now.advanced(by: .seconds(9)), nil])
        #expect(roster.modelStatus.map(\.name) == ["m"])
        #expect(roster.modelStatus.map(\.key) == ["c"])
        #expect(!"\(status)".contains("secret"))
    }
}
