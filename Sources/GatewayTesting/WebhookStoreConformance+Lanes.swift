// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Testing

extension WebhookStoreConformance {
    /// Room for everybody.
    static let sharing: [Check] = [
        Check("no lane gets more than its room, and a full one stands in nobody's way") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            for _ in 0..<5 { _ = try await samples.finish(in: store) }

            let first = try await store.dueWebhooks(samples.claim(perLane: 2)).deliveries
            #expect(first.map(\.target).sorted() == ["one", "one", "two", "two"])
            let lane = try #require(first.first).lane
            let busy = samples.claim(perLane: 2, busyLanes: [lane: 2])
            let second = try await store.dueWebhooks(busy)
            #expect(Set(second.deliveries.map(\.lane)).count == 1)
            #expect(second.deliveries.first?.lane != lane)
            #expect(second.nextDue.map { $0 <= samples.time.now } == true)
        },
        Check("the lane whose turn it is comes first") { store, samples in
            try await store.announceWebhooks(to: ["one", "two", "three"])
            for _ in 0..<3 { _ = try await samples.finish(in: store) }

            var turns: [String] = []
            var claim = samples.claim(limit: 1)
            for _ in 0..<4 {
                let delivery = try #require(try await store.dueWebhooks(claim).deliveries.first)
                turns.append(delivery.target.endpoint ?? "")
                claim.turns.took(delivery)
            }

            #expect(turns == ["one", "three", "two", "one"])
        },
        Check("a caller with many hosts leaves room for the others") { store, samples in
            for number in 0..<8 {
                let task = try samples.hooked(at: "https://host-\(number).example/hook")
                _ = try await samples.finish(in: store, task)
            }
            _ = try await samples.finish(in: store, try samples.hooked(owner: "bob"))

            let out = try await store.dueWebhooks(samples.claim(perOwner: 3)).deliveries

            #expect(out.count { $0.owner == "alice" } == 3)
            #expect(out.count { $0.owner == "bob" } == 1)
        },
        Check("every host of a caller with very many has its turn before any has a second") { store, samples in
            // Whoever comes behind in the circle must not begin the circle of the hosts anew.
            let hosts = (0..<30).map { "https://host-\($0).example" }
            for _ in 0..<3 {
                for host in hosts {
                    _ = try await samples.finish(in: store, try samples.hooked(at: "\(host)/hook"))
                    _ = try await samples.finish(in: store, try samples.hooked(owner: "bob"))
                }
            }
            var turns = WebhookTurns()
            var told: [String: Int] = [:]
            for round in 1...18 {
                var claim = samples.claim(perLane: 1, perOwner: 5)
                claim.turns = turns
                let out = try await store.dueWebhooks(claim).deliveries
                #expect(out.count { $0.owner == "alice" } == 5)
                #expect(out.count { $0.owner == "bob" } == 1)
                for delivery in out {
                    turns.took(delivery)
                    if delivery.owner == "alice" { told[delivery.lane, default: 0] += 1 }
                    try await store.settleWebhook(delivery.after(samples.success, at: samples.time.now))
                }
                if round == 6 { #expect(told.count == hosts.count) }
                #expect((told.values.max() ?? 0) - (told.count < hosts.count ? 0 : told.values.min() ?? 0) <= 1)
            }
            #expect(told.values.allSatisfy { $0 == 3 })
        },
        Check("a caller has one turn, however many hosts") { store, samples in
            for number in 0..<9 {
                _ = try await samples.finish(in: store, try samples.hooked(at: "https://host-\(number).example/hook"))
                _ = try await samples.finish(in: store, try samples.hooked(owner: "bob"))
            }

            var turns: [String] = []
            var claim = samples.claim(limit: 1)
            for _ in 0..<6 {
                let delivery = try #require(try await store.dueWebhooks(claim).deliveries.first)
                turns.append(delivery.owner)
                claim.turns.took(delivery)
            }

            #expect(turns == ["alice", "bob", "alice", "bob", "alice", "bob"])
        },
        Check("callers leave the endpoints their room") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            for owner in ["alice", "bob", "carol"] {
                _ = try await samples.finish(in: store, try samples.hooked(owner: owner))
            }
            var claim = samples.claim(limit: 9)
            claim.requestLimit = 2
            // Callers' lanes first: they must not use up what is left for the others.
            for delivery in try await store.webhooks(WebhookQuery()).deliveries
            where delivery.target == .endpoint("two") {
                claim.turns.took(delivery)
            }

            let out = try await store.dueWebhooks(claim).deliveries

            #expect(out.count { $0.target == .request } == 2)
            #expect(out.count { $0.target != .request } == 6)
            claim.requestLimit = 0
            #expect(try await store.dueWebhooks(claim).deliveries.isEmpty)
        },
        Check("any number of lanes that wait for a retry hides nothing that is due") { store, samples in
            for number in 0..<600 {
                let task = try samples.hooked(at: "https://host-\(number).example/hook")
                _ = try await samples.finish(in: store, task)
            }
            let retry = samples.time.now.advanced(by: .seconds(7200))
            let failed = try await store.dueWebhooks(samples.claim()).deliveries
            #expect(failed.count == 600)
            for delivery in failed {
                try await store.settleWebhook(delivery.after(samples.failure(next: retry), at: samples.time.now))
            }
            let behind = try await samples.finish(in: store, try samples.hooked(at: "https://zulu.example/hook"))
            let first = try #require(try await store.dueWebhooks(samples.claim()).deliveries.first)
            #expect(first.task == behind.id)

            // Once around: the only lane with something due is the one that was served last.
            _ = try await samples.finish(in: store, try samples.hooked(at: "https://zulu.example/hook"))
            var claim = samples.claim()
            claim.turns.took(first)
            let batch = try await store.dueWebhooks(claim)
            #expect(batch.deliveries.map(\.lane) == [first.lane])
            #expect(try await store.dueWebhooks(claim).deliveries.isEmpty)
        },
        Check("within a lane the oldest goes first") { store, samples in
            try await store.announceWebhooks(to: ["one"])
            var tasks: [TaskID] = []
            for _ in 0..<4 {
                tasks.append(try await samples.finish(in: store).id)
                samples.time.advance(by: .milliseconds(1))
            }

            #expect(try await store.dueWebhooks(samples.claim()).deliveries.map(\.task) == tasks)
        },
        Check("nothing goes to an endpoint that is paused, until it is not") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            _ = try await samples.finish(in: store)
            var claim = samples.claim()
            claim.pausedEndpoints = ["one"]

