// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@Suite struct JSONReaderTests {
    static func read(_ text: String, _ limits: JSON.Limits = JSON.Limits()) throws(JSONError) -> JSON {
        try JSON(reading: ByteBuffer(string: text), limits: limits)
    }

    static func read(_ bytes: [UInt8]) throws(JSONError) -> JSON {
        try JSON(reading: ByteBuffer(bytes: bytes))
    }

    static let accepted: [(text: String, value: JSON)] = [
        ("null", .null), ("true", true), (" \t\r\nfalse \n", false), ("\"\"", ""), ("[]", []), ("{}", [:]),
        ("[ ]", []), ("{ }", [:]), ("0", 0), ("-0", .number("-0")), ("-1", -1), ("1.5", .number("1.5")),
        ("1e5", .number("1e5")), ("1E+05", .number("1E+05")), ("2.5e-3", .number("2.5e-3")),
        ("[1,[2,[3]]]", [1, [2, [3]]]), ("{\"a\":{\"b\":[null]}}", ["a": ["b": [.null]]]),
        ("{\"\":1}", ["": 1]), ("{\"a\":1,\"a\":2}", .object([.init("a", 1), .init("a", 2)])),
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
        (#""\uD83E\uDD8A""#, "🦊"), (#""a\uD83E\uDD8Ab""#, "a🦊b"), ("\"🦊\"", "🦊"), (#""\u0000""#, "\u{0}"),
        (#""\uD83E""#, "\u{FFFD}"), (#""\uDD8A""#, "\u{FFFD}"), (#""\uD83Ex""#, "\u{FFFD}x"),
        (#""\uD83E\n""#, "\u{FFFD}\n"), (#""\uD83E\uD83E\uDD8A""#, "\u{FFFD}🦊"),
        (#""\uDD8A\uD83E""#, "\u{FFFD}\u{FFFD}"),
        ("\"\u{7F}\"", "\u{7F}"), ("\"\u{2028}\"", "\u{2028}"),
    ]

    @Test(arguments: accepted)
    func `what RFC 8259 allows is read`(text: String, value: JSON) throws {
        #expect(try Self.read(text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "tru", "NaN", "Infinity", "-Infinity", "undefined", "'a'",
        "01", "-01", "+1", "1.", ".5", "-", "--1", "1e", "1e+", "1.e5", "0x10", "1_000", "1 2", "١",
        "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "[[]", "[]]",
        "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\":1]",
        "{\"a\":1 \"b\":2}", "{'a':1}", "{\"a\":}", "{null:1}",
        "\"", "\"a", "\"\\\"", "\"\\", #""\x41""#, #""\u""#, #""\u12""#, #""\u12g4""#, #""\U0041""#, #""\'""#,
        #""\uD83E\u12""#,
        "\"\n\"", "\"\t\"", "\"\u{0}\"", "\"\u{1F}\"", "\"a\\n\u{1}\"",
        "// comment\n1", "1 // comment", "/* */1", "\u{FEFF}1", "\u{A0}1", "1\u{B}", "[1]x", "null null", "{}{}",
    ])
    func `what RFC 8259 forbids is refused`(text: String) {
        let error = #expect(throws: JSONError.self) { try Self.read(text) }

        #expect(error.map { (0...text.utf8.count + 1).contains($0.offset) } == true)
    }

    static let notText: [[UInt8]] = [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x22, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0xC3, 0x22],
        [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], [0xEF, 0xBB, 0xBF, 0x31], [0x00], [0x31, 0x00],
    ]

    @Test(arguments: notText)
    func `bytes that are not UTF-8 text are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try Self.read(bytes) }
    }

    @Test func `depth has a limit that does not cost stack`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        func objects(_ depth: Int) -> String {
            String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
        }

        _ = try Self.read(nested(32))
        _ = try Self.read(objects(32))
        for text in [nested(33), objects(33), String(repeating: "[", count: 1_000_000), "[{\"a\":" + nested(31) + "}]"]
        {
            let error = #expect(throws: JSONError.self) { try Self.read(text) }
            #expect(error?.message.contains("32 levels") == true)
        }
        #expect(throws: JSONError.self) { try Self.read("[[1]]", JSON.Limits(depth: 1)) }
    }

    @Test func `the number of values has a limit`() throws {
        let limits = JSON.Limits(values: 4)

        #expect(try Self.read("[1,2,3]", limits).array?.count == 3)
        let error = #expect(throws: JSONError.self) { try Self.read("[1,2,3,4]", limits) }
        #expect(error?.message.contains("4 values") == true)
        #expect(throws: JSONError.self) { try Self.read("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", limits) }
    }

    @Test func `the length of a number has a limit`() throws {
        #expect(try Self.read(String(repeating: "7", count: 64)) == .number(String(repeating: "7", count: 64)))
        #expect(throws: JSONError.self) { try Self.read(String(repeating: "7", count: 65)) }
    }

    @Test func `a long string stays where it was read`() throws {
        let picture = String(repeating: "QUJD", count: 256)
        let text = "{\"data\":[{\"b64_json\":\"\(picture)\"}]}"
        let buffer = ByteBuffer(string: text)

        let value = try JSON(reading: buffer)

        guard case .string(.slice(let slice))? = value["data"]?[0]?["b64_json"] else {
            Issue.record("a string of 1,024 bytes is no slice")
            return
        }
        #expect(String(buffer: slice) == picture)
        // The same storage: the slice's bytes lie inside the buffer's.
        let isShared = buffer.withUnsafeReadableBytes { whole in
            slice.withUnsafeReadableBytes { part in
                whole.baseAddress.map { $0 <= part.baseAddress ?? $0 } == true
                    && part.baseAddress == whole.baseAddress?.advanced(by: 22)
            }
        }
        #expect(isShared)
    }

    @Test func `a string is a slice from 1,024 bytes on, wherever the reader of the buffer stands`() throws {
        for (length, isSlice) in [(1023, false), (1024, true), (1025, true)] {
            var buffer = ByteBuffer(string: "junk\"" + String(repeating: "a", count: length) + "\"")
            buffer.moveReaderIndex(forwardBy: 4)

            let value = try JSON(reading: buffer)

            #expect(value.string == String(repeating: "a", count: length))
            if case .string(.slice) = value { #expect(isSlice) } else { #expect(!isSlice) }
        }
    }

    static let tricky: [String] = [
        #"\""#, #"\\"#, #"\\\""#, #"\\\\"#, #"\"\""#, #"x\"y\\z"#, #"\u0022"#, #"\/"#, #"\\\\\""#,
    ]

    @Test(arguments: tricky, [0, 1, 1023, 1024, 5000])
    func `escapes before the closing quote of a long string are understood`(escapes: String, length: Int) throws {
        let filling = String(repeating: "a", count: length)
        let plain = escapes.replacing(#"\u0022"#, with: #"\""#).replacing(#"\/"#, with: "/")
        var unescaped = ""
        var characters = plain.makeIterator()
        while let character = characters.next() {
            if character == "\\", let next = characters.next() {
                unescaped.append(next)
            } else {
                unescaped.append(character)
            }
        }

        for text in [filling + escapes, escapes + filling, filling + escapes + filling] {
            let value = try Self.read("[\"\(text)\",1]")

            #expect(value[0]?.string == text.replacing(escapes, with: unescaped))
            #expect(value[1] == 1)
        }
    }

    @Test func `a string ends at its quote, wherever that and an escape stand`() throws {
        for length in 0..<200 {
            let text = String(repeating: "a", count: length)
            #expect(try Self.read("[\"\(text)\",\"\"]") == [JSON(text), ""])
            #expect(throws: JSONError.self) { try Self.read("\"\(text)") }
            #expect(throws: JSONError.self) { try Self.read("\"\(text)\\") }
            #expect(throws: JSONError.self) { try Self.read("\"\(text)\\\"") }
            for behind in [0, 1, 15, 16, 63, 64, 100] {
                let rest = String(repeating: "b", count: behind)
                #expect(try Self.read("[\"\(text)\\\"\(rest)\"]") == [JSON("\(text)\"\(rest)")])
            }
        }
    }

    @Test(arguments: [#"\u003d"#, #"\u003D\u003d"#, #"\/"#])
    func `a picture with escapes becomes a slice without them`(escapes: String) throws {
        let filling = String(repeating: "abcdefg/", count: 5000)
        let end = escapes.hasPrefix(#"\u"#) ? String(repeating: "=", count: escapes.count / 6) : "/"

        guard case .string(.slice(let slice))? = try Self.read("[\"\(filling)\(escapes)\"]")[0] else {
            Issue.record("It is no slice.")
            return
        }

        #expect(String(buffer: slice) == filling + end)
    }

    @Test(arguments: ["quote \\\"", "line \\n", "back \\\\"])
    func `a long string that needs escapes again stays text`(escape: String) throws {
        let value = try Self.read("[\"\(String(repeating: "a", count: 5000))\(escape)\"]")

        guard case .string(.text)? = value[0] else {
            Issue.record("It would be written without its escapes.")
            return
        }
        #expect(try JSON(reading: value.encoded()) == value)
    }

    @Test func `a long string without an end is refused in linear time`() {
        let text = "\"" + String(repeating: "\\\"", count: 2_000_000)

        #expect(throws: JSONError.self) { try Self.read(text) }
    }

    @Test func `truncated anywhere, a text is refused and never read past its end`() throws {
        let text = #"{"a":[1,-2.5e3,true,false,null,"x\"é\uD83E\uDD8A"],"b":{"c":""}}"#
        let bytes = Array(text.utf8)
        _ = try Self.read(bytes)

        for length in 0..<bytes.count {
            #expect(throws: JSONError.self) { try Self.read(Array(bytes.prefix(length))) }
        }
    }

    @Test func `no error repeats what was read`() {
        for text in ["{\"prompt\":\"a secret wish\"", "[\"a secret wish\" secret]", "secret", "\"secret\\q\""] {
            let error = #expect(throws: JSONError.self) { try Self.read(text) }
            #expect(error?.message.contains("secret") == false)
        }
    }
}
