// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// One key of a provider's pool.
public struct ProviderKey: Sendable, Hashable {
    /// The pool's name for it: in attempts, logs and status; nothing of the key can be read from it.
    public var id: String
    /// The key.
    public var secret: Secret

    /// Creates a key.
    public init(id: String, secret: Secret) {
        self.id = id
        self.secret = secret
    }
}

/// The keys of a provider, which of them can be used for which model, and whose turn it is: pure, the time comes in.
struct KeyRoster: Sendable {
    /// What can be out: a key, a model, or a model for one key.
    struct Subject: Sendable, Hashable {
        var key: String?
        var model: String?
    }

    /// Out until a call shows that it works again.
    struct Ban: Sendable, Hashable {
        var reason: ProviderError.Code
        var since: Timestamp
        /// When one call may try.
        var probeAt: Timestamp
        /// Until when the call that tries keeps others away; `nil` while none does.
        var probingUntil: Timestamp?

        func holds(at now: Timestamp) -> Bool { now < probeAt || probingUntil.map { now < $0 } == true }
    }

    /// Left alone for a while.
    struct Cooling: Sendable, Hashable {
        var since: Timestamp
        var until: Timestamp
        /// How often in a row the vendor has limited this key.
        var times: Int
    }

    /// A key for one call.
    struct Pick: Sendable, Equatable {
        var key: ProviderKey
        /// What this call finds out to work again, or not.
        var probes: [Subject]
    }

    /// How soon something that is disabled is tried again: a rejected call costs nothing.
    static let probeInterval = Duration.seconds(600)
    /// How long a call that tries keeps others away.
    static let probeTime = Duration.seconds(120)
    /// The longest a vendor's wish to be left alone is believed.
    static let longestCooling = Duration.seconds(3600)
    /// How far the pause of a key grows that is limited again and again, unless the vendor itself asks for more.
    static let longestGrowth = Duration.seconds(60)

    let keys: [ProviderKey]
    private var turn = 0
    private(set) var bans: [Subject: Ban] = [:]
    private(set) var coolings: [String: Cooling] = [:]

    /// - Parameter keys: The keys; without any the provider is asked with an empty one, for servers of one's own.
    init(_ keys: [ProviderKey]) {
        self.keys = keys.isEmpty ? [ProviderKey(id: "none", secret: Secret(""))] : keys
    }

    /// How long until a key can be used for a model: zero for now, `nil` if none will without an operator's help.
    func pause(for model: String, avoiding avoided: Set<String>, at now: Timestamp) -> Duration? {
        keys.compactMap { key -> Duration? in
            guard !avoided.contains(key.id), !isBanned(key.id, model, at: now) else { return nil }
            return coolings[key.id].map { max(.zero, now.duration(to: $0.until)) } ?? .zero
        }.min()
    }

    /// The next usable key in turn.
    mutating func pick(for model: String, avoiding avoided: Set<String>, at now: Timestamp) -> Pick? {
        for step in 1...keys.count {
            let place = (turn + step) % keys.count
            let key = keys[place]
            guard !avoided.contains(key.id), !isBanned(key.id, model, at: now), !isCooling(key.id, at: now) else {
                continue
            }
            turn = place
            let probes = Self.subjects(key.id, model).filter { bans[$0] != nil }
            for subject in probes { bans[subject]?.probingUntil = now.advanced(by: Self.probeTime) }
            return Pick(key: key, probes: probes)
        }
        return nil
    }

    /// Takes something out.
    ///
    /// - Returns: Whether it was in until now.
    mutating func ban(_ subject: Subject, _ reason: ProviderError.Code, at now: Timestamp) -> Bool {
        let since = bans[subject]?.since
        bans[subject] = Ban(reason: reason, since: since ?? now, probeAt: now.advanced(by: Self.probeInterval))
        return since == nil
    }

    /// Leaves a key alone for a while, longer each time in a row.
    mutating func cool(_ key: String, for delay: Duration, at now: Timestamp) {
        var cooling = coolings[key] ?? Cooling(since: now, until: now, times: 0)
        // Of many calls that are limited together the first one counts.
        if cooling.until <= now {
            cooling.since = now
            cooling.times += 1
        }
        let grown = min(delay * (1 << min(cooling.times - 1, 10)), Self.longestGrowth)
        cooling.until = max(cooling.until, now.advanced(by: min(max(delay, grown), Self.longestCooling)))
        coolings[key] = cooling
    }

    /// Takes note that the vendor accepted a call.
    ///
    /// - Returns: What works again.
    mutating func accepted(_ pick: Pick, at now: Timestamp) -> [Subject] {
        if !isCooling(pick.key.id, at: now) { coolings[pick.key.id] = nil }
        return pick.probes.filter { bans.removeValue(forKey: $0) != nil }
    }

    /// Ends the probes of a call that found nothing out: the next one may.
    mutating func release(_ pick: Pick) {
        for subject in pick.probes { bans[subject]?.probingUntil = nil }
    }

    func isCooling(_ key: String, at now: Timestamp) -> Bool { coolings[key].map { now < $0.until } ?? false }

    private func isBanned(_ key: String, _ model: String, at now: Timestamp) -> Bool {
        Self.subjects(key, model).contains { bans[$0]?.holds(at: now) == true }
    }

    private static func subjects(_ key: String, _ model: String) -> [Subject] {
        [Subject(key: key), Subject(model: model), Subject(key: key, model: model)]
    }
}
