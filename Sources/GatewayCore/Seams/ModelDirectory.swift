// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The public models of a gateway, as the router made them from configuration: a plain value for whoever has to know
/// which names exist.
public struct ModelDirectory: Sendable {
    /// The models, in the order of the configuration.
    public let models: [PublicModel]
    private let places: [String: Int]

    /// Creates a directory.
    public init(_ models: [PublicModel]) {
        self.models = models
        places = Dictionary(models.enumerated().map { ($1.id, $0) }) { first, _ in first }
    }

    /// The model of a public name, if a route serves it.
    public subscript(id: String) -> PublicModel? {
        places[id].map { models[$0] }
    }
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
