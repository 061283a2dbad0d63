// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

extension TaskStoreConformance {
    /// Claiming, giving back, and the length of the queue.
    public static let claiming: [Check] = [
        Check("the oldest tasks are claimed first, as many as asked for") { store, samples in
            let tasks = try await fill(store, with: 5, samples)

            let first = try await claim(from: store, limit: 2)
            let second = try await claim(from: store, limit: 10)
            let third = try await claim(from: store, limit: 10)

            #expect(first.map(\.id) == tasks.prefix(2).map(\.id))
            #expect(second.map(\.id) == tasks.dropFirst(2).map(\.id))
            #expect(third.isEmpty)
            #expect(try await claim(from: store, limit: 0).isEmpty)
        },
        Check("a claimed task has a node, a division and a new version, and is stored so") { store, samples in
            let task = try samples.pending(count: 4)
            try await store.create(task)

            let claimed = try await claim(from: store, limit: 1) { request in [request.count - 1, 1] }

            let found = try #require(claimed.first)
            #expect(found.node == "node-1")
            #expect(found.status == .inProgress)
            #expect(found.portions.map(\.count) == [3, 1])
            #expect(found.version == task.version + 1)
            #expect(try await store.task(task.id, owner: "alice") == found)
        },
        Check("excluded models are passed over") { store, samples in
            let tired = try samples.pending(model: "tired")
            let fresh = try samples.pending(model: "fresh")
            try await store.create(tired)
            try await store.create(fresh)

            let claimed = try await claim(from: store, limit: 10, excluding: ["tired", "it's \"quoted\""])
            let rest = try await claim(from: store, limit: 10)

            #expect(claimed.map(\.id) == [fresh.id])
            #expect(rest.map(\.id) == [tired.id])
        },
        Check("a task of one process and a finished task are never claimed") { store, samples in
            try await store.create(try samples.pending(node: "node-9"))
            try await store.create(try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events()))
            try await store.create(try samples.task(try samples.pending(), after: SampleTasks.Stage.failed.events()))

            #expect(try await claim(from: store, limit: 10).isEmpty)
            #expect(try await store.pendingCount() == 0)
        },
        Check("sixteen claimers at once never get the same task") { store, samples in
            let tasks = try await fill(store, with: 200, samples)

            let claims = try await withThrowingTaskGroup(of: [ImageTask].self) { group in
                for number in 0..<16 {
                    group.addTask {
                        var mine: [ImageTask] = []
                        while true {
                            let more = try await claim(from: store, node: "node-\(number)", limit: 3)
                            if more.isEmpty { return mine }
                            mine += more
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }

            #expect(claims.count == tasks.count)
            #expect(Set(claims.map(\.id)) == Set(tasks.map(\.id)))
            for claim in claims { #expect(try await store.task(claim.id, owner: nil) == claim) }
        },
        Check("a task that was given back is claimed again with its old division") { store, samples in
            try await store.create(try samples.pending(count: 3))
            let claimed = try #require(try await claim(from: store, limit: 1) { _ in [2, 1] }.first)
            let released = try claimed.applying(.released, at: samples.time.now)
            try await store.update(released, from: claimed.version)
            #expect(try await store.pendingCount() == 1)

            let again = try await claim(from: store, node: "node-2", limit: 1) { _ in [1, 1, 1] }

            #expect(again.map(\.id) == [claimed.id])
            #expect(again.first?.node == "node-2")
            #expect(again.first?.portions.map(\.count) == [2, 1])
            #expect(try await store.pendingCount() == 0)
        },
        Check("the number of waiting tasks follows every change") { store, samples in
            let tasks = try await fill(store, with: 4, samples)
            try await store.create(try samples.pending(node: "node-1"))
            #expect(try await store.pendingCount() == 4)

            _ = try await claim(from: store, limit: 1)
            #expect(try await store.pendingCount() == 3)

            let canceled = try tasks[1].applying(
                .gaveUp(TaskFailure(.taskCancelled, "Cancelled.")),
                at: samples.time.now
            )
            try await store.update(canceled, from: 0)
            #expect(try await store.pendingCount() == 2)

            for task in tasks { try await store.delete(task.id, owner: nil, now: samples.time.now) }
            #expect(try await store.pendingCount() == 0)
        },
    ]

    /// Taking over the tasks of processes that are gone.
    public static let adopting: [Check] = [
        Check("tasks of a silent node are taken over, those of a living one are not") { store, samples in
            let now = samples.time.now
            let silent = try samples.task(try samples.pending(), after: SampleTasks.Stage.queued.events(node: "silent"))
            let alive = try samples.task(try samples.pending(), after: SampleTasks.Stage.queued.events(node: "alive"))
            let mine = try samples.task(try samples.pending(), after: SampleTasks.Stage.queued.events(node: "mine"))
            let unclaimed = try samples.pending()
            for task in [silent, alive, mine, unclaimed] { try await store.create(task) }
            try await store.heartbeat(node: "silent", now: now)
            try await store.heartbeat(node: "alive", now: now)
            try await store.heartbeat(node: "alive", now: now.advanced(by: .seconds(30)))

            let early = try await store.adopt(node: "mine", silentSince: now, limit: 10, now: now)
            let later = try await store.adopt(
                node: "mine",
                silentSince: now.advanced(by: .seconds(1)),
                limit: 10,
                now: now
            )

            #expect(early.isEmpty)
            #expect(later.map(\.id) == [silent.id])
            #expect(later.first?.node == "mine")
            #expect(try await store.task(silent.id, owner: nil) == later.first)
            #expect(try await store.task(alive.id, owner: nil) == alive)
            #expect(try await store.pendingCount() == 1)
        },
        Check("a node that was never heard of is silent") { store, samples in
            let now = samples.time.now
            let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.queued.events(node: "unheard"))
            try await store.create(task)

            let adopted = try await store.adopt(node: "mine", silentSince: now, limit: 10, now: now)

            #expect(adopted.map(\.id) == [task.id])
        },
        Check("what was on its way is unknown afterwards, what a vendor works on goes on") { store, samples in
            let now = samples.time.now
            for stage in [SampleTasks.Stage.submitting, .waiting, .fetching] {
                try await store.create(try samples.task(try samples.pending(), after: stage.events(node: "gone")))
            }

            let adopted = try await store.adopt(node: "mine", silentSince: now, limit: 10, now: now)

            try #require(adopted.count == 3)
            #expect(adopted[0].portions.first?.stage == .queued)
            #expect(adopted[0].attempts.map(\.outcome) == [.unknown])
            #expect(adopted[1].portions.first?.stage == .waiting(attempt: 0, job: ProviderJob(id: "job-1")))
            #expect(
                adopted[2].portions.first?.stage
                    == .fetching(attempt: 0, urls: ["https://vendor.example/1.png"], revisedPrompt: nil)
            )
        },
        Check("a pending task that was meant for a node is taken over and stays pending") { store, samples in
            let now = samples.time.now
            let task = try samples.pending(node: "gone")
            try await store.create(task)

            let adopted = try #require(
                try await store.adopt(node: "mine", silentSince: now, limit: 10, now: now).first
            )

            #expect(adopted.status == .pending)
            #expect(adopted.node == "mine")
            let claimed = try adopted.applying(.claimed(node: "mine", portions: [1]), at: now)
            try await store.update(claimed, from: adopted.version)
            #expect(try await store.task(task.id, owner: nil) == claimed)
        },
        Check("no more tasks are taken over than asked for, and none twice") { store, samples in
            let now = samples.time.now
            for number in 0..<6 {
                let events = SampleTasks.Stage.queued.events(node: "gone-\(number % 2)")
                try await store.create(try samples.task(try samples.pending(), after: events))
            }

            var sizes: [Int] = []
            var ids: Set<TaskID> = []
            for node in ["node-1", "node-1", "node-1"] {
                let adopted = try await store.adopt(node: node, silentSince: now, limit: 4, now: now)
                sizes.append(adopted.count)
                ids.formUnion(adopted.map(\.id))
            }

            #expect(sizes == [4, 2, 0])
            #expect(ids.count == 6)
        },
    ]

