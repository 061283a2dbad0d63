// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Testing

/// What the outbox of every task store must do, as a list of checks; used as ``TaskStoreConformance`` is.
public enum WebhookStoreConformance {
    /// One promise and the way to test it.
    public struct Check: Sendable, CustomTestStringConvertible {
        /// The promise, as a sentence.
        public let name: String
        private let body: @Sendable (any TaskStore & WebhookStore, SampleTasks) async throws -> Void

        init(
            _ name: String,
            _ body: @escaping @Sendable (any TaskStore & WebhookStore, SampleTasks) async throws -> Void
        ) {
            self.name = name
            self.body = body
        }

        /// The promise.
        public var testDescription: String { name }

        /// Tests the promise on an empty store; problems are recorded as test issues.
        public func run(on store: any TaskStore & WebhookStore) async throws {
            try await body(store, SampleTasks())
        }
    }

    /// Every check.
    public static let checks: [Check] = writing + leasing + sharing + redelivering
}

extension WebhookStoreConformance {
    /// What is written when, and what goes.
    static let writing: [Check] = [
        Check("a task is announced in the very write that makes it final, and only then") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            for stage in SampleTasks.Stage.allCases {
                let pending = try samples.hooked()
                try await store.create(pending)
                let events = stage.events()
                let before = try samples.task(pending, after: events.dropLast())
                if before.version > 0 { try await store.update(before, from: 0) }
                #expect(try await store.webhooks(WebhookQuery(task: pending.id)).deliveries.isEmpty)

                let after = try samples.task(before, after: events.suffix(1))
                try await store.update(after, from: before.version)

                let deliveries = try await store.webhooks(WebhookQuery(task: pending.id)).deliveries
                #expect(deliveries.count == (after.status.isFinal ? 3 : 0))
                #expect(deliveries == Array(after.webhookDeliveries(to: ["one", "two"]).sorted { $0.id > $1.id }))
                let event: WebhookDelivery.Event = after.status == .completed ? .completed : .failed
                #expect(deliveries.allSatisfy { $0.event == event && $0.state == .pending && $0.tries.isEmpty })
            }
        },
        Check("without endpoints only who asked for it in the request hears") { store, samples in
            let (plain, hooked) = (try samples.pending(), try samples.hooked())
            for task in [plain, hooked] {
                try await store.create(task)
                try await store.update(try samples.cancelled(task), from: task.version)
            }

            let deliveries = try await store.webhooks(WebhookQuery()).deliveries
            #expect(deliveries.map(\.task) == [hooked.id])
            #expect(deliveries.map(\.target) == [.request])
            #expect(deliveries.map(\.event) == [.failed])
        },
        Check("endpoints that were taken out hear no more") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            try await store.announceWebhooks(to: ["two", "three"])
            let task = try await samples.finish(in: store)

