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
        /// Whether anything was granted or given back since the last look.
        var hasMoved = false
        /// How many were let through at the last look, because nothing moved.
        var relieved = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// The memory of pictures that are done with.
    public let spare = SpareBuffers()

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

    /// How many transfers wait for room.
    public var waiting: Int { state.withLock(\.line.count) }

    /// What one piece of work holds, from the first byte it receives until its pictures are stored or handed over.
    ///
    /// Whoever keeps the pictures keeps the account.
    public final class Account: Sendable {
        fileprivate let budget: ByteBudget

        fileprivate init(budget: ByteBudget) {
            self.budget = budget
        }

        /// Where buffers of pictures come from, and go to.
        public var spare: SpareBuffers { budget.spare }

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

        /// Waits until there is room, and takes it.
        ///
        /// - Throws: `CancellationError` when the task is cancelled meanwhile.
        public func room(for bytes: Int) async throws {
            let turn = Turn()
            if reserve(bytes, orLater: { turn.settle(true) }) { return }
            let isGranted = await withTaskCancellationHandler {
                await turn.outcome()
            } onCancel: {
                turn.settle(false)
            }
            guard isGranted else { throw CancellationError() }
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
        let granted = state.withLock { state in
            take(bytes, for: account, &state)
            return letGrow(account, &state)
        }
        for waiter in granted { waiter.grant() }
    }

    private func close(_ account: ObjectIdentifier) {
        let granted = state.withLock { state in
            state.used -= state.held.removeValue(forKey: account) ?? 0
            state.line.removeAll { $0.account == account }
            state.hasMoved = true
            var granted: [Waiter] = []
            while let first = state.line.first, fits(first.bytes, state) { granted += letIn(&state) }
            return granted
        }
        for waiter in granted { waiter.grant() }
    }

    /// Lets some of those who wait through although there is no room, if nothing has moved since the last time; to be
    /// called now and then.
    ///
    /// Who holds bytes may wait for something else that is in the hands of those who wait here, such as a vendor's room
    /// for calls: then memory is the lesser loss, because what is on its way is paid for.
    public func relieve() {
        let granted = state.withLock { state -> [Waiter] in
            guard !state.line.isEmpty, !state.hasMoved else {
                (state.hasMoved, state.relieved) = (false, 0)
                return []
            }
            state.relieved = max(1, state.relieved * 2)
            var granted: [Waiter] = []
            while granted.count < state.relieved, !state.line.isEmpty { granted += letIn(&state) }
            return granted
        }
        for waiter in granted { waiter.grant() }
    }

    /// Takes the first out of the line, with whatever else its account waits for.
    private func letIn(_ state: inout State) -> [Waiter] {
        let first = state.line.removeFirst()
        take(first.bytes, for: first.account, &state)
        return [first] + letGrow(first.account, &state)
    }

    /// Takes those out of the line whose account holds something now: it may grow, or it would wait for itself.
    private func letGrow(_ account: ObjectIdentifier, _ state: inout State) -> [Waiter] {
        let growing = state.line.filter { $0.account == account }
        guard !growing.isEmpty else { return [] }
        state.line.removeAll { $0.account == account }
        for waiter in growing { take(waiter.bytes, for: account, &state) }
        return growing
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

/// Something that is settled once, for one who waits.
private final class Turn: Sendable {
    private struct State {
        var isGranted: Bool?
        var waiting: CheckedContinuation<Bool, Never>?
    }

    private let state = Mutex(State())

    func settle(_ isGranted: Bool) {
        let waiting = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.isGranted == nil else { return nil }
            state.isGranted = isGranted
            return state.waiting.take()
        }
        waiting?.resume(returning: isGranted)
    }

    func outcome() async -> Bool {
        await withCheckedContinuation { continuation in
            let isGranted = state.withLock { state in
                if state.isGranted == nil { state.waiting = continuation }
                return state.isGranted
            }
            if let isGranted { continuation.resume(returning: isGranted) }
        }
    }
}