            #expect(try await store.dueWebhooks(claim).deliveries.map(\.target) == [.endpoint("two")])
            claim.pausedEndpoints = []
            #expect(try await store.dueWebhooks(claim).deliveries.map(\.target) == [.endpoint("one")])
        },
    ]

    /// Lists, and beginning anew.
    static let redelivering: [Check] = [
        Check("lists go from the latest task on, page by page, by state and by task") { store, samples in
            try await store.announceWebhooks(to: ["one", "two"])
            var tasks: [TaskID] = []
            for _ in 0..<3 { tasks.append(try await samples.finish(in: store).id) }
            for delivery in try await store.dueWebhooks(samples.claim()).deliveries where delivery.task == tasks[1] {
                try await store.settleWebhook(delivery.after(samples.failure(next: nil), at: samples.time.now))
            }

            let first = try await store.webhooks(WebhookQuery(limit: 4))
            #expect(first.deliveries.map(\.task) == [tasks[2], tasks[2], tasks[1], tasks[1]])
            #expect(first.hasMore)
            let rest = try await store.webhooks(WebhookQuery(limit: 4, after: first.deliveries.last?.id))
            #expect(rest.deliveries.map(\.task) == [tasks[0], tasks[0]])
            #expect(!rest.hasMore)
            let failed = try await store.webhooks(WebhookQuery(state: .failed))
            #expect(failed.deliveries.map(\.task) == [tasks[1], tasks[1]])
            let none = try await store.webhooks(WebhookQuery(state: .failed, task: tasks[0]))
            #expect(none.deliveries.isEmpty)
            #expect(try await store.webhooks(WebhookQuery(task: tasks[0])).deliveries.count == 2)
        },
        Check("a redelivery begins a new round and keeps the log") { store, samples in
            try await store.announceWebhooks(to: ["one"])
            let (first, second) = (try await samples.finish(in: store), try await samples.finish(in: store))
            for delivery in try await store.dueWebhooks(samples.claim()).deliveries {
                let verdict = delivery.task == first.id ? samples.success : samples.failure(next: nil)
                try await store.settleWebhook(delivery.after(verdict, at: samples.time.now))
            }
            samples.time.advance(by: .seconds(100))
            let now = samples.time.now

            #expect(try await store.redeliverWebhooks(.failed(since: now), now: now) == 0)
            let earlier = now.advanced(by: .seconds(-100))
            #expect(try await store.redeliverWebhooks(.failed(since: earlier), now: now) == 1)
            #expect(try await store.redeliverWebhooks(.failed(since: earlier), now: now) == 0)
            #expect(try await store.redeliverWebhooks(.task(first.id), now: now) == 1)
            let due = try await store.dueWebhooks(samples.claim()).deliveries

            #expect(Set(due.map(\.task)) == [first.id, second.id])
            #expect(due.allSatisfy { $0.failures == 0 && $0.tries.count == 1 && $0.endedAt == nil })
        },
        Check("a redelivery ends the lease of who is at it") { store, samples in
            _ = try await samples.finish(in: store, try samples.hooked())
            let out = try #require(try await store.dueWebhooks(samples.claim()).deliveries.first)

            #expect(try await store.redeliverWebhooks(.delivery(out.id), now: samples.time.now) == 1)
            #expect(try await store.redeliverWebhooks(.delivery("msg_of_nobody"), now: samples.time.now) == 0)

            #expect(try await !store.settleWebhook(out.after(samples.success, at: samples.time.now)))
            #expect(try await store.dueWebhooks(samples.claim()).deliveries.map(\.id) == [out.id])
        },
    ]
}