    /// Naming what nobody comes to.
    public static let naming: [Check] = [
        Check("unfinished tasks are named by who holds them, the oldest first, up to a bound") { store, samples in
            var mine: [TaskID] = []
            for stage in [SampleTasks.Stage.queued, .submitting, .waiting, .stored, .failed] {
                let task = try samples.task(try samples.pending(), after: stage.events(node: "mine"))
                try await store.create(task)
                if !task.status.isFinal { mine.append(task.id) }
            }
            let assigned = try samples.pending(node: "mine")
            let other = try samples.pending(node: "other")
            let waiting = try await fill(store, with: 3, samples)
            for task in [assigned, other] { try await store.create(task) }
            mine.append(assigned.id)
            let end = samples.id()

            #expect(try await store.unfinished(of: "mine", before: end, limit: 99) == mine)
            #expect(try await store.unfinished(of: "mine", before: mine[2], limit: 99) == Array(mine.prefix(2)))
            #expect(try await store.unfinished(of: "other", before: end, limit: 99) == [other.id])
            #expect(try await store.unfinished(of: nil, before: end, limit: 2) == waiting.prefix(2).map(\.id))
            #expect(try await store.unfinished(of: "nobody", before: end, limit: 99).isEmpty)
        }
    ]

    /// Writes pending tasks.
    static func fill(_ store: any TaskStore, with count: Int, _ samples: SampleTasks) async throws -> [ImageTask] {
        var tasks: [ImageTask] = []
        for _ in 0..<count {
            let task = try samples.pending()
            try await store.create(task)
            tasks.append(task)
        }
        return tasks
    }

    static func claim(
        from store: any TaskStore,
        node: String = "node-1",
        limit: Int,
        excluding: Set<String> = [],
        divide: @escaping @Sendable (ImageRequest) -> [Int] = { [$0.count] }
    ) async throws -> [ImageTask] {
        let now = ManualTime().now
        return try await store.claim(node: node, limit: limit, excluding: excluding, now: now, divide: divide)
    }
}
