// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

extension JSON {
    /// The compact text of this value.
    public func encoded() -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: 512)
        buffer.writeJSON(self)
        return buffer
    }

    /// The compact text of this value in pieces to be sent one after the other: long slices are not copied.
    ///
    /// A request around pictures in base64 is made of the pictures' own buffers and a few names between them.
    public func pieces() -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        var rest = ByteBufferAllocator().buffer(capacity: 512)
        rest.writeJSON(self) { text, slice in
            guard slice.readableBytes >= Self.pieceFrom else {
                text.writeImmutableBuffer(slice)
                return
            }
            pieces += [text, slice]
            text = ByteBufferAllocator().buffer(capacity: 512)
        }
        return pieces + [rest]
    }

    /// From how many bytes on copying a slice costs more than sending it as a piece of its own.
    private static var pieceFrom: Int { 64 << 10 }
}

extension ByteBuffer {
    /// Appends the compact text of a value; slices are copied as they are, which is right because they had no escapes.
    public mutating func writeJSON(_ value: JSON) {
        writeJSON(value) { text, slice in text.writeImmutableBuffer(slice) }
    }

    /// Appends a value whose slices somebody else appends.
    fileprivate mutating func writeJSON(_ value: JSON, _ write: (inout ByteBuffer, ByteBuffer) -> Void) {
        switch value {
        case .null: writeStaticString("null")
        case .bool(let value): writeStaticString(value ? "true" : "false")
        case .number(let text): writeString(text)
        case .string(.text(let text)): writeJSONString(text)
        case .string(.slice(let slice)):
            writeStaticString("\"")
            write(&self, slice)
            writeStaticString("\"")
        case .array(let elements):
            writeStaticString("[")
            for (place, element) in elements.enumerated() {
                if place > 0 { writeStaticString(",") }
                writeJSON(element, write)
            }
            writeStaticString("]")
        case .object(let members):
            writeStaticString("{")
            for (place, member) in members.enumerated() {
                if place > 0 { writeStaticString(",") }
                writeJSONString(member.name)
                writeStaticString(":")
                writeJSON(member.value, write)
            }
            writeStaticString("}")
        }
    }

    /// Appends a text in quotes, escaped as JSON wants it.
    public mutating func writeJSONString(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            // Nearly every text is written as it is, with its quotes, at once.
            guard bytes.contains(where: Self.needsEscape) else { return writeQuoted(bytes) }
            writeStaticString("\"")
            var start = 0
            for place in bytes.indices where Self.needsEscape(bytes[place]) {
                writeBytes(bytes[start..<place])
                writeEscape(bytes[place])
                start = place + 1
            }
            writeBytes(bytes[start...])
            writeStaticString("\"")
        }
    }

    private static func needsEscape(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5C }

    private mutating func writeQuoted(_ bytes: UnsafeBufferPointer<UInt8>) {
        let length = bytes.count + 2
        writeWithUnsafeMutableBytes(minimumWritableBytes: length) { place in
            (place[0], place[length - 1]) = (UInt8(ascii: "\""), UInt8(ascii: "\""))
            UnsafeMutableRawBufferPointer(rebasing: place[1..<(length - 1)]).copyMemory(
                from: UnsafeRawBufferPointer(bytes)
            )
            return length
        }
    }

    private mutating func writeEscape(_ byte: UInt8) {
        switch byte {
        case 0x22: writeStaticString("\\\"")
        case 0x5C: writeStaticString("\\\\")
        case 0x0A: writeStaticString("\\n")
        case 0x0D: writeStaticString("\\r")
        case 0x09: writeStaticString("\\t")
        default:
            let digits = [UInt8]("0123456789abcdef".utf8)
            writeStaticString("\\u00")
            writeInteger(digits[Int(byte >> 4)])
            writeInteger(digits[Int(byte & 15)])
        }
    }
}
