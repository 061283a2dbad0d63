// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The outbox: who is still to hear that a task is finished, and what became of those who were told.
///
/// The store that has the tasks has the outbox. Whatever writes a final task writes its deliveries in the same
/// transaction, as ``ImageTask/webhookDeliveries(to:)`` says, and whatever removes a task removes them.
public protocol WebhookStore: Sendable {
    /// Says who hears of every task that is finished from now on; durable when it returns.
    ///
    /// - Parameter endpoints: The names of the endpoints of the configuration.
    func announceWebhooks(to endpoints: [String]) async throws(StoreError)

    /// Hands out deliveries that are due, each to one caller: it comes back after the lease unless
    /// ``settleWebhook(_:)`` says before what became of it.
    ///
    /// - Parameter claim: How many, of which lanes.
    func dueWebhooks(_ claim: WebhookClaim) async throws(StoreError) -> WebhookBatch

    /// Writes what became of a delivery that was handed out; durable when it returns.
    ///
    /// One that was handed out again meanwhile, redelivered or removed with its task stays as it is.
    ///
    /// - Parameter delivery: The delivery as it shall be, with the ``WebhookDelivery/claims`` it was handed out with.
    /// - Returns: Whether it was written.
    @discardableResult
    func settleWebhook(_ delivery: WebhookDelivery) async throws(StoreError) -> Bool

    /// Reads a delivery.
    func webhook(_ id: String) async throws(StoreError) -> WebhookDelivery?

    /// Reads deliveries, those of the latest tasks first.
    func webhooks(_ query: WebhookQuery) async throws(StoreError) -> WebhookPage

    /// Begins deliveries anew, due at once.
    ///
    /// - Parameters:
    ///   - choice: Which.
    ///   - now: The present moment.
    /// - Returns: How many there were.
    func redeliverWebhooks(_ choice: WebhookChoice, now: Timestamp) async throws(StoreError) -> Int
}

/// What a deliverer has room for.
public struct WebhookClaim: Sendable {
    /// How many deliveries at most.
    public var limit: Int
    /// How many of these to callers' own addresses at most.
    public var requestLimit: Int
    /// How many of one lane may be on their way.
    public var perLane: Int
    /// How many to callers' own addresses may be on their way for one caller.
    public var perOwner: Int
    /// How many of each lane are on their way.
    public var busyLanes: [String: Int]
    /// How many to callers' own addresses are on their way for each caller.
    public var busyOwners: [String: Int]
    /// Endpoints of the configuration that nothing is sent to now.
    public var pausedEndpoints: Set<String>
    /// Where to begin, so that everybody has a turn.
    public var turns: WebhookTurns
    /// The present moment.
    public var now: Timestamp
    /// How long the caller may take.
    public var lease: Duration

    /// Creates a claim.
    public init(
        limit: Int,
        requestLimit: Int? = nil,
        perLane: Int,
        perOwner: Int,
        busyLanes: [String: Int] = [:],
        busyOwners: [String: Int] = [:],
        pausedEndpoints: Set<String> = [],
        turns: WebhookTurns = WebhookTurns(),
        now: Timestamp,
        lease: Duration
    ) {
        self.limit = limit
        self.requestLimit = requestLimit ?? limit
        self.perLane = perLane
        self.perOwner = perOwner
        self.busyLanes = busyLanes
        self.busyOwners = busyOwners
        self.pausedEndpoints = pausedEndpoints
        self.turns = turns
        self.now = now
        self.lease = lease
    }

    /// How many of a lane fit in.
    ///
    /// - Parameters:
    ///   - lane: The lane.
    ///   - owner: Whose tasks are in it, for a lane of a caller's addresses.
    ///   - endpoint: The endpoint, for a lane of one.
    public func room(in lane: String, owner: String, endpoint: String?) -> Int {
        if let endpoint, pausedEndpoints.contains(endpoint) { return 0 }
        var room = min(limit, perLane - busyLanes[lane, default: 0])
        if endpoint == nil { room = min(room, requestLimit, perOwner - busyOwners[owner, default: 0]) }
        return max(room, 0)
    }

    /// The claim after a delivery was handed out.
    ///
    /// - Parameters:
    ///   - lane: Its lane.
    ///   - owner: Whose task it tells of.
    ///   - endpoint: The endpoint it is for, if it is for one.
    public mutating func take(lane: String, owner: String, endpoint: String?) {
        limit -= 1
        busyLanes[lane, default: 0] += 1
        guard endpoint == nil else { return }
        requestLimit -= 1
        busyOwners[owner, default: 0] += 1
    }

    /// Whether a caller has room for one more delivery to addresses of requests.
    package func hasRoom(for owner: String) -> Bool {
        limit > 0 && requestLimit > 0 && busyOwners[owner, default: 0] < perOwner
    }
}

/// Who was served last: the endpoints and the callers have their turns in a circle, and so have the hosts of each caller.
///
/// Were it one circle of hosts, a caller with very many would have as many turns; and were it begun anew with every turn of
/// the caller, the same few hosts would have them all.
public struct WebhookTurns: Sendable, Hashable {
    /// Behind which lane the circle goes on: that of the endpoint that was served last, or the end of a caller's lanes.
    public private(set) var last = ""
    /// The host that was served last, for each caller.
    private var hosts: [String: String] = [:]

    /// Nobody has had a turn.
    public init() {}

    /// The lane of a caller behind which the circle of the caller's hosts goes on; empty at the beginning.
    public func last(ofOwner owner: String) -> String { hosts[owner, default: ""] }

    /// Notes that a delivery was handed out.
    public mutating func took(_ delivery: WebhookDelivery) {
        guard delivery.target == .request else {
            last = delivery.lane
            return
        }
        last = WebhookLane.end(ofOwner: delivery.owner)
        hosts[delivery.owner] = delivery.lane
    }
}

/// Deliveries that were handed out.
public struct WebhookBatch: Sendable {
    /// The deliveries.
    public var deliveries: [WebhookDelivery]
    /// When the next one is due, or the next lease ends; in the past if there was no room for it.
    public var nextDue: Timestamp?

    /// Creates a batch.
    public init(deliveries: [WebhookDelivery] = [], nextDue: Timestamp? = nil) {
        self.deliveries = deliveries
        self.nextDue = nextDue
    }
}

/// Which deliveries to read.
public struct WebhookQuery: Sendable {
    /// How many at most.
    public var limit: Int
    /// Only those behind this one.
    public var after: String?
    /// Only those in this state.
    public var state: WebhookDelivery.State?
    /// Only those of this task.
    public var task: TaskID?

    /// Creates a query.
    public init(
        limit: Int = 20,
        after: String? = nil,
        state: WebhookDelivery.State? = nil,
        task: TaskID? = nil
    ) {
        self.limit = limit
        self.after = after
        self.state = state
        self.task = task
    }
}

/// A page of deliveries.
public struct WebhookPage: Sendable {
    /// The deliveries, those of the latest tasks first.
    public var deliveries: [WebhookDelivery]
    /// Whether there are more behind the last one.
    public var hasMore: Bool

    /// Creates a page.
    public init(deliveries: [WebhookDelivery], hasMore: Bool) {
        self.deliveries = deliveries
        self.hasMore = hasMore
    }
}

/// Which deliveries to begin anew.
public enum WebhookChoice: Sendable, Hashable {
    /// One, in whatever state.
    case delivery(String)
    /// All of a task, in whatever state.
    case task(TaskID)
    /// All that were given up at or after a moment.
    case failed(since: Timestamp)
}
