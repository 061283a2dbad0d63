// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

extension KeyRoster {
    /// How the keys are, in the order of the configuration.
    func keyStatus(at now: Timestamp) -> [ProvidersStatus.Key] {
        keys.map { key in
            if let ban = bans[Subject(key: key.id)] {
                return ProvidersStatus.Key(
                    id: key.id,
                    state: .disabled,
                    reason: "\(ban.reason)",
                    since: ban.since,
                    until: ban.probeAt
                )
            }
            guard let cooling = coolings[key.id], isCooling(key.id, at: now) else {
                return ProvidersStatus.Key(id: key.id, state: .usable)
            }
            return ProvidersStatus.Key(id: key.id, state: .cooling, since: cooling.since, until: cooling.until)
        }
    }

    /// The models that are disabled, for all keys or for one.
    var modelStatus: [ProvidersStatus.Model] {
        let models = bans.compactMap { subject, ban in
            subject.model.map {
                ProvidersStatus.Model(name: $0, state: .disabled, key: subject.key, until: ban.probeAt)
            }
        }
        return models.sorted { ($0.name, $0.key ?? "") < ($1.name, $1.key ?? "") }
    }
}

extension KeyRoster.Subject {
    /// What is out, for a log line.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        if let key { metadata["key"] = "\(key)" }
        if let model { metadata["model"] = "\(model)" }
        return metadata
    }
}

extension Breaker {
    /// How a model is; `nil` if nothing is the matter.
    func status(of model: String) -> ProvidersStatus.Model? {
        switch phase {
        case .closed: nil
        case .open(let until): ProvidersStatus.Model(name: model, state: .open, until: until)
        case .halfOpen: ProvidersStatus.Model(name: model, state: .halfOpen)
        }
    }
}
