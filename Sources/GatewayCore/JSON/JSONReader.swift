// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CBase64
public import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why bytes are not the JSON that was expected.
public struct JSONError: Error, Sendable, Equatable {
    /// One sentence, without any of the text that was read.
    public var message: String
    /// The place of the mistake, in bytes from the start.
    public var offset: Int
}

extension JSON {
    /// How much a reader accepts; all of it comes from outside.
    public struct Limits: Sendable {
        /// How deep lists and objects may stand in each other.
        public var depth: Int
        /// How many values there may be in all.
        public var values: Int

        /// Creates limits.
        public init(depth: Int = 32, values: Int = 100_000) {
            self.depth = depth
            self.values = values
        }
    }

    /// Reads one JSON text (RFC 8259).
    ///
    /// Time is linear in the bytes; a string of ``JSONText/longFrom`` bytes or more without escapes is skipped by
    /// vectors and kept as a slice; one with escapes is copied once, without becoming text.
    ///
    /// - Parameters:
    ///   - buffer: The whole text. Slices in the result share its storage.
    ///   - limits: How much is accepted.
    /// - Throws: ``JSONError`` for anything but exactly one JSON text within the limits.
    public init(reading buffer: ByteBuffer, limits: Limits = Limits()) throws(JSONError) {
        let result = buffer.withUnsafeReadableBytes { bytes -> Result<JSON, JSONError> in
            do throws(JSONError) {
                var reader = JSONReader(bytes: bytes, buffer: buffer, limits: limits)
                return .success(try reader.document())
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }
}

/// The reader's state while it walks the bytes.
private struct JSONReader {
    let bytes: UnsafeRawBufferPointer
    let buffer: ByteBuffer
    let limits: JSON.Limits
    var offset = 0
    var values = 0

    init(bytes: UnsafeRawBufferPointer, buffer: ByteBuffer, limits: JSON.Limits) {
        self.bytes = bytes
        self.buffer = buffer
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw failure("There is more text behind the JSON value.") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        skipSpace()
        values += 1
        guard values <= limits.values else { throw failure("The JSON has more than \(limits.values) values.") }
        guard let byte = peek() else { throw failure("The JSON ends too early.") }
        switch byte {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw failure("A JSON value cannot begin like this.")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        try enter(depth)
        var members: [JSON.Member] = []
        if try closes(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw failure("A member's name must be a string.") }
            guard let name = try string().string else { throw failure("A member's name is not UTF-8.") }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("A colon is missing behind a member's name.") }
            members.append(JSON.Member(name, try value(depth: depth)))
        } while try continues(closing: UInt8(ascii: "}"))
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        try enter(depth)
        var elements: [JSON] = []
        if try closes(UInt8(ascii: "]")) { return .array([]) }
        repeat {
            elements.append(try value(depth: depth))
        } while try continues(closing: UInt8(ascii: "]"))
        return .array(elements)
    }

    private mutating func enter(_ depth: Int) throws(JSONError) {
        guard depth <= limits.depth else { throw failure("The JSON is nested deeper than \(limits.depth) levels.") }
        offset += 1
    }

    private mutating func closes(_ bracket: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        return take(bracket)
    }

    private mutating func continues(closing bracket: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        if take(UInt8(ascii: ",")) { return true }
        if take(bracket) { return false }
        throw failure("A comma or a closing bracket is missing.")
    }

    /// Reads a string from its opening quote to behind its closing one.
    private mutating func string() throws(JSONError) -> JSONText {
        let start = offset + 1
        let (end, isEscaped) = try closingQuote(from: start)
        offset = end + 1
        if !isEscaped, end - start >= JSONText.longFrom {
            guard let slice = buffer.getSlice(at: buffer.readerIndex + start, length: end - start) else {
                throw failure("The JSON ends too early.")
            }
            return .slice(slice)
        }
        let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        guard !raw.contains(where: { $0 < 0x20 }) else { throw failure("A string has a raw control character.") }
        guard isEscaped else { return .text(try text(raw)) }
        let plain = try unescaped(raw)
        // A picture with a few escapes, as some vendors write `/` and `=`, is still no text.
        if plain.readableBytes >= JSONText.longFrom, plain.readableBytesView.allSatisfy(Self.standsForItself) {
            return .slice(plain)
        }
        return .text(try plain.withUnsafeReadableBytes { bytes throws(JSONError) in try text(bytes) })
    }

    /// Finds the end of a string; each byte of it is looked at once.
    private func closingQuote(from start: Int) throws(JSONError) -> (end: Int, isEscaped: Bool) {
        var (place, isEscaped) = (start, false)
        while place < bytes.count, let base = bytes.baseAddress {
            place += gateway_json_plain(base + place, bytes.count - place)
            guard place < bytes.count else { break }
            if bytes[place] == UInt8(ascii: "\"") { return (place, isEscaped) }
            // What is escaped may be a quote.
            (place, isEscaped) = (place + 2, true)
        }
        throw failure("A string has no closing quote.")
    }

    /// Whether a byte is written as it is when a string of such bytes is written again.
    private static func standsForItself(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x22 && byte != 0x5C }

    private func text(_ raw: UnsafeRawBufferPointer) throws(JSONError) -> String {
        guard let text = String(validating: raw, as: UTF8.self) else { throw failure("A string is not UTF-8.") }
        return text
    }

    /// Replaces the escapes, and copies what stands between them.
    private func unescaped(_ raw: UnsafeRawBufferPointer) throws(JSONError) -> ByteBuffer {
        var unescaped = ByteBufferAllocator().buffer(capacity: raw.count)
        var place = 0
        while let base = raw.baseAddress, place < raw.count {
            let escape = memchr(base + place, 0x5C, raw.count - place).map { UnsafeRawPointer($0) - base } ?? raw.count
            unescaped.writeBytes(UnsafeRawBufferPointer(rebasing: raw[place..<escape]))
            guard escape < raw.count else { break }
            guard escape + 1 < raw.count else { throw failure("A string ends in an escape.") }
            place = escape + 2
            switch raw[place - 1] {
            case 0x22, 0x5C, 0x2F: unescaped.writeInteger(raw[place - 1])
            case UInt8(ascii: "b"): unescaped.writeInteger(0x08 as UInt8)
            case UInt8(ascii: "f"): unescaped.writeInteger(0x0C as UInt8)
            case UInt8(ascii: "n"): unescaped.writeInteger(0x0A as UInt8)
            case UInt8(ascii: "r"): unescaped.writeInteger(0x0D as UInt8)
            case UInt8(ascii: "t"): unescaped.writeInteger(0x09 as UInt8)
            case UInt8(ascii: "u"): unescaped.writeString(String(try scalar(in: raw, at: &place)))
            default: throw failure("A string has an unknown escape.")
            }
        }
        return unescaped
    }

    /// Reads the four digits at `place`, and the second half of a surrogate pair; a lone half becomes U+FFFD.
    private func scalar(in raw: UnsafeRawBufferPointer, at place: inout Int) throws(JSONError) -> Unicode.Scalar {
        let first = try codeUnit(in: raw, at: place)
        place += 4
        if 0xD800..<0xDC00 ~= first, place + 6 <= raw.count, raw[place] == 0x5C, raw[place + 1] == UInt8(ascii: "u") {
            let second = try codeUnit(in: raw, at: place + 2)
            if 0xDC00..<0xE000 ~= second {
                place += 6
                return Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)) ?? "\u{FFFD}"
            }
        }
        return Unicode.Scalar(first) ?? "\u{FFFD}"
    }

    private func codeUnit(in raw: UnsafeRawBufferPointer, at place: Int) throws(JSONError) -> UInt32 {
        guard place + 4 <= raw.count else { throw failure("A string has a short \\u escape.") }
        var unit: UInt32 = 0
        for byte in raw[place..<place + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw failure("A \\u escape has a character that is no hexadecimal digit.")
            }
        }
        return unit
    }

    private mutating func number() throws(JSONError) -> String {
        let start = offset
        if peek() == UInt8(ascii: "-") { offset += 1 }
        if peek() == UInt8(ascii: "0") { offset += 1 } else { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        guard offset - start <= 64 else { throw failure("A number has more than 64 characters.") }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        guard offset > start else { throw failure("A number has no digit where one is needed.") }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let end = offset + word.utf8CodeUnitCount
        guard end <= bytes.count,
            bytes[offset..<end].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        else { throw failure("A JSON value cannot begin like this.") }
        offset = end
        return value
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private func failure(_ message: String) -> JSONError { JSONError(message: message, offset: offset) }
}