            let targets = try await store.webhooks(WebhookQuery(task: task.id)).deliveries.map(\.target)
            #expect(Set(targets) == [.endpoint("two"), .endpoint("three")])
        },
        Check("a write that meets a conflict announces nothing") { store, samples in
            let task = try samples.hooked()
            try await store.create(task)
            let claimed = try samples.task(task, after: SampleTasks.Stage.queued.events())
            try await store.update(claimed, from: task.version)

            await TaskStoreConformance.expect(.conflict) { () async throws(StoreError) in
                guard let late = try? samples.cancelled(task) else { return }
                try await store.update(late, from: task.version)
            }

            #expect(try await store.webhooks(WebhookQuery()).deliveries.isEmpty)
        },
        Check("deliveries go with their task, deleted or old") { store, samples in
            try await store.announceWebhooks(to: ["one"])
            let (deleted, old) = (try await samples.finish(in: store), try await samples.finish(in: store))
            samples.time.advance(by: .seconds(10))
            let left = try await samples.finish(in: store)
            let claimed = try await store.dueWebhooks(samples.claim(limit: 1)).deliveries
            #expect(claimed.map(\.task) == [deleted.id])

            try await store.delete(deleted.id, owner: nil, now: samples.time.now)
            #expect(try await store.removeTasks(finishedBefore: samples.time.now, limit: 9, now: samples.time.now) == 1)

            #expect(try await store.task(old.id, owner: nil) == nil)
            #expect(try await store.webhooks(WebhookQuery()).deliveries.map(\.task) == [left.id])
            let lease = try #require(claimed.first)
            #expect(try await !store.settleWebhook(lease.after(samples.success, at: samples.time.now)))
            #expect(try await store.webhook(lease.id) == nil)
        },
    ]

    /// Handing out, and what became of it.
    static let leasing: [Check] = [
        Check("what is due is handed out once, and again when the lease is over") { store, samples in
            let task = try await samples.finish(in: store, try samples.hooked())
            let claim = samples.claim()
            #expect(try await store.dueWebhooks(claim).deliveries.map(\.task) == [task.id])

            let second = try await store.dueWebhooks(claim)
            #expect(second.deliveries.isEmpty)
            #expect(second.nextDue == samples.time.now.advanced(by: .seconds(60)))
            samples.time.advance(by: .seconds(60))
            let third = try await store.dueWebhooks(samples.claim()).deliveries

            #expect(third.map(\.claims) == [2])
        },
        Check("only the latest lease can say what became of it, and once") { store, samples in
            _ = try await samples.finish(in: store, try samples.hooked())
            let first = try #require(try await store.dueWebhooks(samples.claim()).deliveries.first)
            samples.time.advance(by: .seconds(60))
            let second = try #require(try await store.dueWebhooks(samples.claim()).deliveries.first)
            let now = samples.time.now

            #expect(try await !store.settleWebhook(first.after(samples.success, at: now)))
            #expect(try await store.webhook(first.id)?.state == .pending)
            let done = second.after(samples.success, at: now)
            #expect(try await store.settleWebhook(done))
            #expect(try await !store.settleWebhook(second.after(samples.failure(next: nil), at: now)))

            #expect(try await store.webhook(first.id) == done)
            #expect(try await store.dueWebhooks(samples.claim()).nextDue == nil)
        },
        Check("a failed try comes back when it shall, with its log") { store, samples in
            _ = try await samples.finish(in: store, try samples.hooked())
            let next = samples.time.now.advanced(by: .seconds(5))
            let out = try #require(try await store.dueWebhooks(samples.claim()).deliveries.first)
            try await store.settleWebhook(out.after(samples.failure(next: next), at: samples.time.now))

            let early = try await store.dueWebhooks(samples.claim())
            #expect(early.deliveries.isEmpty)
            #expect(early.nextDue == next)
            samples.time.advance(by: .seconds(5))
            let again = try #require(try await store.dueWebhooks(samples.claim()).deliveries.first)
            #expect(again.failures == 1)
            #expect(again.tries == [samples.failure(next: next, at: out.createdAt)])

            try await store.settleWebhook(again.after(samples.failure(next: nil), at: samples.time.now))
            let ended = try #require(try await store.webhook(out.id))
            #expect(ended.state == .failed)
            #expect(ended.endedAt == samples.time.now)
            #expect(ended.tries.count == 2)
            samples.time.advance(by: .seconds(1_000_000))
            #expect(try await store.dueWebhooks(samples.claim()).deliveries.isEmpty)
        },
        Check("many who ask at once get each delivery once") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            for _ in 0..<60 { _ = try await samples.finish(in: store) }

            let out = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        var mine: [String] = []
                        while true {
                            let more = try await store.dueWebhooks(samples.claim(limit: 3)).deliveries
                            if more.isEmpty { return mine }
                            mine += more.map(\.id)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }

            #expect(out.count == 120)
            #expect(Set(out).count == 120)
        },
    ]
}
