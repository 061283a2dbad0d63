// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@Suite struct JSONValueTests {
    static func text(_ value: JSON) -> String { String(buffer: value.encoded()) }

    static let written: [(value: JSON, text: String)] = [
        (.null, "null"), (true, "true"), (false, "false"), (12, "12"), (.number("1.50"), "1.50"), (JSON(0.5), "0.5"),
        (JSON(Double.infinity), "null"), (JSON(Double.nan), "null"), ([], "[]"), ([:], "{}"),
        ([1, "a", .null], "[1,\"a\",null]"),
        (["b": 1, "a": [2]], "{\"b\":1,\"a\":[2]}"), ("a\"b\\c/d", #""a\"b\\c/d""#),
        ("\n\r\t\u{8}\u{C}\u{0}\u{1F}", #""\n\r\t\u0008\u000c\u0000\u001f""#),
        ("é🦊\u{2028}\u{7F}", "\"é🦊\u{2028}\u{7F}\""), (["k\"\n": 1], #"{"k\"\n":1}"#),
        (JSON(present: ["a": 1, "b": nil, "c": .null]), "{\"a\":1,\"c\":null}"),
    ]

    @Test(arguments: written)
    func `a value is written compactly`(value: JSON, text: String) {
        #expect(Self.text(value) == text)
    }

    @Test(arguments: written)
    func `what is written is read back`(value: JSON, text: String) throws {
        #expect(try Self.text(JSON(reading: value.encoded())) == text)
    }

    @Test func `other readers understand what is written`() throws {
        var scalars = String.UnicodeScalarView()
        for scalar in (0...0x2FF).compactMap({ Unicode.Scalar($0 as UInt32) }) { scalars.append(scalar) }
        let all = String(scalars)
        let value: JSON = ["text": JSON(all), "list": [1, 2.5.json, true]]

        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(value.encoded().readableBytesView)) as? [String: Any]
        )

        #expect(object["text"] as? String == all)
        #expect((object["list"] as? [Any])?.count == 3)
    }

    @Test func `a slice is written without being understood`() throws {
        let long = String(repeating: "QUJD", count: 1000)
        let read = try JSON(reading: ByteBuffer(string: "[\"\(long)\"]"))

        #expect(Self.text(["b64_json": read[0] ?? .null]) == "{\"b64_json\":\"\(long)\"}")
    }

    static let integers: [(text: String, value: Int?)] = [
        ("2", 2), ("2.0", 2), ("2e0", 2), ("20e-1", 2), ("-7", -7), ("1e3", 1000), ("9223372036854775807", .max),
        ("9223372036854775808", nil), ("1e400", nil), ("2.5", nil), ("-9223372036854775808", .min), ("0.0", 0),
        ("-0", 0),
    ]

    @Test(arguments: integers)
    func `a number is whole or not, however it is spelled`(text: String, value: Int?) throws {
        #expect(try JSON(reading: ByteBuffer(string: text)).integer == value)
    }

    @Test func `members and elements are found, and nothing else is`() throws {
        let value = try JSON(reading: ByteBuffer(string: #"{"a":1,"b":null,"c":[true,"x"],"a":2}"#))

        #expect(value["a"] == 2)
        #expect(value["b"] == nil)
        #expect(value["z"] == nil)
        #expect(value["c"]?[0]?.bool == true)
        #expect(value["c"]?[1]?.string == "x")
        #expect(value["c"]?[2] == nil)
        #expect(value["c"]?[-1] == nil)
        #expect(value["c"]?["a"] == nil)
        #expect(value[0] == nil)
        #expect(value["a"]?.string == nil && value["c"]?.integer == nil && value["a"]?.bool == nil)
        #expect(value.members?.map(\.name) == ["a", "b", "c", "a"])
        #expect(value["a"]?.double == 2)
    }

    @Test func `a long string that is not UTF-8 has bytes but no text`() throws {
        let bytes: [UInt8] = [0x22] + Array(repeating: 0xFF, count: 2000) + [0x22]

        let value = try JSON(reading: ByteBuffer(bytes: bytes))

        guard case .string(let text) = value else {
            Issue.record("not a string")
            return
        }
        #expect(text.string == nil)
        #expect(text.bytes.readableBytes == 2000)
        #expect(!text.isEmpty)
        #expect(JSONText.text("").isEmpty)
        #expect(JSONText.text("é").bytes.readableBytes == 2)
    }

    @Test func `every kind has a name a person knows`() {
        let values: [JSON] = [.null, true, 1, "a", [], [:]]

        #expect(values.map(\.kindName) == ["null", "a boolean", "a number", "a string", "an array", "an object"])
    }
}

extension Double {
    fileprivate var json: JSON { JSON(self) }

    @Test func `pieces joined are the whole text, and long strings are not copied`() throws {
        let picture = ByteBuffer(repeating: UInt8(ascii: "A"), count: 100_000)
        let short = ByteBuffer(repeating: UInt8(ascii: "B"), count: 2000)
        let value: JSON = [
            "a": [1, .string(.slice(picture)), .string(.slice(short)), ["b": .string(.slice(picture))]], "c": "\"",
        ]

        let pieces = value.pieces()

        var joined = ByteBuffer()
        for piece in pieces { joined.writeImmutableBuffer(piece) }
        #expect(joined == value.encoded())
        #expect(pieces.count == 5)
        func address(_ buffer: ByteBuffer) -> UInt {
            buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        }
        #expect(address(pieces[1]) == address(picture) && address(pieces[3]) == address(picture))
        #expect(JSON.array([]).pieces() == [ByteBuffer(string: "[]")])
    }
}
