// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

/// What decodes by blocks agrees with what goes character by character, whatever the text.
@Suite struct Base64BlockTests {
    /// The decoder as simple as can be; `nil` for what is not base64.
    private static func plain(_ text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (bits, count, padding) = (0, 0, 0)
        for character in text where !isSpace(character) {
            if character == UInt8(ascii: "=") {
                padding += 1
            } else {
                guard let value = value(of: character), padding == 0 else { return nil }
                (bits, count) = (bits << 6 | value, count + 1)
                if count.isMultiple(of: 4) {
                    bytes += [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
                    bits = 0
                }
            }
        }
        let rest = count % 4
        guard rest != 1, padding == 0 || rest + padding == 4 && padding < 3 else { return nil }
        if rest == 2 { bytes.append(UInt8(bits >> 4 & 255)) }
        if rest == 3 { bytes += [UInt8(bits >> 10 & 255), UInt8(bits >> 2 & 255)] }
        return bytes
    }

    private static func isSpace(_ character: UInt8) -> Bool {
        character == 0x20 || character == 0x09 || character == 0x0A || character == 0x0D
    }

    private static func value(of character: UInt8) -> Int? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(character) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(character) - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(character) - 48 + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }

    private static func isStandard(_ text: [UInt8]) -> Bool {
        text.count.isMultiple(of: 4) && plain(text) != nil
            && !text.contains { isSpace($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    /// Asks every way to decode, with bytes of others before and behind the text.
    private static func agrees(_ text: [UInt8]) -> Bool {
        let expected = plain(text)
        let given = ByteBuffer(bytes: text)
        guard Base64.decode(given).map({ Array($0.readableBytesView) }) == expected,
            Base64.isStandard(given) == isStandard(text)
        else { return false }
        var around = ByteBuffer(bytes: [1, 2, 3] + text + [4, 5, 6])
        around.moveReaderIndex(forwardBy: 3)
        around.moveWriterIndex(to: 3 + text.count)
        guard Base64.decodeInPlace(&around) == (expected != nil) else { return false }
        return Array(around.readableBytesView) == expected ?? []
            && around.getBytes(at: 0, length: 3) ?? [1, 2, 3] == [1, 2, 3]
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func text(_ length: Int, of characters: [UInt8] = alphabet) -> [UInt8] {
        (0..<length).map { _ in characters[Int.random(in: 0..<characters.count)] }
    }

    @Test func `every length to 200 agrees, padded or not`() {
        for length in 0...200 {
            let text = Self.text(length)
            for padding in 0...4 {
                #expect(
                    Self.agrees(text + [UInt8](repeating: UInt8(ascii: "="), count: padding)),
                    "\(length)+\(padding)"
                )
            }
        }
    }

    @Test func `every byte at every place agrees`() {
        var text = Self.text(100)
        for place in text.indices {
            let before = text[place]
            for byte in UInt8.min...UInt8.max {
                text[place] = byte
                #expect(Self.agrees(text), "\(byte) at \(place)")
            }
            text[place] = before
        }
    }

    @Test(arguments: ["\n", "\r\n", " ", "=", "-_", "-_+/ \n=", "\u{0}\u{7F}*,.:@[`{"])
    func `texts with a few other characters agree`(others: String) {
        let others = Array(others.utf8)
        for round in 0..<500 {
            var text = Self.text(Int.random(in: 0...200))
            for _ in 0..<round % 7 where !text.isEmpty {
                text.insert(others[Int.random(in: 0..<others.count)], at: Int.random(in: 0...text.count))
            }
            #expect(Self.agrees(text), "\(String(decoding: text, as: UTF8.self))")
        }
    }

    @Test func `noise agrees`() {
        for _ in 0..<1000 {
            let text = (0..<Int.random(in: 0...200)).map { _ in UInt8.random(in: 0...255) }
            #expect(Self.agrees(text), "\(text)")
        }
    }

    @Test(arguments: [76, 64, 61, 1])
    func `lines of any length agree`(columns: Int) {
        var text: [UInt8] = []
        for (place, character) in Self.text(6000).enumerated() {
            text.append(character)
            if place % columns == columns - 1 { text += [13, 10] }
        }

        #expect(Self.agrees(text))
    }

    @Test func `a text that somebody else holds too stays as it is`() {
        var text = ByteBuffer(bytes: Self.text(400))
        let other = text
        let before = Array(text.readableBytesView)

        #expect(Base64.decodeInPlace(&text) == nil)
        #expect(Array(text.readableBytesView) == before)
        #expect(Array(other.readableBytesView) == before)
    }

    @Test func `a large picture is decoded where its text is, and what stands around the text stays`() throws {
        let bytes = ByteBuffer(bytes: (0..<9_000_001).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        let encoded = Base64.encode(bytes)
        var answer = ByteBuffer(string: "{\"")
        answer.writeImmutableBuffer(encoded)
        answer.writeString("\"}")
        let start = answer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        answer.moveReaderIndex(forwardBy: 2)
        answer.moveWriterIndex(to: answer.writerIndex - 2)

        #expect(Base64.decodeInPlace(&answer) == true)
        #expect(answer == bytes)
        answer.moveReaderIndex(to: 0)
        #expect(answer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == start)
        answer.moveWriterIndex(to: encoded.readableBytes + 4)
        #expect(answer.getString(at: 0, length: 2) == "{\"")
        #expect(answer.getString(at: answer.writerIndex - 2, length: 2) == "\"}")
    }
}
