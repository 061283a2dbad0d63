// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A JSON value that keeps long strings where they were read.
///
/// A vendor's answer is a few names around megabytes of base64. Reading it into this type copies the names and leaves
/// the picture as a slice of the receive buffer; see ``JSONText``.
public enum JSON: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number by its text, so that nothing is rounded.
    case number(String)
    /// A string.
    case string(JSONText)
    /// A list.
    case array([JSON])
    /// Members in the order they were written.
    case object([Member])

    /// One name and its value.
    public struct Member: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value.
        public var value: JSON

        /// Creates a member.
        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }
}

/// The contents of a JSON string: short ones as a `String`, long ones as the bytes they were read from.
public enum JSONText: Sendable, Hashable {
    /// Ordinary text.
    case text(String)
    /// A slice of the buffer it was read from: at least ``longFrom`` bytes, without escapes, not yet checked as UTF-8.
    case slice(ByteBuffer)

    /// From how many bytes on a string is kept as a slice.
    public static let longFrom = 1024

    /// The text, copied if it was a slice; `nil` if that slice is not UTF-8.
    public var string: String? {
        switch self {
        case .text(let text): text
        case .slice(let buffer): String(validating: buffer.readableBytesView, as: UTF8.self)
        }
    }

    /// The UTF-8 bytes, without a copy if it was a slice.
    public var bytes: ByteBuffer {
        switch self {
        case .text(let text): ByteBuffer(string: text)
        case .slice(let buffer): buffer
        }
    }

    /// Whether there is nothing inside.
    public var isEmpty: Bool {
        switch self {
        case .text(let text): text.isEmpty
        case .slice(let buffer): buffer.readableBytes == 0
        }
    }
}

extension JSON {
    /// The value of a member; `nil` if this is no object, has no such member, or the member is `null`.
    ///
    /// Of members with one name the last counts.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self, let value = members.last(where: { $0.name == name })?.value,
            value != .null
        else { return nil }
        return value
    }

    /// The element at a place; `nil` if this is no list or it is shorter.
    public subscript(index: Int) -> JSON? {
        guard let list = array, list.indices.contains(index) else { return nil }
        return list[index]
    }

    /// The text of a string.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text.string
    }

    /// The list's elements.
    public var array: [JSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The object's members.
    public var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The truth value.
    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The number, if it is whole and fits; `2`, `2.0` and `2e0` are the same.
    public var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text) ?? Double(text).flatMap(Int.init(exactly:))
    }

    /// The number as a floating point value.
    public var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }

    /// What a person calls this kind of value.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Creates a string.
    public init(_ text: String) { self = .string(.text(text)) }

    /// Creates a number.
    public init(_ number: some BinaryInteger) { self = .number(String(number)) }

    /// Creates a number; a value that JSON cannot write becomes `null`.
    public init(_ number: Double) { self = number.isFinite ? .number(String(number)) : .null }

    /// Creates an object of the members that have a value: absent members are left out, never null.
    public init(present members: KeyValuePairs<String, JSON?>) {
        var found: [Member] = []
        found.reserveCapacity(members.count)
        for (name, value) in members { if let value { found.append(Member(name, value)) } }
        self = .object(found)
    }

    /// Creates a string.
    public init(stringLiteral value: String) { self.init(value) }

    /// Creates a number.
    public init(integerLiteral value: Int) { self.init(value) }

    /// Creates a truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// Creates a list.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// Creates an object, members in the order written.
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0, $1) }) }
}
