// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many bytes of pictures may be in memory at once, for all transfers together.
///
/// A transfer asks when it learns how much is coming. Above the budget it is held back on the network until others have
/// given theirs back; one that has begun may grow beyond what it asked for, so that nothing waits in a circle.
public final class ByteBudget: Sendable {
    private struct Waiter {
        var account: ObjectIdentifier
        var bytes: Int
        var grant: @Sendable () -> Void
    }

    private struct State {
        var used = 0
        var held: [ObjectIdentifier: Int] = [:]
        var line: [Waiter] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    /// Creates a budget.
    ///
    /// - Parameter limit: How many bytes; 0 for no bound.
    public init(limit: Int) {
        self.limit = limit
    }

    /// Opens an account for one piece of work; it is closed when the last reference to it is gone.
    public func open() -> Account { Account(budget: self) }

    /// How many bytes are held now.
    public var used: Int { state.withLock(\.used) }

    /// What one piece of work holds, from the first byte it receives until its pictures are stored or handed over.
    ///
    /// Whoever keeps the pictures keeps the account.
    public final class Account: Sendable {
        fileprivate let budget: ByteBudget

        fileprivate init(budget: ByteBudget) {
            self.budget = budget
        }

        deinit {
            budget.close(ObjectIdentifier(self))
        }

        /// Asks for room.
        ///
        /// - Parameters:
        ///   - bytes: How much.
        ///   - grant: Called once, from any thread, when there is room after all; not called if `true` is returned.
        /// - Returns: Whether there is room now.
        public func reserve(_ bytes: Int, orLater grant: @escaping @Sendable () -> Void) -> Bool {
            budget.reserve(bytes, for: ObjectIdentifier(self), grant)
        }

        /// Notes bytes that are in memory whether there is room or not: what a picture grows to on its way.
        public func charge(_ bytes: Int) {
            budget.charge(bytes, for: ObjectIdentifier(self))
        }

        /// The account of the work that the current task does, for the transport to charge.
        @TaskLocal public static var current: Account?
    }

    private func reserve(_ bytes: Int, for account: ObjectIdentifier, _ grant: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            let isGrowing = state.held[account] != nil
            guard limit == 0 || isGrowing || (state.line.isEmpty && fits(bytes, state)) else {
                state.line.append(Waiter(account: account, bytes: bytes, grant: grant))
                return false
            }
            take(bytes, for: account, &state)
            return true
        }
    }

    private func charge(_ bytes: Int, for account: ObjectIdentifier) {
        state.withLock { take(bytes, for: account, &$0) }
    }

    private func close(_ account: ObjectIdentifier) {
        let granted = state.withLock { state in
            state.used -= state.held.removeValue(forKey: account) ?? 0
            state.line.removeAll { $0.account == account }
            var granted: [Waiter] = []
            while let first = state.line.first, fits(first.bytes, state) {
                take(first.bytes, for: first.account, &state)
                granted.append(state.line.removeFirst())
            }
            return granted
        }
        for waiter in granted { waiter.grant() }
    }

    /// What is larger than the whole budget passes when nothing else is held.
    private func fits(_ bytes: Int, _ state: State) -> Bool {
        state.used == 0 || state.used + bytes <= limit
    }

    private func take(_ bytes: Int, for account: ObjectIdentifier, _ state: inout State) {
        state.used += bytes
        state.held[account, default: 0] += bytes
    }
}
