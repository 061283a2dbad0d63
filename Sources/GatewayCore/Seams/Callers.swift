// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Who calls: the name of a key, and what that key may do.
public struct Caller: Sendable, Hashable {
    /// The key's name; tasks belong to it.
    public var name: String
    /// The public model names it may use: whole names, or beginnings that end in `*`.
    public var models: [String]
    /// How much it may ask for.
    public var limits: CallerLimits

    /// Creates a caller who may use every model, as much as there is, unless told otherwise.
    public init(name: String, models: [String] = ["*"], limits: CallerLimits = CallerLimits()) {
        self.name = name
        self.models = models
        self.limits = limits
    }

    /// Whether the caller may use a model.
    public func mayUse(_ model: String) -> Bool {
        models.contains { $0.hasSuffix("*") ? model.hasPrefix($0.dropLast()) : $0 == model }
    }
}

/// Who knows the keys.
public protocol CallerDirectory: Sendable {
    /// The caller who presents a credential; `nil` if nobody has it.
    ///
    /// - Parameter credential: The key as it was sent, or `nil` if none was.
    func caller(presenting credential: String?) async -> Caller?
}

/// The caller of a gateway that listens on loopback only and asks for no key.
public struct NoCallerDirectory: CallerDirectory {
    private let limits: CallerLimits

    /// Creates the directory.
    ///
    /// - Parameter limits: How much all who call may ask for together.
    public init(limits: CallerLimits = CallerLimits()) {
        self.limits = limits
    }

    /// Always the same caller, whatever is presented.
    public func caller(presenting credential: String?) async -> Caller? { Caller(name: "local", limits: limits) }
}