extension Sequence where Element == WebhookDelivery.Target {
    fileprivate func sorted() -> [String] { map { $0.endpoint ?? "" }.sorted() }
}

extension SampleTasks {
    /// A try that was answered with 200.
    var success: WebhookTry { WebhookTry(at: time.now, milliseconds: 12, status: 200) }

    /// A try that was answered with 503.
    func failure(next: Timestamp?, at moment: Timestamp? = nil) -> WebhookTry {
        WebhookTry(at: moment ?? time.now, milliseconds: 7, status: 503, error: "status", next: next)
    }

    /// A claim with much room.
    func claim(
        limit: Int = 1000,
        perLane: Int = 1000,
        perOwner: Int = 1000,
        busyLanes: [String: Int] = [:]
    ) -> WebhookClaim {
        WebhookClaim(
            limit: limit,
            perLane: perLane,
            perOwner: perOwner,
            busyLanes: busyLanes,
            now: time.now,
            lease: .seconds(60)
        )
    }

    /// A pending task whose request names a receiver.
    public func hooked(
        owner: String = "alice",
        at address: String = "https://hooks.example/images?token=t"
    ) throws(InvalidRequest) -> ImageTask {
        ImageTask(
            id: id(),
            owner: owner,
            request: try Self.request { $0.webhookURL = address },
            needsLink: true,
            createdAt: time.now,
            linkLifetime: .seconds(86_400)
        )
    }

    /// The task after it was cancelled.
    func cancelled(_ task: ImageTask) throws(TaskStateError) -> ImageTask {
        try task.applying(.gaveUp(TaskFailure(.taskCancelled, "The task was cancelled.")), at: time.now)
    }

    /// Writes a task and its end.
    func finish(in store: any TaskStore, _ task: ImageTask? = nil) async throws -> ImageTask {
        let pending = try task ?? pending()
        try await store.create(pending)
        let final = try cancelled(pending)
        try await store.update(final, from: pending.version)
        return final
    }
}
