// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A configuration that cannot be used: one sentence for each mistake, naming the key.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The mistakes, in the order of the file.
    public var mistakes: [String]

    /// Creates an error.
    public init(_ mistakes: [String]) {
        self.mistakes = mistakes
    }

    /// One sentence a line.
    public var description: String { mistakes.joined(separator: "\n") }
}
