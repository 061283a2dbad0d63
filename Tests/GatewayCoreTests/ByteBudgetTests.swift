// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization
import Testing

@Suite struct ByteBudgetTests {
    @Test func `what does not fit waits until others have given theirs back`() {
        let budget = ByteBudget(limit: 100)
        let granted = Mutex([String]())
        var first: ByteBudget.Account? = budget.open()
        let second = budget.open()
        let third = budget.open()

        let firstFits = first?.reserve(80) { granted.withLock { $0.append("first") } }
        let secondFits = second.reserve(30) { granted.withLock { $0.append("second") } }
        let thirdFits = third.reserve(10) { granted.withLock { $0.append("third") } }

        #expect(firstFits == true)
        #expect(!secondFits)
        #expect(!thirdFits, "whoever is small does not overtake")
        #expect(granted.withLock { $0 } == [])
        first = nil
        #expect(granted.withLock { $0 } == ["second", "third"])
        #expect(budget.used == 40)
    }

    @Test func `work that has begun may grow beyond the budget so that nothing waits in a circle`() {
        let budget = ByteBudget(limit: 100)
        let account = budget.open()

        let begins = account.reserve(90) {}
        let grows = account.reserve(90) {}

        #expect(begins && grows)
        #expect(budget.used == 180)
    }

    @Test func `what is larger than the whole budget passes alone`() {
        let budget = ByteBudget(limit: 100)
        let granted = Mutex(false)
        var small: ByteBudget.Account? = budget.open()
        let large = budget.open()

        _ = small?.reserve(1) {}
        let fits = large.reserve(1000) { granted.withLock { $0 = true } }

        #expect(!fits)
        small = nil
        #expect(granted.withLock { $0 })
    }

    @Test func `an account that is dropped while it waits is not granted and lets the next one pass`() {
        let budget = ByteBudget(limit: 100)
        let granted = Mutex([String]())
        var holder: ByteBudget.Account? = budget.open()
        var leaver: ByteBudget.Account? = budget.open()
        let stayer = budget.open()
        _ = holder?.reserve(100) {}
        _ = leaver?.reserve(100) { granted.withLock { $0.append("leaver") } }
        _ = stayer.reserve(100) { granted.withLock { $0.append("stayer") } }

        leaver = nil
        holder = nil

        #expect(granted.withLock { $0 } == ["stayer"])
        #expect(budget.used == 100)
    }

    @Test func `work that waits twice is let in as a whole, and never waits for itself`() {
        let budget = ByteBudget(limit: 100)
        let granted = Mutex([String]())
        var holder: ByteBudget.Account? = budget.open()
        let (several, other, charged) = (budget.open(), budget.open(), budget.open())
        _ = holder?.reserve(100) {}
        for name in ["first", "second"] {
            _ = several.reserve(60) { granted.withLock { $0.append(name) } }
            _ = other.reserve(60) { granted.withLock { $0.append("other") } }
        }
        _ = charged.reserve(60) { granted.withLock { $0.append("charged") } }

        charged.charge(1)
        #expect(granted.withLock { $0 } == ["charged"])
        holder = nil
        #expect(granted.withLock { $0 } == ["charged"])
        budget.relieve()
        budget.relieve()
        #expect(granted.withLock { $0 } == ["charged", "first", "second"])
    }

    @Test func `when nothing moves more and more are let through`() {
        let budget = ByteBudget(limit: 100)
        let granted = Mutex(0)
        let holder = budget.open()
        _ = holder.reserve(100) {}
        let waiting = (0..<9).map { _ in budget.open() }
        for account in waiting { _ = account.reserve(100) { granted.withLock { $0 += 1 } } }

        var seen: [Int] = []
        for _ in 0..<4 {
            budget.relieve()
            seen.append(granted.withLock { $0 })
        }

        #expect(seen == [1, 3, 7, 9])
        withExtendedLifetime((holder, waiting)) {}
    }

    @Test func `as long as something moves nobody is let through out of turn`() {
        let budget = ByteBudget(limit: 100)
        let granted = Mutex(0)
        let holder = budget.open()
        var mover: ByteBudget.Account? = budget.open()
        let waiter = budget.open()
        _ = holder.reserve(100) {}
        _ = mover?.reserve(1) {}
        _ = waiter.reserve(100) { granted.withLock { $0 += 1 } }

        mover = nil
        budget.relieve()
        #expect(granted.withLock { $0 } == 0)
        budget.relieve()
        #expect(granted.withLock { $0 } == 1)
        withExtendedLifetime((holder, waiter)) {}
    }

    @Test func `a budget without bound grants everything`() {
        let budget = ByteBudget(limit: 0)

        let fits = (0..<100).allSatisfy { _ in budget.open().reserve(1 << 40) {} }

        #expect(fits)
        #expect(budget.used == 0)
    }
}
