// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import GRDB
import GatewayCore
import Synchronization

/// The one writer: operations that queue up while a commit runs share the next one.
///
/// A commit with `synchronous=FULL` waits for the disk; sixty-four callers that each wait for their own would wait
/// sixty-four times. Operations run in the order of their arrival, each in a savepoint of its own, so that one that
/// fails leaves nothing behind and does not disturb its neighbors. Nobody hears of an outcome before the commit.
final class GroupCommit: Sendable {
    /// How many operations share a commit at most: bounds how long the first of them waits for the last.
    static let largestGroup = 256

    /// One caller's part of a group.
    private struct Operation: Sendable {
        /// Does the work; gives what to do when it is durable.
        let perform: @Sendable (Database) throws -> @Sendable () -> Void
        /// Tells the caller that it did not happen.
        let fail: @Sendable (StoreError) -> Void
    }

    private struct State {
        var waiting: [Operation] = []
        /// How many of these, from the first one on, must be written now; those behind them may wait for company.
        var wanted = 0
        /// The tasks whose first rows are waiting, or on their way to the disk.
        var held: [TaskID: HeldRow] = [:]
        var isAlarmSet = false
        var isRunning = false
    }

    /// How long an operation that nobody waits for waits for company.
    private static let patience = DispatchTimeInterval.milliseconds(10)

    private let pool: DatabasePool
    private let failure: SQLiteFailure
    private let log: LogMover
    private let beforeCommit: @Sendable (Database) throws -> @Sendable () -> Void
    private let inDoubt: @Sendable () -> Void
    private let state = Mutex(State())
    private let alarms = DispatchQueue(label: "task-store.alarms")

    /// Creates a writer.
    ///
    /// - Parameters:
    ///   - pool: The database.
    ///   - failure: How to name its errors.
    ///   - log: Who moves what was written into the file.
    ///   - beforeCommit: Runs at the end of each transaction; what it gives runs when that is durable.
    ///   - inDoubt: Called when a transaction failed: what it wrote may be durable all the same.
    init(
        pool: DatabasePool,
        failure: SQLiteFailure,
        log: LogMover,
        beforeCommit: @escaping @Sendable (Database) throws -> @Sendable () -> Void,
        inDoubt: @escaping @Sendable () -> Void
    ) {
        self.pool = pool
        self.failure = failure
        self.log = log
        self.beforeCommit = beforeCommit
        self.inDoubt = inDoubt
    }

    /// Runs an operation in a transaction; durable when it returns.
    ///
    /// A caller that is canceled meanwhile gets the outcome all the same: an operation cannot leave its group. `work` runs
    /// on the writer's own thread and may run statements, but not end the transaction; `whenDurable` runs after the
    /// commit, in the order of the operations, before the caller goes on.
    func perform<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value,
        whenDurable: @escaping @Sendable (Value) -> Void = { _ in }
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            enqueue(
                Operation(
                    perform: { db in
                        let value = try work(db)
                        return {
                            whenDurable(value)
                            continuation.resume(returning: .success(value))
                        }
                    },
                    fail: { continuation.resume(returning: .failure($0)) }
                )
            )
        }
        return try result.get()
    }

    /// Writes a task's first row in the next transaction that is needed, or a moment later; returns before that.
    ///
    /// What is performed after it is in the same transaction or a later one.
    func hold(_ row: HeldRow) {
        let operation = Operation(
            perform: { [self] db in
                guard try row.write(in: db) else { return {} }
                return { self.release(row.task.id) }
            },
            fail: { [self] error in
                guard row.lose() else { return }
                row.failed(error)
                release(row.task.id)
            }
        )
        let mustSetAlarm = state.withLock { state in
            state.waiting.append(operation)
            state.held[row.task.id] = row
            defer { state.isAlarmSet = true }
            return !state.isAlarmSet
        }
        guard mustSetAlarm else { return }
        alarms.asyncAfter(deadline: .now() + Self.patience) { [self] in
            state.withLock { $0.isAlarmSet = false }
            start()
        }
    }

    /// The first row of a task, if it may not be written yet.
    func held(_ id: TaskID) -> HeldRow? { state.withLock { $0.held[id] } }

    /// Whether any task's first row may not be written yet.
    var holdsAny: Bool { state.withLock { !$0.held.isEmpty } }

    /// Says that the first row of a task is written, or never will be.
    func release(_ id: TaskID) {
        state.withLock { state in _ = state.held.removeValue(forKey: id) }
    }

    /// How many operations have not been taken into a group.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Whether there is anything to do.
    var isRunning: Bool { state.withLock(\.isRunning) }

    private func enqueue(_ operation: Operation) {
        start { $0.append(operation) }
    }

    /// Has everything written that waits, and what is added to it.
    private func start(_ add: (inout [Operation]) -> Void = { _ in }) {
        let mustStart = state.withLock { state in
            add(&state.waiting)
            state.wanted = state.waiting.count
            guard state.wanted > 0 else { return false }
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { pool.asyncWriteWithoutTransaction { self.drain($0) } }
    }

    private func drain(_ db: Database) {
        while let group = nextGroup() {
            commit(group, in: db)
            log.tend(by: db)
        }
    }

    private func nextGroup() -> [Operation]? {
        state.withLock { state in
            guard state.wanted > 0 else {
                state.isRunning = false
                return nil
            }
            let group = Array(state.waiting.prefix(Self.largestGroup))
            state.waiting.removeFirst(group.count)
            state.wanted = max(0, state.wanted - group.count)
            return group
        }
    }

    private func commit(_ group: [Operation], in db: Database) {
        do {
            if db.isInsideTransaction { try db.rollback() }
            try begin(in: db)
            let outcomes = try outcomes(of: group, in: db)
            let committed = try beforeCommit(db)
            try db.cachedStatement(sql: SQLiteQueries.commit).execute()
            committed()
            for tell in outcomes { tell() }
        } catch {
            // If even this fails, the next group begins with it.
            if db.isInsideTransaction { try? db.rollback() }
            inDoubt()
            let reason = failure.error(error)
            for operation in group { operation.fail(reason) }
        }
    }

    private func begin(in db: Database) throws { try db.cachedStatement(sql: SQLiteQueries.begin).execute() }

    /// Runs operations and gives what to tell their callers after the commit.
    ///
    /// Few fail, and to keep each apart from its neighbors costs as much as the operation; so that is done only when one
    /// has failed, and everything is done again.
    private func outcomes(of group: [Operation], in db: Database) throws -> [@Sendable () -> Void] {
        do {
            return try group.map { try $0.perform(db) }
        } catch {
            if db.isInsideTransaction { try db.rollback() }
            try begin(in: db)
            return try group.map { try outcome(of: $0, in: db) }
        }
    }

    /// Runs one operation and gives what to tell its caller after the commit.
    private func outcome(of operation: Operation, in db: Database) throws -> @Sendable () -> Void {
        try db.cachedStatement(sql: SQLiteQueries.openSavepoint).execute()
        do {
            let tell = try operation.perform(db)
            try db.cachedStatement(sql: SQLiteQueries.releaseSavepoint).execute()
            return tell
        } catch {
            // A full disk or an I/O error may have ended the whole transaction: then nobody's work is left.
            guard db.isInsideTransaction else { throw error }
            try db.cachedStatement(sql: SQLiteQueries.rollbackToSavepoint).execute()
            try db.cachedStatement(sql: SQLiteQueries.releaseSavepoint).execute()
            let reason = failure.error(error)
            return { operation.fail(reason) }
        }
    }
}
