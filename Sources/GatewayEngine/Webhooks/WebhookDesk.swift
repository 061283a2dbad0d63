// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// What is on its way at the moment, and which endpoints are left alone; the door for the HTTP side.
final class WebhookDesk: WebhookControl {
    private struct State {
        var lanes: [String: Int] = [:]
        var owners: [String: Int] = [:]
        var inFlight = 0
        /// How many of these to the addresses of requests.
        var requests = 0
        var disabled: [String: Timestamp] = [:]
        var failing: Set<String> = []
        var isClosing = false
        var turns = WebhookTurns()
    }

    let settings: WebhookSettings
    let bell = Bell()
    /// Rings when the last delivery on its way has ended.
    let quiet = Bell()
    private let rule: AddressRule
    private let state = Mutex(State())

    init(settings: WebhookSettings, rule: AddressRule) {
        self.settings = settings
        self.rule = rule
    }

    // MARK: For the HTTP side

    func check(_ address: WebhookAddress) throws(InvalidRequest) {
        guard !settings.secrets.isEmpty else {
            throw InvalidRequest(
                .unsupportedParameter,
                "webhook_url",
                "This gateway signs no webhooks for requests (webhooks.secret is not set); leave 'webhook_url' out."
            )
        }
        do throws(FetchError) {
            _ = try place(of: address)
        } catch {
            throw InvalidRequest(
                .invalidValue,
                "webhook_url",
                "The parameter 'webhook_url' must lead to a server on the public Internet, on port 80, 443 or above 1023."
            )
        }
    }

    var endpoints: [WebhookEndpointStatus] {
        state.withLock { state in
            settings.endpoints.map { endpoint in
                WebhookEndpointStatus(
                    name: endpoint.name,
                    place: endpoint.address.place,
                    disabledSince: state.disabled[endpoint.name],
                    inFlight: state.lanes[WebhookLane.endpoint(endpoint.name), default: 0]
                )
            }
        }
    }

    func enable(_ endpoint: String) -> Bool {
        guard settings.endpoints.contains(where: { $0.name == endpoint }) else { return false }
        state.withLock { $0.disabled[endpoint] = nil }
        bell.ring()
        return true
    }

    func wake() { bell.ring() }

    // MARK: For the deliverer

    /// The address in the one form that all programs read alike, as far as can be told before it is connected to.
    func place(of address: WebhookAddress) throws(FetchError) -> FetchAddress {
        try FetchAddress(address.description, rule: rule)
    }

    /// What there is room for now; `nil` for nothing.
    func claim(at now: Timestamp) -> WebhookClaim? {
        state.withLock { state in
            let limit = settings.totalWidth - state.inFlight
            guard limit > 0, !state.isClosing else { return nil }
            return WebhookClaim(
                limit: limit,
                requestLimit: settings.width - state.requests,
                perLane: settings.perLane,
                perOwner: settings.perOwner,
                busyLanes: state.lanes,
                busyOwners: state.owners,
                pausedEndpoints: Set(state.disabled.keys),
                turns: state.turns,
                now: now,
                lease: settings.lease
            )
        }
    }

    func begin(_ delivery: WebhookDelivery) {
        state.withLock { state in
            state.inFlight += 1
            state.lanes[delivery.lane, default: 0] += 1
            state.turns.took(delivery)
            guard delivery.target == .request else { return }
            state.requests += 1
            state.owners[delivery.owner, default: 0] += 1
        }
    }

    func end(_ delivery: WebhookDelivery) {
        let isQuiet = state.withLock { state in
            state.inFlight -= 1
            Self.decrease(delivery.lane, in: &state.lanes)
            if delivery.target == .request {
                state.requests -= 1
                Self.decrease(delivery.owner, in: &state.owners)
            }
            return state.inFlight == 0
        }
        bell.ring()
        if isQuiet { quiet.ring() }
    }

    private static func decrease(_ name: String, in counts: inout [String: Int]) {
        guard let count = counts[name], count > 1 else {
            counts[name] = nil
            return
        }
        counts[name] = count - 1
    }

    /// Leaves an endpoint alone from now on.
    ///
    /// - Returns: Whether it was not so already.
    func disable(_ endpoint: String, at now: Timestamp) -> Bool {
        state.withLock { state in
            guard state.disabled[endpoint] == nil else { return false }
            state.disabled[endpoint] = now
            return true
        }
    }

    /// Notes how a try at an endpoint went.
    ///
    /// - Returns: Whether that is another than before.
    func note(_ endpoint: String, failing isFailing: Bool) -> Bool {
        state.withLock { state in
            isFailing ? state.failing.insert(endpoint).inserted : state.failing.remove(endpoint) != nil
        }
    }

    /// Hands nothing more out.
    func close() {
        state.withLock { $0.isClosing = true }
    }

    /// Whether nothing is on its way.
    var isQuiet: Bool { state.withLock { $0.inFlight == 0 } }
}
