// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The public models of a gateway, as the router made them from configuration, for whoever has to know which names exist.
///
/// The names are fixed; what the models can do may be what the vendors say today.
public struct ModelDirectory: Sendable {
    private let names: [String]
    private let find: @Sendable (String) -> PublicModel?

    /// The models, in the order of the configuration.
    public var models: [PublicModel] { names.compactMap(find) }

    /// Creates a directory of models that stay as they are.
    public init(_ models: [PublicModel]) {
        let known = Dictionary(models.map { ($0.id, $0) }) { first, _ in first }
        self.init(models.map(\.id)) { known[$0] }
    }

    /// Creates a directory that looks at a model each time it is asked for.
    ///
    /// - Parameters:
    ///   - names: The public names, in order.
    ///   - find: Gives the model of one of these names.
    public init(_ names: [String], find: @escaping @Sendable (String) -> PublicModel?) {
        let known = Set(names)
        self.names = names
        self.find = { known.contains($0) ? find($0) : nil }
    }

    /// The model of a public name, if a route serves it.
    public subscript(id: String) -> PublicModel? { find(id) }
}

/// A model that callers can name.
public struct PublicModel: Sendable, Hashable {
    /// The public name.
    public var id: String
    /// For `owned_by`: the vendor family, which is no secret, not the operator's provider.
    public var family: String
    /// What the candidates can do, in the order they are tried.
    public var capabilities: [ModelCapabilities]

    /// Creates a model.
    public init(id: String, family: String, capabilities: [ModelCapabilities]) {
        self.id = id
        self.family = family
        self.capabilities = capabilities
    }
}
