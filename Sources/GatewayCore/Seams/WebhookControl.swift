// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What the HTTP side needs to know of those who deliver webhooks.
public protocol WebhookControl: Sendable {
    /// Checks the `webhook_url` of a request, as far as can be told before it is connected to.
    ///
    /// - Throws: What the caller can do about it.
    func check(_ address: WebhookAddress) throws(InvalidRequest)

    /// The endpoints of the configuration, as they are now.
    var endpoints: [WebhookEndpointStatus] { get }

    /// Sends to an endpoint again that had said it is gone.
    ///
    /// - Returns: `false` if there is no endpoint of that name.
    func enable(_ endpoint: String) -> Bool

    /// Says that there may be something to deliver.
    func wake()
}

/// How an endpoint of the configuration is: for operators, never for callers.
public struct WebhookEndpointStatus: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Where it is, without the query.
    public var place: String
    /// Since when nothing is sent to it, because it answered 410.
    public var disabledSince: Timestamp?
    /// How many deliveries are on their way to it from this process.
    public var inFlight: Int

    /// Creates a status.
    public init(name: String, place: String, disabledSince: Timestamp? = nil, inFlight: Int = 0) {
        self.name = name
        self.place = place
        self.disabledSince = disabledSince
        self.inFlight = inFlight
    }
}
