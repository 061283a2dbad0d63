// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import GRDB
import GatewayCore
import GatewayTesting
import Synchronization
import Testing

@testable import GatewayStore

@Suite struct SQLiteGroupCommitTests {
    /// Counts the transactions that were committed.
    private final class CommitCounter: TransactionObserver, Sendable {
        let commits = Atomic(0)

        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseDidCommit(_ db: Database) { commits.add(1, ordering: .relaxed) }
        func databaseDidRollback(_ db: Database) {}
    }

    /// What was said of tasks that could not be written.
    private final class Losses: Sendable {
        let codes = Mutex<[StoreError.Code]>([])
    }

    let folder: TemporaryFolder
    let samples = SampleTasks()

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Runs operations that all queue up before the writer takes the first.
    private func together(
        in store: SQLiteTaskStore,
        _ operations: [@Sendable () async throws -> Void]
    ) async -> [StoreError.Code?] {
        let gate = DispatchSemaphore(value: 0)
        store.pool.asyncWriteWithoutTransaction { _ in gate.wait() }
        return await withTaskGroup(of: (Int, StoreError.Code?).self) { group in
            for (place, operation) in operations.enumerated() {
                group.addTask {
                    do {
                        try await operation()
                        return (place, nil)
                    } catch {
                        return (place, (error as? StoreError)?.code)
                    }
                }
                // One after the other, so that their order is known.
                while store.writer.waitingCount <= place { await Task.yield() }
            }
            gate.signal()
            return await group.reduce(into: Array(repeating: nil, count: operations.count)) { $0[$1.0] = $1.1 }
        }
    }

    @Test func `a thousand tasks created at once share four commits`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let counter = CommitCounter()
        store.pool.add(transactionObserver: counter, extent: .databaseLifetime)
        let tasks = try (0..<1000).map { _ in try samples.pending() }

        let outcomes = await together(
            in: store,
            tasks.map { task in { try await store.create(task) } }
        )

