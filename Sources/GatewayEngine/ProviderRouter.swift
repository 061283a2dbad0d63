// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Which providers serve a model, and in what order: pure, made once from configuration.
///
/// A name is looked up in three steps, the first that finds a provider wins: the route whose `match` is exactly the
/// name, the route with the longest `match` that begins the name, the alias of that name. A provider is a candidate only
/// if its table, or the operator's own entries, have the model: routing never guesses from a name's looks.
public struct ProviderRouter: Sendable {
    /// What a route needs to know of a provider.
    public struct Table: Sendable {
        /// The operator's name.
        public var name: String
        /// For `owned_by`.
        public var family: String
        /// The public names it serves, the recommended first, with the vendor's own names.
        public var models: [(id: String, vendorModel: String)]
        /// What a vendor's model can do.
        public var capabilities: @Sendable (_ vendorModel: String) -> ModelCapabilities

        /// Makes the table of a provider from its description and the operator's entries.
        ///
        /// - Parameters:
        ///   - name: The operator's name for it.
        ///   - descriptor: What the vendor can do.
        ///   - models: The operator's entries, public name to vendor's name; they win.
        ///   - published: What the vendor itself says of its models; it wins over the descriptor.
        public init(
            name: String,
            descriptor: ProviderDescriptor,
            models: [String: String],
            published: CapabilityBook? = nil
        ) {
            var rows: [(id: String, vendorModel: String)] = []
            for model in descriptor.models {
                for id in [model.id] + model.aliases where models[id] == nil { rows.append((id, model.id)) }
            }
            rows += models.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            self.name = name
            family = descriptor.kind
            self.models = rows
            capabilities = { published?.capabilities(of: $0, by: name) ?? descriptor.capabilities(of: $0) }
        }
    }

    /// Names that begin alike, or one name, and who serves them.
    public struct Route: Sendable {
        /// A whole name or the beginning of names; empty for all.
        public var match: String
        /// The operator's names of the providers, tried in this order.
        public var providers: [String]
        /// Who is tried first.
        public var strategy: Strategy
        /// What to do when a vendor's content policy forbids a request.
        public var onRefusal: OnRefusal

        /// Creates a route.
        public init(
            match: String,
            providers: [String],
            strategy: Strategy = .priority,
            onRefusal: OnRefusal = .report
        ) {
            self.match = match
            self.providers = providers
            self.strategy = strategy
            self.onRefusal = onRefusal
        }
    }

    /// Who of a route's providers is tried first.
    public enum Strategy: Sendable, Hashable {
        /// The first of the list.
        case priority
        /// Each in its share of the tasks; one without a weight, or with 0, only after the others.
        case weighted([String: Int])
    }

    /// One provider that can serve a model.
    public struct Candidate: Sendable, Hashable {
        /// The operator's name.
        public var provider: String
        /// The vendor's own name of the model.
        public var vendorModel: String
        /// What that model can do.
        public var capabilities: ModelCapabilities
        /// What the route says about refusals.
        public var onRefusal = OnRefusal.report
    }

    private let tables: [String: Table]
    private let vendorModels: [String: [String: String]]
    private let routes: [Route]
    private let aliases: [String: String]
    /// The names that can be served.
    private var names: [String] = []

    /// Creates a router.
    ///
    /// - Parameters:
    ///   - tables: The providers, in the order of the configuration.
    ///   - routes: The routes; without any, every provider serves what it has, in the order given.
    ///   - aliases: Other names, each for one public name.
    public init(tables: [Table], routes: [Route], aliases: [String: String]) {
        self.tables = Dictionary(tables.map { ($0.name, $0) }) { first, _ in first }
        vendorModels = self.tables.mapValues { table in
            Dictionary(table.models.map { ($0.id, $0.vendorModel) }) { first, _ in first }
        }
        let all = Route(match: "", providers: tables.map(\.name))
        self.routes = (routes.isEmpty ? [all] : routes).sorted { $0.match.utf8.count > $1.match.utf8.count }
        self.aliases = aliases
        var seen: Set<String> = []
        names = (tables.flatMap { $0.models.map(\.id) } + aliases.keys.sorted()).filter { name in
            seen.insert(name).inserted && model(name) != nil
        }
    }

    /// The names callers can use, and what the models can do at the moment somebody looks.
    public var directory: ModelDirectory { ModelDirectory(names, find: model) }

    private func model(_ name: String) -> PublicModel? {
        let candidates = candidates(for: name)
        guard let first = candidates.first, let table = tables[first.provider] else { return nil }
        return PublicModel(id: name, family: table.family, capabilities: candidates.map(\.capabilities))
    }

    /// The vendor's names of the models that a provider serves.
    public func vendorModels(of provider: String) -> [String] {
        Set((vendorModels[provider] ?? [:]).values).sorted()
    }

    /// What a provider's model can do; `nil` for a provider that the configuration does not have.
    public func capabilities(of vendorModel: String, by provider: String) -> ModelCapabilities? {
        tables[provider]?.capabilities(vendorModel)
    }

    /// The providers that can serve a model, in the order of the route; empty if nobody can.
    public func candidates(for model: String) -> [Candidate] {
        found(model)?.candidates ?? []
    }

    /// The providers that can serve a model, in the order in which they are tried for a task; empty if nobody can.
    ///
    /// The order depends on nothing but the task's name and the configuration: it is the same on every node and after
    /// every restart.
    public func candidates(for model: String, task: TaskID) -> [Candidate] {
        guard let (route, candidates) = found(model) else { return [] }
        guard case .weighted(let weights) = route.strategy else { return candidates }
        return Draw(task).order(candidates) { max(0, weights[$0.provider] ?? 0) }
    }

    private func found(_ model: String) -> (route: Route, candidates: [Candidate])? {
        if let routed = routed(model) { return routed }
        return aliases[model].flatMap(routed)
    }

    private func routed(_ model: String) -> (Route, [Candidate])? {
        let matching = routes.filter { model.hasPrefix($0.match) }
        // The longest comes first, and a match as long as the name is the exact one.
        guard let route = matching.first else { return nil }
        let candidates = route.providers.compactMap { name -> Candidate? in
            guard let table = tables[name], let vendorModel = vendorModels[name]?[model] else { return nil }
            return Candidate(
                provider: name,
                vendorModel: vendorModel,
                capabilities: table.capabilities(vendorModel),
                onRefusal: route.onRefusal
            )
        }
        return candidates.isEmpty ? nil : (route, candidates)
    }

    /// How to divide a request's pictures into calls: no call asks for more than the weakest candidate can give, so that
    /// every portion can fail over to every candidate.
    public func portions(of request: ImageRequest) -> [Int] {
        let most = max(1, candidates(for: request.model).map(\.capabilities.maxCount).min() ?? 1)
        let whole = [Int](repeating: most, count: request.count / most)
        let rest = request.count % most
        return rest == 0 ? whole : whole + [rest]
    }
}
