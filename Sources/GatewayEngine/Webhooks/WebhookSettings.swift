// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Who hears that tasks are finished, and how hard that is tried.
public struct WebhookSettings: Sendable {
    /// The secrets for the addresses of requests, the present one first; empty if requests may name none.
    public var secrets: [WebhookSecret]
    /// Who hears of every task.
    public var endpoints: [WebhookEndpoint]
    /// How long to wait after each failed try; after the last, a delivery is given up.
    public var retrySchedule: [Duration]
    /// How long one try may take.
    public var timeout: Duration
    /// How many deliveries may be on their way to the addresses of requests.
    public var width: Int
    /// How many of one lane: to one endpoint, or to one host for one caller.
    public var perLane: Int
    /// How many to the addresses of one caller's requests.
    public var perOwner: Int

    /// Spread over the better part of a day: 18 to 21 hours.
    public static let defaultSchedule: [Duration] = [
        .seconds(5), .seconds(30), .seconds(300), .seconds(1800), .seconds(7200), .seconds(18_000), .seconds(36_000),
    ]

    /// Creates settings.
    public init(
        secrets: [WebhookSecret] = [],
        endpoints: [WebhookEndpoint] = [],
        retrySchedule: [Duration] = Self.defaultSchedule,
        timeout: Duration = .seconds(15),
        width: Int = 64,
        perLane: Int = 4,
        perOwner: Int = 16
    ) {
        self.secrets = secrets
        self.endpoints = endpoints
        self.retrySchedule = retrySchedule
        self.timeout = timeout
        self.width = width
        self.perLane = perLane
        self.perOwner = perOwner
    }

    /// How many deliveries may be on their way at all: every endpoint has its room besides that of the requests.
    var totalWidth: Int { width + endpoints.count * perLane }

    /// How long a process may take for one try before another may make it: more than any try and its report take.
    var lease: Duration { timeout + .seconds(45) }
}

/// Who hears of every task.
public struct WebhookEndpoint: Sendable {
    /// The operator's name for it.
    public var name: String
    /// Where it is.
    public var address: WebhookAddress
    /// Its secrets, the present one first.
    public var secrets: [WebhookSecret]

    /// Creates an endpoint.
    public init(name: String, address: WebhookAddress, secrets: [WebhookSecret]) {
        self.name = name
        self.address = address
        self.secrets = secrets
    }
}

/// When a delivery is tried again: values in, a moment out.
struct WebhookSchedule: Sendable {
    let delays: [Duration]

    /// The longest delay that a receiver may ask for.
    static let longestWish = Duration.seconds(86_400)
    /// How much of a delay chance may add: what failed together shall not come back together.
    static let jitter = 0.2

    /// When to try again.
    ///
    /// - Parameters:
    ///   - failures: How many tries have failed, this one included.
    ///   - now: The present moment.
    ///   - wish: How long the receiver wants to be left alone.
    ///   - lot: From 0 to 1.
    /// - Returns: `nil` when there are no more tries.
    func next(after failures: Int, at now: Timestamp, wish: Duration?, lot: Double) -> Timestamp? {
        guard delays.indices.contains(failures - 1) else { return nil }
        let delay = delays[failures - 1]
        let jittered = delay + .milliseconds(Int(Double(delay.milliseconds) * Self.jitter * lot))
        return now.advanced(by: max(jittered, min(wish ?? .zero, Self.longestWish)))
    }

    /// What `Retry-After` says, in seconds or as a date.
    static func wish(_ text: String?, at now: Timestamp) -> Duration? {
        guard let text = text.map({ String($0.prefix(64)) }) else { return nil }
        if let seconds = Int(text) { return .seconds(min(max(seconds, 0), 86_400)) }
        return Timestamp(httpDate: text).map { max(now.duration(to: $0), .zero) }
    }
}
