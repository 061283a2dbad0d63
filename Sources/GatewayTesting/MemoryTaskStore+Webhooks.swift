// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension MemoryTaskStore: WebhookStore {
    /// Says who hears of every task that is finished from now on.
    public func announceWebhooks(to endpoints: [String]) async throws(StoreError) {
        try use { state throws(StoreError) in state.outbox.endpoints = Set(endpoints).sorted() }
    }

    /// Hands out deliveries that are due.
    public func dueWebhooks(_ claim: WebhookClaim) async throws(StoreError) -> WebhookBatch {
        try use { state throws(StoreError) in state.outbox.handOut(claim) }
    }

    /// Writes what became of a delivery that was handed out.
    @discardableResult
    public func settleWebhook(_ delivery: WebhookDelivery) async throws(StoreError) -> Bool {
        try use { state throws(StoreError) in state.outbox.settle(delivery) }
    }

    /// Reads a delivery.
    public func webhook(_ id: String) async throws(StoreError) -> WebhookDelivery? {
        try use { state throws(StoreError) in state.outbox.entries[id] }
    }

    /// Reads deliveries, those of the latest tasks first.
    public func webhooks(_ query: WebhookQuery) async throws(StoreError) -> WebhookPage {
        try use { state throws(StoreError) in state.outbox.page(query) }
    }

    /// Begins deliveries anew, due at once.
    public func redeliverWebhooks(_ choice: WebhookChoice, now: Timestamp) async throws(StoreError) -> Int {
        try use { state throws(StoreError) in state.outbox.redeliver(choice, at: now) }
    }
}

/// Deliveries of webhooks in memory.
struct WebhookOutbox {
    var endpoints: [String] = []
    private(set) var entries: [String: WebhookDelivery] = [:]
    private var leased: Set<String> = []

    /// Does what the writing of a task demands.
    mutating func follow(_ task: ImageTask) {
        for delivery in task.webhookDeliveries(to: endpoints) where entries[delivery.id] == nil {
            entries[delivery.id] = delivery
        }
    }

    mutating func remove(_ task: TaskID) {
        entries = entries.filter { $0.value.task != task }
        leased = leased.filter { entries[$0] != nil }
    }

    mutating func handOut(_ claim: WebhookClaim) -> WebhookBatch {
        var claim = claim
        var deliveries: [WebhookDelivery] = []
        let due = entries.values.filter { $0.state == .pending && $0.due <= claim.now }
            .sorted { ($0.due, $0.id) < ($1.due, $1.id) }
        for (lane, waiting) in Self.inTurn(Dictionary(grouping: due, by: \.lane), claim.turns) {
            guard let first = waiting.first else { continue }
            let room = claim.room(in: lane, owner: first.owner, endpoint: first.target.endpoint)
            for var delivery in waiting.prefix(room) {
                delivery.due = claim.now.advanced(by: claim.lease)
                delivery.claims += 1
                entries[delivery.id] = delivery
                leased.insert(delivery.id)
                claim.take(lane: lane, owner: delivery.owner, endpoint: delivery.target.endpoint)
                deliveries.append(delivery)
            }
        }
        let nextDue = entries.values.filter { $0.state == .pending }.map(\.due).min()
        return WebhookBatch(deliveries: deliveries, nextDue: nextDue)
    }

    /// Endpoints and callers in a circle, and the lanes of each caller in a circle of their own.
    private static func inTurn(
        _ lanes: [String: [WebhookDelivery]],
        _ turns: WebhookTurns
    ) -> [(key: String, value: [WebhookDelivery])] {
        func turned<Value>(_ circle: [(key: String, value: Value)], behind last: String) -> [(
            key: String, value: Value
        )] {
            let sorted = circle.sorted { $0.key < $1.key }
            return sorted.filter { $0.key > last } + sorted.filter { $0.key <= last }
        }
        let groups = Dictionary(grouping: lanes) { lane in
            let first = lane.value.first
            return first?.target == .request ? WebhookLane.end(ofOwner: first?.owner ?? "") : lane.key
        }
        return turned(groups.map { ($0.key, $0.value) }, behind: turns.last).flatMap { group in
            turned(group.value, behind: turns.last(ofOwner: group.value.first?.value.first?.owner ?? ""))
        }
    }

    mutating func settle(_ delivery: WebhookDelivery) -> Bool {
        guard leased.contains(delivery.id), entries[delivery.id]?.claims == delivery.claims else { return false }
        entries[delivery.id] = delivery
        leased.remove(delivery.id)
        return true
    }

    func page(_ query: WebhookQuery) -> WebhookPage {
        let found = entries.values.filter { delivery in
            (query.state ?? delivery.state) == delivery.state && (query.task ?? delivery.task) == delivery.task
                && query.after.map { delivery.id < $0 } ?? true
        }
        let sorted = found.sorted { $0.id > $1.id }
        return WebhookPage(deliveries: Array(sorted.prefix(query.limit)), hasMore: sorted.count > query.limit)
    }

    mutating func redeliver(_ choice: WebhookChoice, at now: Timestamp) -> Int {
        let chosen = entries.values.filter { delivery in
            switch choice {
            case .delivery(let id): delivery.id == id
            case .task(let task): delivery.task == task
            case .failed(let since):
                delivery.state == .failed && delivery.endedAt.map { $0 >= since } ?? false
            }
        }
        for delivery in chosen {
            entries[delivery.id] = delivery.redelivered(at: now)
            leased.remove(delivery.id)
        }
        return chosen.count
    }
}
