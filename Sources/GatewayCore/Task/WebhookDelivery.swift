// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The news that a task reached its final state, on its way to one receiver: a row of the outbox.
public struct WebhookDelivery: Sendable, Hashable {
    /// Its name, and the `webhook-id` of every try.
    public var id: String
    /// The task it tells of.
    public var task: TaskID
    /// Whose task that is.
    public var owner: String
    /// Where it goes.
    public var target: Target
    /// What happened.
    public var event: Event
    /// Deliveries of one lane share the room that one receiver gets.
    public var lane: String
    /// How it is.
    public var state: State
    /// When it was made: when the task was finished.
    public var createdAt: Timestamp
    /// Not before; of one that was handed out, when it is handed out again if nobody says what became of it.
    public var due: Timestamp
    /// When it was delivered or given up.
    public var endedAt: Timestamp?
    /// How often it was handed out: tells one lease from the next.
    public var claims = 0
    /// How many tries of the present round have failed; a redelivery begins a new round.
    public var failures = 0
    /// The last tries, the oldest first.
    public var tries: [WebhookTry] = []

    /// Where a delivery goes.
    public enum Target: Sendable, Hashable {
        /// To the `webhook_url` of the task's request.
        case request
        /// To an endpoint of the configuration, by its name.
        case endpoint(String)

        /// The endpoint's name.
        public var endpoint: String? {
            guard case .endpoint(let name) = self else { return nil }
            return name
        }
    }

    /// What happened.
    public enum Event: String, Sendable {
        /// The task has pictures.
        case completed = "image.task.completed"
        /// The task has none: it failed, or was cancelled.
        case failed = "image.task.failed"
    }

    /// How a delivery is.
    public enum State: String, Sendable, CaseIterable {
        /// It has not been delivered, and will be tried again.
        case pending
        /// The receiver has answered with 2xx.
        case delivered
        /// It was given up; only a redelivery begins again.
        case failed
    }

    /// How many tries are kept.
    public static let longestLog = 50

    /// Creates a delivery that is due at once.
    public init(task: ImageTask, target: Target, lane: String, event: Event, at now: Timestamp) {
        id = Self.id(of: task.id, to: target)
        self.task = task.id
        owner = task.owner
        self.target = target
        self.event = event
        self.lane = lane
        state = .pending
        createdAt = now
        due = now
    }

    /// Creates a delivery from what a store has kept of it.
    public init(
        id: String,
        task: TaskID,
        owner: String,
        target: Target,
        event: Event,
        lane: String,
        state: State,
        createdAt: Timestamp,
        due: Timestamp
    ) {
        self.id = id
        self.task = task
        self.owner = owner
        self.target = target
        self.event = event
        self.lane = lane
        self.state = state
        self.createdAt = createdAt
        self.due = due
    }

    /// The same name whoever writes it, so that nothing is announced twice; without dots, which separate what is signed.
    private static func id(of task: TaskID, to target: Target) -> String {
        "msg_\(task.description.dropFirst(TaskID.prefix.count))_\(target.endpoint ?? "request")"
    }

    /// Where it goes, for the operator's eyes: the endpoint's name, or scheme, host and port that the request names.
    public var host: String {
        target.endpoint ?? String(lane[(lane.lastIndex(of: "|").map(lane.index(after:)) ?? lane.startIndex)...])
    }

    /// The delivery after a try.
    ///
    /// - Parameters:
    ///   - attempt: How the try went; its ``WebhookTry/next`` says whether there will be another.
    ///   - now: When it ended.
    public func after(_ attempt: WebhookTry, at now: Timestamp) -> WebhookDelivery {
        var delivery = self
        delivery.tries = Array((tries + [attempt]).suffix(Self.longestLog))
        delivery.failures += attempt.isDelivered ? 0 : 1
        if let next = attempt.next, !attempt.isDelivered {
            delivery.due = next
        } else {
            delivery.state = attempt.isDelivered ? .delivered : .failed
            delivery.endedAt = now
        }
        return delivery
    }

    /// The delivery as it begins anew, due at once.
    public func redelivered(at now: Timestamp) -> WebhookDelivery {
        var delivery = self
        delivery.state = .pending
        delivery.due = now
        delivery.endedAt = nil
        delivery.failures = 0
        // Whoever is at it reports in vain: its verdict is about the round before.
        delivery.claims += 1
        return delivery
    }
}

/// One try to deliver.
public struct WebhookTry: Sendable, Hashable, Codable {
    /// When it began.
    public var at: Timestamp
    /// How long it took, in milliseconds.
    public var milliseconds: Int
    /// The receiver's status, if it answered.
    public var status: Int?
    /// Why it did not count: a word, without names of hosts.
    public var error: String?
    /// When it is tried again; `nil` if it is not.
    public var next: Timestamp?

    /// Creates a try.
    public init(at: Timestamp, milliseconds: Int, status: Int? = nil, error: String? = nil, next: Timestamp? = nil) {
        self.at = at
        self.milliseconds = milliseconds
        self.status = status
        self.error = error
        self.next = next
    }

    /// Whether the receiver has it: any 2xx.
    public var isDelivered: Bool { error == nil && status.map { (200..<300).contains($0) } == true }
}

extension ImageTask {
    /// What must be in the outbox when the task is written as it is: the one function that decides who hears of it.
    ///
    /// Every final state is told to each endpoint of the configuration, and to the request's own address.
    ///
    /// - Parameter endpoints: The names of the endpoints of the configuration.
    public func webhookDeliveries(to endpoints: [String]) -> [WebhookDelivery] {
        guard status.isFinal, let completedAt else { return [] }
        let event: WebhookDelivery.Event = status == .completed ? .completed : .failed
        var deliveries = endpoints.map { name in
            WebhookDelivery(
                task: self,
                target: .endpoint(name),
                lane: WebhookLane.endpoint(name),
                event: event,
                at: completedAt
            )
        }
        if let address = request.webhookAddress {
            let lane = WebhookLane.request(owner: owner, origin: address.origin)
            deliveries.append(
                WebhookDelivery(task: self, target: .request, lane: lane, event: event, at: completedAt)
            )
        }
        return deliveries
    }
}

/// The names of lanes: one for each endpoint of the configuration, and one for each host that a caller names.
public enum WebhookLane {
    /// The lane of an endpoint.
    public static func endpoint(_ name: String) -> String { "endpoint|\(name)" }

    static func request(owner: String, origin: String) -> String { "\(prefix(ofOwner: owner))\(origin)" }

    /// What all lanes of a caller's addresses begin with.
    package static func prefix(ofOwner owner: String) -> String { "request|\(owner)|" }

    /// Behind every lane of a caller's addresses.
    package static func end(ofOwner owner: String) -> String { prefix(ofOwner: owner) + "\u{10FFFF}" }

    /// Behind every lane of any caller's addresses, and so behind every lane.
    package static let end = "request|\u{10FFFF}"
}
