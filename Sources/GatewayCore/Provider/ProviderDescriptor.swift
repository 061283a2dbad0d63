// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What a vendor is and can do, as data: configuration, routing, docs and tests follow from it.
public struct ProviderDescriptor: Sendable {
    /// The configuration's `kind`, lower case: `gemini`.
    public var kind: String
    /// The name people know it by.
    public var title: String
    /// The vendor's public endpoint, without a path.
    public var defaultBaseURL: String
    /// The environment variable that holds a key when there is no configuration file.
    public var keyVariable: String
    /// The prefixes of public model names this vendor serves when there is no configuration file.
    public var modelPrefixes: [String]
    /// Whether ``ImageTaskProvider/submit(_:key:)`` gives a job to poll (`true`) or the pictures (`false`).
    public var hasJobs: Bool
    /// The limit of one call, sending and answer together.
    public var defaultTimeout: Duration
    /// The models known when this was written; configuration adds to them.
    public var models: [ModelDescription]
    /// What to assume of a model that only the configuration knows.
    public var unknownModel: ModelCapabilities

    /// Creates a description.
    public init(
        kind: String,
        title: String,
        defaultBaseURL: String,
        keyVariable: String,
        modelPrefixes: [String],
        hasJobs: Bool,
        defaultTimeout: Duration,
        models: [ModelDescription],
        unknownModel: ModelCapabilities
    ) {
        self.kind = kind
        self.title = title
        self.defaultBaseURL = defaultBaseURL
        self.keyVariable = keyVariable
        self.modelPrefixes = modelPrefixes
        self.hasJobs = hasJobs
        self.defaultTimeout = defaultTimeout
        self.models = models
        self.unknownModel = unknownModel
    }

    /// How many calls may be in the vendor's hands unless configured: 32 for one that answers at once, 0 (no bound)
    /// for one with jobs.
    public var defaultMaxConcurrent: Int { hasJobs ? 0 : 32 }

    /// Whether a lost answer may be bought again unless configured: once where a lost picture can never be fetched.
    public var defaultResubmitUnknown: ResubmitUnknown { hasJobs ? .never : .once }

    /// What a model can do, by the vendor's own name for it.
    public func capabilities(of vendorModel: String) -> ModelCapabilities {
        models.first { $0.id == vendorModel }?.capabilities ?? unknownModel
    }
}

/// One model of a vendor.
public struct ModelDescription: Sendable {
    /// The vendor's own name.
    public var id: String
    /// Public names that mean the same: retired names that clients still send.
    public var aliases: [String]
    /// What it can do.
    public var capabilities: ModelCapabilities

    /// Creates a description.
    public init(_ id: String, aliases: [String] = [], _ capabilities: ModelCapabilities) {
        self.id = id
        self.aliases = aliases
        self.capabilities = capabilities
    }
}

/// Whether a call that may have been billed without giving a picture may be made once more.
public enum ResubmitUnknown: String, Sendable, Codable, CaseIterable {
    /// The task fails with `outcome_unknown`.
    case never
    /// One more call per task.
    case once
}

/// The operator's settings for one vendor.
public struct ProviderSettings: Sendable {
    /// The operator's name for it, unique in the configuration.
    public var name: String
    /// Scheme, host and port, without a trailing slash; may carry a path.
    public var baseURL: String
    /// The limit of one call.
    public var timeout: Duration
    /// What addresses of results begin with where a vendor gives them without a host; `nil` for the adapter's own guess.
    public var resultBaseURL: String?

    /// Creates settings.
    public init(name: String, baseURL: String, timeout: Duration, resultBaseURL: String? = nil) {
        self.name = name
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.timeout = timeout
        self.resultBaseURL = resultBaseURL
    }
}
