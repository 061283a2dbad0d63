// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What a field of a protobuf message may hold, in its JSON form.
indirect enum ProtoField: Sendable {
    case any
    case text
    case bytes
    case bool
    case number
    case integer
    case enumeration(type: String, values: Set<String>, ignoresCase: Bool = false)
    case message(ProtoMessage)
    case list(ProtoField)
}

/// The fields of a protobuf message, by their JSON names.
struct ProtoMessage: Sendable, ExpressibleByDictionaryLiteral {
    var fields: [String: ProtoField]

    init(dictionaryLiteral elements: (String, ProtoField)...) {
        fields = Dictionary(uniqueKeysWithValues: elements)
    }

    /// This message without some fields.
    func without(_ names: String...) -> ProtoMessage {
        var message = self
        for name in names { message.fields[name] = nil }
        return message
    }

    /// This message with one field changed.
    func with(_ name: String, _ field: ProtoField) -> ProtoMessage {
        var message = self
        message.fields[name] = field
        return message
    }
}

/// The two spellings of a field's name.
enum ProtoName {
    /// `responseModalities` for `response_modalities`.
    static func camelCase(_ name: String) -> String {
        guard name.contains("_") else { return name }
        let words = name.split(separator: "_")
        return words.prefix(1).joined() + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// `response_modalities` for `responseModalities`.
    static func snakeCase(_ name: String) -> String {
        String(name.flatMap { $0.isUppercase ? ["_"] + Array($0.lowercased()) : [$0] })
    }
}
