// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// How the providers are at one moment: for operators, never for callers.
public struct ProvidersStatus: Sendable, Hashable {
    /// The providers, in the order of the configuration.
    public var providers: [Provider]

    /// Whether some provider can be asked for something.
    public var isUsable: Bool { providers.contains(where: \.isUsable) }

    /// Creates a status.
    public init(providers: [Provider]) {
        self.providers = providers
    }

    /// How one provider is.
    public struct Provider: Sendable, Hashable {
        /// The operator's name.
        public var name: String
        /// Whether it has a key and a model with which it can be asked.
        public var isUsable: Bool
        /// How many submissions are in its hands.
        public var inFlight: Int
        /// How many wait until it has room for them.
        public var waiting: Int
        /// Its keys, in the order of the configuration.
        public var keys: [Key]
        /// The models that cannot be asked for now, by the vendor's own names.
        public var models: [Model]

        /// Creates a provider's status.
        public init(name: String, isUsable: Bool, inFlight: Int, waiting: Int, keys: [Key], models: [Model]) {
            self.name = name
            self.isUsable = isUsable
            self.inFlight = inFlight
            self.waiting = waiting
            self.keys = keys
            self.models = models
        }
    }

    /// How one key is; the key itself is nowhere in it.
    public struct Key: Sendable, Hashable {
        /// The pool's name for it.
        public var id: String
        /// How it is.
        public var state: State
        /// Why it is out: the code of the vendor's failure.
        public var reason: String?
        /// Since when it is out.
        public var since: Timestamp?
        /// When it is used again, or tried again.
        public var until: Timestamp?

        /// What can be the matter with a key.
        public enum State: String, Sendable, CaseIterable {
            /// Nothing.
            case usable
            /// The vendor wants it left alone for a while.
            case cooling
            /// The vendor does not accept it.
            case disabled
        }

        /// Creates a key's status.
        public init(id: String, state: State, reason: String? = nil, since: Timestamp? = nil, until: Timestamp? = nil) {
            self.id = id
            self.state = state
            self.reason = reason
            self.since = since
            self.until = until
        }
    }

    /// Why one model cannot be asked for.
    public struct Model: Sendable, Hashable {
        /// The vendor's own name.
        public var name: String
        /// How it is.
        public var state: State
        /// The pool's name of the one key for which this is so; `nil` for all.
        public var key: String?
        /// When it is tried again.
        public var until: Timestamp?

        /// What can be the matter with a model.
        public enum State: String, Sendable, CaseIterable {
            /// The vendor does not offer it.
            case disabled
            /// It failed too often in a row and is left alone.
            case open
            /// One call finds out whether it works again.
            case halfOpen = "half_open"
        }

        /// Creates a model's status.
        public init(name: String, state: State, key: String? = nil, until: Timestamp? = nil) {
            self.name = name
            self.state = state
            self.key = key
            self.until = until
        }
    }
}
