// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import Synchronization

extension ProviderPool {
    /// A provider with all that is known of it at this moment: its keys, breakers, pace and room.
    final class Member: Sendable {
        /// Permission for one submission, or to follow one; to be settled once.
        struct Permit: Sendable {
            let model: String
            let pick: KeyRoster.Pick
            fileprivate let pass: Breaker.Pass

            var key: ProviderKey { pick.key }
        }

        /// Whether a submission may go.
        enum Admission {
            case go(Permit)
            /// It has its turn after this time.
            case wait(Duration)
            case out
        }

        /// What became of a permitted submission.
        enum Verdict {
            case delivered
            case failed(ProviderError, isAccepted: Bool)
            /// This process stopped it, which says nothing about the provider.
            case abandoned
        }

        private struct State {
            var roster: KeyRoster
            var breakers: [String: Breaker] = [:]
            var rate: RateLimit
            var inFlight = 0
        }

        let provider: EngineProvider
        let slots: Slots
        private let state: Mutex<State>

        private static let defaultCooling = Duration.seconds(5)
        /// How soon those who wait for a probe's result look again.
        private static let probeLook = Duration.seconds(2)

        init(_ provider: EngineProvider) {
            self.provider = provider
            slots = Slots(limit: provider.maxConcurrent)
            state = Mutex(
                State(roster: KeyRoster(provider.keys), rate: RateLimit(perMinute: provider.requestsPerMinute))
            )
        }

        /// Whether a model can be asked for now.
        func standing(of model: String, avoiding keys: Set<String>, at now: Timestamp) -> Failover.Standing {
            state.withLock { Self.standing($0, model, keys, now) }
        }

        private static func standing(
            _ state: State,
            _ model: String,
            _ avoided: Set<String>,
            _ now: Timestamp
        ) -> Failover.Standing {
            guard let keys = state.roster.pause(for: model, avoiding: avoided, at: now) else { return .gone }
            let breaker = state.breakers[model] ?? Breaker()
            let pause = max(keys, breaker.pause(at: now))
            if pause == .zero { return .ready(after: state.rate.wait(at: now)) }
            return .returning(after: breaker.isProbing(at: now) ? min(pause, probeLook) : pause)
        }

        /// Lets a submission through if it may go now: the last look before it is written down.
        ///
        /// - Parameters:
        ///   - model: The vendor's own name.
        ///   - avoided: The keys not to use.
        ///   - now: The moment.
        ///   - hasTurn: Whether it has waited for its turn already.
        ///   - patience: How long it can wait for its turn.
        func admit(
            _ model: String,
            avoiding avoided: Set<String>,
            at now: Timestamp,
            hasTurn: Bool,
            patience: Duration
        ) -> Admission {
            state.withLock { state in
                guard case .ready(let wait) = Self.standing(state, model, avoided, now) else { return .out }
                if !hasTurn {
                    guard wait == .zero || wait < patience else { return .out }
                    let wait = state.rate.take(at: now)
                    if wait > .zero { return .wait(wait) }
                }
                guard let pick = state.roster.pick(for: model, avoiding: avoided, at: now) else { return .out }
                guard let pass = state.breakers[model, default: Breaker()].admit(at: now) else {
                    state.roster.release(pick)
                    return .out
                }
                state.inFlight += 1
                return .go(Permit(model: model, pick: pick, pass: pass))
            }
        }

        /// The permit of work that is in the provider's hands already.
        ///
        /// - Parameters:
        ///   - model: The vendor's own name.
        ///   - key: The name of the key that submitted it; any is taken if the configuration does not have it any more.
        func following(_ model: String, key: String?, at now: Timestamp) -> Permit {
            state.withLock { state in
                state.inFlight += 1
                let keys = state.roster.keys
                let usable = keys.first { candidate in
                    !state.roster.isCooling(candidate.id, at: now)
                        && state.roster.bans[KeyRoster.Subject(key: candidate.id)] == nil
                }
                let found = keys.first { $0.id == key } ?? usable ?? keys[0]
                let pass = state.breakers[model, default: Breaker()].following()
                return Permit(model: model, pick: KeyRoster.Pick(key: found, probes: []), pass: pass)
            }
        }

        /// All keys, the given one first: any may belong to the account that work was submitted with.
        func keys(first: ProviderKey) -> [ProviderKey] {
            [first] + state.withLock { $0.roster.keys }.filter { $0.id != first.id }
        }

        /// Takes note that the provider has taken a submission on.
        func accepted(_ permit: Permit, at now: Timestamp, logger: Logger) {
            let healed = state.withLock { state in
                _ = state.breakers[permit.model]?.note(.accepted, permit.pass, at: now)
                return state.roster.accepted(permit.pick, at: now)
            }
            tell(healed.map(Notice.healed), logger)
        }