        #expect(outcomes.allSatisfy { $0 == nil })
        #expect(counter.commits.load(ordering: .relaxed) == 4)
        #expect(try await store.pendingCount() == 1000)
        let page = try await store.list(TaskQuery(owner: "alice", limit: 2000, ascending: true))
        #expect(page.tasks == tasks)
        await store.close()
    }

    @Test func `an operation that fails does not disturb its neighbors`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let counter = CommitCounter()
        store.pool.add(transactionObserver: counter, extent: .databaseLifetime)
        let task = try samples.pending()
        let other = try samples.pending()
        let first = try task.applying(.claimed(node: "node-1", portions: [1]), at: samples.time.now)
        let second = try task.applying(.claimed(node: "node-2", portions: [1]), at: samples.time.now)

        let outcomes = await together(
            in: store,
            [
                { try await store.create(task) },
                { try await store.create(task) },
                { try await store.update(first, from: 0) },
                { try await store.update(second, from: 0) },
                { try await store.create(other) },
            ]
        )

        #expect(outcomes == [nil, .conflict, nil, .conflict, nil])
        #expect(counter.commits.load(ordering: .relaxed) == 1)
        #expect(try await store.task(task.id, owner: nil) == first)
        #expect(try await store.task(other.id, owner: nil) == other)
        await store.close()
    }

    @Test func `an operation that fails half-way leaves nothing behind`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let tasks = try (0..<3).map { _ in try samples.pending() }
        for task in tasks { try await store.create(task) }
        let other = try samples.pending(node: "node-9")
        try await store.pool.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER stubborn BEFORE UPDATE ON tasks WHEN new.id = '\(tasks[1].id)'
                    BEGIN SELECT RAISE(ABORT, 'no'); END;
                    """
            )
        }
        let now = samples.time.now

        let outcomes = await together(
            in: store,
            [
                { _ = try await store.claim(node: "node-1", limit: 3, excluding: [], now: now) { _ in [1] } },
                { try await store.create(other) },
            ]
        )

        #expect(outcomes == [.unavailable, nil])
        #expect(try await store.list(TaskQuery(owner: "alice", ascending: true)).tasks == tasks + [other])
        #expect(try await store.pendingCount() == 3)
        await store.close()
    }

    @Test func `a commit that fails fails for the whole group, and the next one succeeds`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let counter = CommitCounter()
        store.pool.add(transactionObserver: counter, extent: .databaseLifetime)
        // A reference that is checked by the commit only.
        try await store.pool.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE parents (id INTEGER PRIMARY KEY);
                    CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
                    CREATE TRIGGER orphan AFTER INSERT ON tasks BEGIN INSERT INTO children VALUES (1); END;
                    """
            )
        }
        let tasks = try (0..<5).map { _ in try samples.pending() }
        let creations: [@Sendable () async throws -> Void] = tasks.map { task in { try await store.create(task) } }

        let broken = await together(in: store, creations)
        #expect(broken == Array(repeating: .unavailable, count: 5))
        #expect(try await store.pendingCount() == 0)
        #expect(try await store.list(TaskQuery(owner: "alice")).tasks.isEmpty)

        try await store.pool.write { try $0.execute(sql: "DROP TRIGGER orphan") }
        let mended = await together(in: store, creations)
        #expect(mended == Array(repeating: nil, count: 5))
        #expect(try await store.pendingCount() == 5)
        await store.close()
    }

    @Test func `a caller that is canceled while it waits gets the outcome`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let task = try samples.pending()
        let gate = DispatchSemaphore(value: 0)
        store.pool.asyncWriteWithoutTransaction { _ in gate.wait() }

        let claims = Task {
            try await store.create(task)
            return try await store.claim(node: "node-1", limit: 1, excluding: [], now: task.createdAt) { _ in [1] }
        }
        while store.writer.waitingCount == 0 { await Task.yield() }
        claims.cancel()
        gate.signal()

        #expect(try await claims.value.map(\.id) == [task.id])
        #expect(try await store.task(task.id, owner: nil)?.node == "node-1")
        await store.close()
    }

    @Test func `a task that is written soon shares the commit of its first change, and is written once`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let counter = CommitCounter()
        store.pool.add(transactionObserver: counter, extent: .databaseLifetime)
        let task = try samples.pending(node: "node-1")
        let claimed = try task.applying(.claimed(node: "node-1", portions: [1]), at: samples.time.now)

        try await store.createSoon(task) { Issue.record($0) }
        try await store.update(claimed, from: task.version)

        #expect(counter.commits.load(ordering: .relaxed) == 1)
        #expect(try await store.task(task.id, owner: nil) == claimed)
        #expect(!store.writer.holdsAny)
        await store.close()
    }

    @Test func `a task that is written soon is written alone when nothing follows`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let task = try samples.pending(node: "node-1")

        try await store.createSoon(task) { Issue.record($0) }
        while store.writer.holdsAny { await Task.yield() }

        let body = try await store.pool.read { try TaskRow.body(of: task.id, owner: nil, in: $0) }
        #expect(body.flatMap(TaskRow.task(from:)) == task)
        await store.close()
    }

    @Test func `what is to be written soon is written before the file is closed`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let task = try samples.pending(node: "node-1")

        try await store.createSoon(task) { Issue.record($0) }
        await store.close()

        let again = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        #expect(try await again.task(task.id, owner: nil) == task)
        await again.close()
    }

    @Test(arguments: [false, true])
    func `whoever wrote a task that is lost is told, with its first change or without`(isChanged: Bool) async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        try await store.pool.write { db in
            try db.execute(
                sql: "CREATE TRIGGER full BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        }
        let task = try samples.pending(node: "node-1")
        let claimed = try task.applying(.claimed(node: "node-1", portions: [1]), at: samples.time.now)
        let losses = Losses()

        try await store.createSoon(task) { error in losses.codes.withLock { $0.append(error.code) } }
        if isChanged {
            await #expect(throws: StoreError.self) { try await store.update(claimed, from: task.version) }
        }
        while store.writer.holdsAny { await Task.yield() }

        #expect(losses.codes.withLock { $0 } == [.unavailable])
        #expect(try await store.task(task.id, owner: nil) == nil)
        await store.close()
    }

    @Test func `a row is either lost or replaced, whoever comes first`() throws {
        let task = try samples.pending()
        let lost = HeldRow(task) { _ in }
        #expect(lost.lose())
        #expect(!lost.replace(from: task.version))

        let replaced = HeldRow(task) { _ in }
        #expect(replaced.replace(from: task.version))
        #expect(!replaced.lose())
    }

    @Test func `closing waits for what is under way`() async throws {
        let store = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        let tasks = try (0..<50).map { _ in try samples.pending() }
        let gate = DispatchSemaphore(value: 0)
        store.pool.asyncWriteWithoutTransaction { _ in gate.wait() }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in tasks { group.addTask { try await store.create(task) } }
            while store.writer.waitingCount < tasks.count { await Task.yield() }
            group.addTask { await store.close() }
            gate.signal()
            try await group.waitForAll()
        }

        let again = try await SQLiteTaskStore(path: folder.file("tasks.sqlite"))
        #expect(try await again.pendingCount() == 50)
        await again.close()
    }
}
