// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

extension TaskStoreConformance {
    private static func claim(
        _ key: String = "order-7",
        for task: ImageTask,
        request: [UInt8] = [0, 1, 0xFF],
        now: Timestamp
    ) -> IdempotencyClaim {
        IdempotencyClaim(owner: task.owner, key: key, request: request, task: task.id, now: now)
    }

    /// Requests that can be made again.
    public static let repeating: [Check] = [
        Check("a claim is written with its task, and found by its owner only") { store, samples in
            let (task, now) = (try samples.pending(owner: "alice"), samples.time.now)
            let mine = claim("it's \"mine\" ~", for: task, now: now)

            #expect(try await store.create(task, on: TaskTerms(claim: mine)) == .written)

            #expect(try await store.claim(mine.key, of: "alice", now: now) == mine)
            #expect(try await store.claim(mine.key, of: "bob", now: now) == nil)
            #expect(try await store.claim("another", of: "alice", now: now) == nil)
            #expect(try await store.task(task.id, owner: "alice") == task)
        },
        Check("a second task under the same name is not written; under another caller's it is") { store, samples in
            let (first, second) = (try samples.pending(owner: "alice"), try samples.pending(owner: "alice"))
            let (foreign, now) = (try samples.pending(owner: "bob"), samples.time.now)
            let mine = claim(for: first, now: now)
            _ = try await store.create(first, on: TaskTerms(claim: mine))

            let again = claim(for: second, request: [9], now: now)
            #expect(try await store.create(second, on: TaskTerms(claim: again)) == .claimed(mine))
            #expect(try await store.create(foreign, on: TaskTerms(claim: claim(for: foreign, now: now))) == .written)

            #expect(try await store.task(second.id, owner: nil) == nil)
            #expect(try await store.claim(mine.key, of: "alice", now: now) == mine)
        },
        Check("of many tasks under one name at once exactly one is written") { store, samples in
            let tasks = try (0..<64).map { _ in try samples.pending() }
            let now = samples.time.now

            let entries = try await withThrowingTaskGroup(of: TaskEntry.self) { group in
                for task in tasks {
                    group.addTask { try await store.create(task, on: TaskTerms(claim: claim(for: task, now: now))) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }

            let winner = try #require(try await store.list(TaskQuery(owner: tasks[0].owner, limit: 100)).tasks.first)
            #expect(entries.count { $0 == .written } == 1)
            #expect(entries.count { $0 == .claimed(claim(for: winner, now: now)) } == 63)
            #expect(try await store.pendingCount() == 1)
        },
        Check("a claim that is over gives its name free, and is removed") { store, samples in
            let (first, now) = (try samples.pending(), samples.time.now)
            let later = now.advanced(by: IdempotencyClaim.lifetime)
            let owner = first.owner
            _ = try await store.create(first, on: TaskTerms(claim: claim(for: first, now: now)))
            _ = try await store.create(
                first.copy(id: samples.id(), createdAt: now),
                on: TaskTerms(claim: claim("order-8", for: first, now: now))
            )

            #expect(try await store.claim("order-7", of: owner, now: later.advanced(by: .milliseconds(-1))) != nil)
            #expect(try await store.claim("order-7", of: owner, now: later) == nil)

            let second = first.copy(id: samples.id(), createdAt: later)
            let renewed = claim(for: second, now: later)
            #expect(try await store.create(second, on: TaskTerms(claim: renewed)) == .written)
            #expect(try await store.claim("order-7", of: owner, now: later) == renewed)

            let end = later.advanced(by: .seconds(1))
            #expect(try await store.removeClaims(expiredBefore: end, limit: 0) == 0)
            #expect(try await store.removeClaims(expiredBefore: end, limit: 10) == 1)
            #expect(try await store.removeClaims(expiredBefore: end, limit: 10) == 0)
            #expect(try await store.claim("order-7", of: owner, now: later) == renewed)
        },
        Check("a claim goes with its task, however that goes") { store, samples in
            let now = samples.time.now
            let deleted = try samples.pending()
            let old = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
            _ = try await store.create(deleted, on: TaskTerms(claim: claim("one", for: deleted, now: now)))
            _ = try await store.create(old, on: TaskTerms(claim: claim("two", for: old, now: now)))

            try await store.delete(deleted.id, owner: nil, now: now)
            let end = try #require(old.completedAt).advanced(by: .seconds(1))
            #expect(try await store.removeTasks(finishedBefore: end, limit: 10, now: end) == 1)

            #expect(try await store.claim("one", of: deleted.owner, now: now) == nil)
            #expect(try await store.claim("two", of: old.owner, now: now) == nil)
        },
        Check("a change and its claim are written together or not at all") { store, samples in
            let (task, now) = (try samples.pending(), samples.time.now)
            try await store.create(task)
            let ended = try task.applying(.gaveUp(TaskFailure(.taskCancelled, "Cancelled.")), at: now)
            let mine = claim(for: task, now: now)
            await expect(.conflict) { () async throws(StoreError) in
                _ = try await store.update(ended, from: 7, claiming: mine, now: now)
            }
            #expect(try await store.claim(mine.key, of: task.owner, now: now) == nil)

            #expect(try await store.update(ended, from: 0, claiming: mine, now: now) == nil)

            #expect(try await store.task(task.id, owner: nil) == ended)
            #expect(try await store.claim(mine.key, of: task.owner, now: now) == mine)
            let other = try samples.pending()
            try await store.create(other)
            let alsoEnded = try other.applying(.gaveUp(TaskFailure(.taskCancelled, "Cancelled.")), at: now)
            let second = claim(for: other, now: now)
            #expect(try await store.update(alsoEnded, from: 0, claiming: second, now: now) == mine)
            #expect(try await store.task(other.id, owner: nil) == other)
        },
    ]

    /// How much may be asked for, and how far it is.
    public static let limiting: [Check] = [
        Check("a full queue takes no more, but what does not wait and what is repeated") { store, samples in
            let terms = TaskTerms(queueLimit: 2)
            let first = try samples.pending()
            let mine = claim(for: first, now: samples.time.now)
            #expect(try await store.create(first, on: TaskTerms(claim: mine, queueLimit: 2)) == .written)
            #expect(try await store.create(try samples.pending(), on: terms) == .written)

            let refused = try samples.pending()
            #expect(try await store.create(refused, on: terms) == .queueFull)
            #expect(try await store.task(refused.id, owner: nil) == nil)
            #expect(try await store.create(try samples.pending(node: "node-9"), on: terms) == .written)
            let again = TaskTerms(claim: mine, queueLimit: 2, unfinishedLimit: 0)
            #expect(try await store.create(refused, on: again) == .claimed(mine))

            #expect(try await claim(from: store, limit: 1).count == 1)
            #expect(try await store.create(refused, on: terms) == .written)
        },
        Check("an owner has no more unfinished tasks than it may, others do not count") { store, samples in
            let terms = TaskTerms(unfinishedLimit: 2)
            let running = try samples.task(
                try samples.pending(owner: "alice"),
                after: SampleTasks.Stage.queued.events(node: "mine")
            )
            let waiting = try samples.pending(owner: "alice")
            let done = try samples.task(
                try samples.pending(owner: "alice"),
                after: SampleTasks.Stage.stored.events()
            )
            for task in [done, running, waiting] {
                #expect(try await store.create(task, on: terms) == .written)
            }
            let refused = try samples.pending(owner: "alice")
            #expect(try await store.create(refused, on: terms) == .tooManyUnfinished)
            #expect(try await store.create(try samples.pending(owner: "bob"), on: terms) == .written)
            #expect(try await store.unfinishedCount(of: "alice", atMost: 10) == 2)
            #expect(try await store.unfinishedCount(of: "alice", atMost: 1) == 1)
            #expect(try await store.unfinishedCount(of: "carol", atMost: 10) == 0)

            try await store.delete(waiting.id, owner: "alice", now: samples.time.now)
            #expect(try await store.create(refused, on: terms) == .written)
        },
        Check("places in the queue count from one, and only what waits has one") { store, samples in
            let tasks = try await fill(store, with: 5, samples)
            let mine = try samples.pending(node: "node-9")
            try await store.create(mine)

            for (place, task) in tasks.enumerated() {
                #expect(try await store.queuePosition(of: task.id) == place + 1)
            }
            #expect(try await store.queuePosition(of: mine.id) == nil)
            #expect(try await store.queuePosition(of: samples.id()) == nil)

            let claimed = try await claim(from: store, limit: 2)
            #expect(try await store.queuePosition(of: claimed[0].id) == nil)
            #expect(try await store.queuePosition(of: tasks[4].id) == 3)
        },
    ]
}

extension ImageTask {
    /// The same wish at another time.
    fileprivate func copy(id: TaskID, createdAt: Timestamp) -> ImageTask {
        ImageTask(
            id: id,
            owner: owner,
            request: request,
            needsLink: needsLink,
            createdAt: createdAt,
            linkLifetime: linkLifetime
        )
    }
}