        /// Takes note of how a permitted submission ended, and of what that means for those after it.
        func settle(_ permit: Permit, _ verdict: Verdict, at now: Timestamp, logger: Logger) {
            let jitter = Double.random(in: 0.9...1.1)
            let notices = state.withLock { state -> [Notice] in
                state.inFlight -= 1
                var notices: [Notice] = []
                let change = state.breakers[permit.model]?.note(verdict.signal, permit.pass, at: now, jitter: jitter)
                if let change { notices.append(.breaker(permit.model, change)) }
                if verdict.provesKey { notices += state.roster.accepted(permit.pick, at: now).map(Notice.healed) }
                state.roster.release(permit.pick)
                if case .failed(let error, isAccepted: false) = verdict,
                    let banned = Self.consume(error, permit, &state.roster, now)
                {
                    notices.append(.banned(banned, error.code))
                }
                return notices
            }
            tell(notices, logger)
        }

        /// Draws the consequence of a failure.
        ///
        /// - Returns: What is out from now on.
        private static func consume(
            _ error: ProviderError,
            _ permit: Permit,
            _ roster: inout KeyRoster,
            _ now: Timestamp
        ) -> KeyRoster.Subject? {
            let subject: KeyRoster.Subject
            switch error.consequence {
            case .coolDown(let delay):
                let asked = error.code == .rateLimited ? max(delay, error.recovery.delay) : delay
                roster.cool(permit.key.id, for: asked, at: now)
                return nil
            case .disableKey: subject = KeyRoster.Subject(key: permit.key.id)
            case .disableModel: subject = KeyRoster.Subject(model: permit.model)
            case .disableModelForKey: subject = KeyRoster.Subject(key: permit.key.id, model: permit.model)
            case nil:
                // Whatever an adapter says, a vendor that limits its callers is not asked again at once.
                if error.code == .rateLimited { roster.cool(permit.key.id, for: defaultCooling, at: now) }
                return nil
            }
            return roster.ban(subject, error.code, at: now) ? subject : nil
        }

        // MARK: What operators see

        private enum Notice {
            case breaker(String, Breaker.Change)
            case banned(KeyRoster.Subject, ProviderError.Code)
            case healed(KeyRoster.Subject)
        }

        private func tell(_ notices: [Notice], _ logger: Logger) {
            for notice in notices {
                var metadata: Logger.Metadata = ["provider": "\(provider.name)"]
                switch notice {
                case .breaker(let model, .closed):
                    metadata["model"] = "\(model)"
                    logger.notice("A provider's model works again.", metadata: metadata)
                case .breaker(let model, .opened(let until)), .breaker(let model, .reopened(let until)):
                    metadata["model"] = "\(model)"
                    metadata["until"] = "\(until.seconds)"
                    logger.warning("A provider's model fails again and again; it is left alone.", metadata: metadata)
                case .banned(let subject, let reason):
                    metadata.merge(subject.metadata) { $1 }
                    metadata["reason"] = "\(reason)"
                    logger.error("A provider's key or model is disabled: look at the account.", metadata: metadata)
                case .healed(let subject):
                    metadata.merge(subject.metadata) { $1 }
                    logger.notice("A provider's key or model can be used again.", metadata: metadata)
                }
            }
        }

        /// How the provider is.
        ///
        /// - Parameters:
        ///   - models: The vendor's names of the models it serves.
        ///   - now: The moment.
        func status(models: [String], at now: Timestamp) -> ProvidersStatus.Provider {
            let waiting = slots.waiting
            return state.withLock { state in
                let isUsable = models.contains {
                    state.roster.pause(for: $0, avoiding: [], at: now) != nil
                        && (state.breakers[$0]?.pause(at: now) ?? .zero) == .zero
                }
                return ProvidersStatus.Provider(
                    name: provider.name,
                    isUsable: isUsable,
                    inFlight: state.inFlight,
                    waiting: waiting,
                    keys: state.roster.keyStatus(at: now),
                    models: state.roster.modelStatus
                        + state.breakers.sorted { $0.key < $1.key }.compactMap { $1.status(of: $0) }
                )
            }
        }
    }
}

extension ProviderPool.Member.Verdict {
    fileprivate var signal: Breaker.Signal {
        switch self {
        case .delivered: .works
        case .failed(let error, let isAccepted): error.signal(isAccepted: isAccepted)
        case .abandoned: .nothing
        }
    }

    /// Whether the vendor took the key for a good one.
    fileprivate var provesKey: Bool {
        switch self {
        case .delivered, .failed(_, isAccepted: true): true
        case .failed(let error, isAccepted: false): [.refused, .noImage, .badPicture, .failed].contains(error.code)
        case .abandoned: false
        }
    }
}
