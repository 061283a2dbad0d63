// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A string that never prints itself.
///
/// Keys and passwords travel as this type, so that no log line, error or mirror shows one by accident.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    /// Wraps a plain text.
    public init(_ value: String) {
        self.value = value
    }

    /// Whether there is nothing inside.
    public var isEmpty: Bool { value.isEmpty }

    /// Lends the plain text for the length of one call.
    public func withPlaintext<Result>(_ body: (String) throws -> Result) rethrows -> Result {
        try body(value)
    }

    /// Always `<redacted>`.
    public var description: String { "<redacted>" }

    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }

    /// Always empty.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
