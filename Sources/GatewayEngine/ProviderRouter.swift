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
        public init(name: String, descriptor: ProviderDescriptor, models: [String: String]) {
            var rows: [(id: String, vendorModel: String)] = []
            for model in descriptor.models {
                for id in [model.id] + model.aliases where models[id] == nil { rows.append((id, model.id)) }
            }
            rows += models.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            self.name = name
            family = descriptor.kind
            self.models = rows
            capabilities = descriptor.capabilities(of:)
        }
    }

    /// Names that begin alike, or one name, and who serves them.
    public struct Route: Sendable {
        /// A whole name or the beginning of names; empty for all.
        public var match: String
        /// The operator's names of the providers, tried in this order.
        public var providers: [String]

        /// Creates a route.
        public init(match: String, providers: [String]) {
            self.match = match
            self.providers = providers
        }
    }

    /// One provider that can serve a model.
    public struct Candidate: Sendable, Hashable {
        /// The operator's name.
        public var provider: String
        /// The vendor's own name of the model.
        public var vendorModel: String
        /// What that model can do.
        public var capabilities: ModelCapabilities
    }

    private let tables: [String: Table]
    private let vendorModels: [String: [String: String]]
    private let routes: [Route]
    private let aliases: [String: String]
    /// The names callers can use.
    public private(set) var directory = ModelDirectory([])

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
        directory = directory(of: tables.flatMap { $0.models.map(\.id) } + aliases.keys.sorted())
    }

    /// Those of the names that can be served.
    private func directory(of names: [String]) -> ModelDirectory {
        var seen: Set<String> = []
        return ModelDirectory(
            names.filter { seen.insert($0).inserted }.compactMap { name in
                let candidates = candidates(for: name)
                guard let first = candidates.first, let table = tables[first.provider] else { return nil }
                return PublicModel(id: name, family: table.family, capabilities: candidates.map(\.capabilities))
            }
        )
    }

    /// The providers that can serve a model, in the order they are tried; empty if nobody can.
    public func candidates(for model: String) -> [Candidate] {
        let routed = routed(model)
        guard routed.isEmpty, let name = aliases[model] else { return routed }
        return self.routed(name)
    }

    private func routed(_ model: String) -> [Candidate] {
        let matching = routes.filter { model.hasPrefix($0.match) }
        // The longest comes first, and a match as long as the name is the exact one.
        guard let route = matching.first else { return [] }
        return route.providers.compactMap { name in
            guard let table = tables[name], let vendorModel = vendorModels[name]?[model] else { return nil }
            return Candidate(
                provider: name,
                vendorModel: vendorModel,
                capabilities: table.capabilities(vendorModel)
            )
        }
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
