// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A value that is kept as its text, which also reads it back.
public protocol TextCodable: Codable, CustomStringConvertible {
    /// Reads the text; `nil` if it is not one of these values.
    init?(_ text: String)
}

extension TextCodable {
    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a \(Self.self)")
        }
        self = value
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
