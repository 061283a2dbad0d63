// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Writes a value as compact JSON in one pass, for rows that are written several times for each picture.
///
/// Foundation's encoder gives the same text, but builds a tree of it first, which took as long as everything else that the
/// store does. What that encoder treats in its own way (dates, data, decimals) has no place in a row.
enum RowEncoder {
    /// The text of a value.
    ///
    /// - Throws: `EncodingError` for a number that JSON cannot write.
    static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try bytes(of: value), as: UTF8.self)
    }

    /// The bytes of that text.
    static func bytes(of value: some Encodable) throws -> [UInt8] {
        let text = RowText()
        try text.write(any: value)
        return text.bytes.bytes
    }
}

/// The text as far as it is written, and what has been opened in it.
///
/// Values are encoded one after the other, each whole before the next begins; so a container is over when something is
/// written into one that stands around it.
private final class RowText {
    private(set) var bytes = RowBytes()
    private var open: [(end: UInt8, isEmpty: Bool)] = []

    /// How many containers are open.
    var depth: Int { open.count }

    func begin(_ start: Unicode.Scalar, _ end: Unicode.Scalar) -> Int {
        bytes.append(UInt8(ascii: start))
        open.append((UInt8(ascii: end), true))
        return depth
    }

    func close(to depth: Int) {
        while open.count > depth { bytes.append(open.removeLast().end) }
    }

    /// Makes room for the next element of the container at a depth.
    func next(_ depth: Int) {
        close(to: depth)
        if open[depth - 1].isEmpty { open[depth - 1].isEmpty = false } else { bytes.append(UInt8(ascii: ",")) }
    }

    func write(name: String, _ depth: Int) {
        next(depth)
        write(name)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Writes a value of any kind, and closes what it opened.
    func write<Value: Encodable>(any value: Value) throws {
        // The cast costs more than many a value, so it is tried only where it succeeds.
        if Value.self == String.self, let text = value as? String { return write(text) }
        let depth = depth
        try value.encode(to: RowValue(text: self))
        close(to: depth)
    }

    func write(_ value: Bool) { bytes.write(value) }

    func write(integer value: some BinaryInteger) { bytes.write(value) }

    func write(_ value: Double) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: "It is no number."))
        }
        bytes.append([UInt8](value.description.utf8))
    }

    func writeNull() { bytes.append("null") }

    func write(_ text: String) { bytes.write(text) }
}

/// The place of one value.
private struct RowValue: Encoder, SingleValueEncodingContainer {
    let text: RowText
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(RowMembers(text: text, depth: text.begin("{", "}")))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        RowElements(text: text, depth: text.begin("[", "]"))
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() { text.writeNull() }
    func encode(_ value: Bool) { text.write(value) }
    func encode(_ value: String) { text.write(value) }
    func encode(_ value: Double) throws { try text.write(value) }
    func encode(_ value: Float) throws { try text.write(Double(value)) }
    func encode<Value: Encodable>(_ value: Value) throws { try text.write(any: value) }
    func encode(_ value: Int) { text.write(integer: value) }
    func encode(_ value: Int64) { text.write(integer: value) }
    func encode(_ value: Int32) { text.write(integer: value) }
    func encode(_ value: Int16) { text.write(integer: value) }
    func encode(_ value: Int8) { text.write(integer: value) }
    func encode(_ value: UInt) { text.write(integer: value) }
    func encode(_ value: UInt64) { text.write(integer: value) }
    func encode(_ value: UInt32) { text.write(integer: value) }
    func encode(_ value: UInt16) { text.write(integer: value) }
    func encode(_ value: UInt8) { text.write(integer: value) }
}

/// An object.
private struct RowMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let text: RowText
    let depth: Int
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) {
        text.write(name: key.stringValue, depth)
        text.writeNull()
    }

    func encode(_ value: String, forKey key: Key) {
        text.write(name: key.stringValue, depth)
        text.write(value)
    }

    func encode(_ value: Int, forKey key: Key) {
        text.write(name: key.stringValue, depth)
        text.write(integer: value)
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        text.write(name: key.stringValue, depth)
        try text.write(any: value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        text.write(name: key.stringValue, depth)
        return RowValue(text: text).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        text.write(name: key.stringValue, depth)
        return RowValue(text: text).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { superEncoder(at: "super") }
    func superEncoder(forKey key: Key) -> any Encoder { superEncoder(at: key.stringValue) }

    private func superEncoder(at name: String) -> any Encoder {
        text.write(name: name, depth)
        return RowValue(text: text)
    }
}

/// A list.
private struct RowElements: UnkeyedEncodingContainer {
    let text: RowText
    let depth: Int
    private(set) var count = 0
    var codingPath: [any CodingKey] { [] }

    init(text: RowText, depth: Int) {
        self.text = text
        self.depth = depth
    }

    mutating func encodeNil() {
        next()
        text.writeNull()
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        next()
        try text.write(any: value)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next()
        return RowValue(text: text).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        next()
        return RowValue(text: text).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        next()
        return RowValue(text: text)
    }

    private mutating func next() {
        count += 1
        text.next(depth)
    }
}
