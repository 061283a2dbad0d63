// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A bounded memory of values that were used lately.
///
/// Holds two generations: when the younger is full it becomes the older, and the older is dropped. What is found in the
/// older moves to the younger, so what is used stays. Finding and keeping cost one or two lookups each.
public struct Generations<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let capacity: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    /// Creates a memory of at most twice `capacity` values.
    public init(capacity: Int) {
        self.capacity = capacity
    }

    /// The value of a key, if it is still known.
    public mutating func find(_ key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old[key] else { return nil }
        keep(value, for: key)
        return value
    }

    /// Keeps a value.
    public mutating func keep(_ value: Value, for key: Key) {
        if young.count >= capacity {
            old = young
            young = [:]
        }
        young[key] = value
    }

    /// Forgets a value.
    public mutating func forget(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }
}
