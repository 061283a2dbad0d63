// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// A task in the vendor's hands.
struct AiToEarnTask: Sendable {
    let name: String
    let order: AiToEarnOrder
    let plan: AiToEarnOrder.Plan
    let call: AcceptedCall
    let createdAt: Timestamp
    /// When the work is over; `nil` if it never is.
    let due: Timestamp?
    /// Why it fails; `nil` if it does not.
    let words: String?
    let isRefunded: Bool
    /// The names of its pictures' files.
    let files: [String]
    /// How often it was asked for.
    var polls = 0
    var isOver = false

    /// What it has cost, as far as it is known at a moment.
    var points: Int { isOver && isRefunded ? 0 : order.price }
}

/// The vendor's books: the account's credits, the tasks, the files.
final class AiToEarnDesk: Sendable {
    /// What happened to the credits.
    struct Account: Sendable, Equatable {
        /// What is left; `nil` for an account without end.
        var balance: Int?
        var tasks = 0
        var deducted = 0
        var refunded = 0
    }

    private struct State {
        var account = Account()
        var validationCode = 400
        var tasks: [String: AiToEarnTask] = [:]
        var open: Set<String> = []
        var files: [String: (task: String, number: Int)] = [:]
        var names: [String] = []
        var forgotten = 0
        var served: [String: Int] = [:]

        mutating func settle(_ name: String, at now: Timestamp) {
            guard var task = tasks[name], !task.isOver, let due = task.due, due <= now else { return }
            if task.isRefunded {
                account.refunded += task.order.price
                account.balance? += task.order.price
            }
            task.isOver = true
            task.call.end()
            tasks[name] = task
            open.remove(name)
        }

        mutating func forgetOldest() {
            guard tasks.count > AiToEarnDesk.mostTasks else { return }
            let name = names[forgotten]
            for file in tasks[name]?.files ?? [] {
                files[file] = nil
                served[file] = nil
            }
            tasks[name] = nil
            open.remove(name)
            forgotten += 1
            guard forgotten > AiToEarnDesk.mostTasks else { return }
            names.removeFirst(forgotten)
            forgotten = 0
        }
    }

    /// How many tasks are remembered; the oldest are forgotten first.
    fileprivate static let mostTasks = 50_000

    private let state = Mutex(State())

    /// The code of validation errors, which builds differ in.
    var validationCode: Int { state.withLock { $0.validationCode } }

    /// What happened to the credits until now.
    func account(at now: Timestamp) -> Account {
        state.withLock { state in
            for name in state.open { state.settle(name, at: now) }
            return state.account
        }
    }

    /// Sets what the account has, and the code of validation errors.
    func change(balance: Int?, validationCode: Int) {
        state.withLock { state in
            state.account.balance = balance
            state.validationCode = validationCode
        }
    }

    /// Forgets tasks and credits, and goes back to an account without end.
    func reset() {
        state.withLock { $0 = State() }
    }

    /// Takes the price of an order off the account.
    ///
    /// - Returns: Whether there was enough.
    func deduct(_ price: Int, at now: Timestamp) -> Bool {
        state.withLock { state in
            if let balance = state.account.balance {
                if balance < price { for name in state.open { state.settle(name, at: now) } }
                guard (state.account.balance ?? 0) >= price else { return false }
                state.account.balance? -= price
            }
            state.account.deducted += price
            return true
        }
    }

    /// Gives back what was taken for an order that came to nothing.
    func giveBack(_ price: Int) {
        state.withLock { state in
            state.account.deducted -= price
            state.account.balance? += price
        }
    }

    /// Opens a task that is paid for.
    func open(_ task: AiToEarnTask) {
        state.withLock { state in
            state.account.tasks += 1
            state.tasks[task.name] = task
            state.open.insert(task.name)
            state.names.append(task.name)
            for (number, file) in task.files.enumerated() { state.files[file] = (task.name, number) }
            state.forgetOldest()
        }
    }

    /// A task as it is at a moment, with this question counted.
    func ask(for name: String, at now: Timestamp) -> AiToEarnTask? {
        state.withLock { state in
            state.settle(name, at: now)
            state.tasks[name]?.polls += 1
            return state.tasks[name]
        }
    }

    /// The task a file belongs to, the place of the picture in it, and how often the file was asked for before.
    func file(_ name: String) -> (task: AiToEarnTask, number: Int, served: Int)? {
        state.withLock { state in
            guard let file = state.files[name], let task = state.tasks[file.task] else { return nil }
            defer { state.served[name, default: 0] += 1 }
            return (task, file.number, state.served[name] ?? 0)
        }
    }
}
