// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The bytes of a row's JSON as far as they are written.
struct RowBytes {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(1024) }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

    /// Appends a number in digits.
    mutating func write(_ value: some BinaryInteger) {
        guard let value = Int(exactly: value) else { return bytes.append(contentsOf: String(value).utf8) }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var first = digits.count
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: digits[first...])
        }
    }

    mutating func write(_ value: Bool) { append(value ? "true" : "false") }

    /// Appends a text in quotes.
    mutating func write(_ text: String) {
        append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { text in
            if Self.needEscapes(text) { writeEscaped(text) } else { bytes.append(contentsOf: text) }
        }
        append(UInt8(ascii: "\""))
    }

    /// Looks at every byte, which the processor does for many at once, because most texts have nothing to escape.
    private static func needEscapes(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var found = false
        for byte in text { found = found || needsEscape(byte) }
        return found
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func writeEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        for byte in text {
            if byte < 0x20 {
                let digits = String(byte, radix: 16)
                bytes += "\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8
            } else {
                if Self.needsEscape(byte) { bytes.append(UInt8(ascii: "\\")) }
                bytes.append(byte)
            }
        }
    }
}
