// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@testable import GatewayServer

/// Cutting a body into parts, wherever the network cut it.
@Suite struct MultipartParserTests {
    /// What the parser gave.
    struct Parts: MultipartSink, Equatable {
        struct Part: Equatable {
            var name: String
            var fileName: String?
            var content: [UInt8] = []
            var isWhole = false
        }

        var parts: [Part] = []

        mutating func begin(_ head: MultipartHead) throws(InvalidRequest) {
            parts.append(Part(name: head.name, fileName: head.fileName))
        }

        mutating func add(_ bytes: ByteBuffer) throws(InvalidRequest) {
            parts[parts.count - 1].content += bytes.readableBytesView
        }

        mutating func end() throws(InvalidRequest) { parts[parts.count - 1].isWhole = true }

        var texts: [String] { parts.map { String(decoding: $0.content, as: UTF8.self) } }
    }

    static let type = "multipart/form-data; boundary=AaB03x"

    private func parse(
        _ pieces: [ArraySlice<UInt8>],
        type: String = type
    ) throws(InvalidRequest) -> (parts: Parts, steps: Int) {
        var parser = MultipartParser(try MultipartBoundary(contentType: HeaderParameters(type)))
        var parts = Parts()
        for piece in pieces { try parser.feed(ByteBuffer(bytes: piece), to: &parts) }
        try parser.finish()
        return (parts, parser.steps)
    }

    private func parse(_ text: String, type: String = type) throws(InvalidRequest) -> Parts {
        try parse([[UInt8](text.utf8)[...]], type: type).parts
    }

    private func message(_ text: String, type: String = type) -> String? {
        do throws(InvalidRequest) {
            _ = try parse(text, type: type)
            return nil
        } catch {
            return error.message
        }
    }

    /// A body in which everything is that makes parsers stumble.
    static let awkward: [UInt8] = {
        let head = "preamble\r\n--AaB03\r\nmore\r\n--AaB03x \t \r\n"
        let first =
            "content-disposition: form-data; name=\"a\"\r\n\r\n\r\n--AaB03\r\n--AaB03y\r\n--AaB03x \r-\r\r\r\n--AaB03x-"
        let second = "\r\n--AaB03x\r\nContent-Disposition: form-data;\r\n name=\"b\"; filename=\"x\"\r\nX: y\r\n\r\n"
        let third = "\r\n--AaB03x\r\nContent-Disposition: form-data; name=c\r\n\r\n--AaB03x\r\n"
        let fourth = "Content-Disposition: form-data; name=d\r\n\r\n\r\n\r\n--AaB03x--\r\n--AaB03x\r\nepilogue"
        return Array((head + first + second + third + fourth).utf8)
    }()

    static let expected = Parts(parts: [
        Parts.Part(
            name: "a",
            content: Array("\r\n--AaB03\r\n--AaB03y\r\n--AaB03x \r-\r\r\r\n--AaB03x-".utf8),
            isWhole: true
        ),
        Parts.Part(name: "b", fileName: "x", isWhole: true),
        Parts.Part(name: "c", isWhole: true),
        Parts.Part(name: "d", content: [13, 10], isWhole: true),
    ])

    // MARK: Cuts

    @Test func `a body is cut into the same parts wherever it is cut on the way`() throws {
        let body = Self.awkward
        #expect(try parse([body[...]]).parts == Self.expected)
        #expect(try parse(body.indices.map { body[$0...$0] }).parts == Self.expected)
        for first in 0...body.count {
            #expect(try parse([body[..<first], body[first...]]).parts == Self.expected, "cut at \(first)")
            for second in stride(from: first, through: body.count, by: 29) {
                let parts = try parse([body[..<first], body[first..<second], body[second...]]).parts
                #expect(parts == Self.expected, "cut at \(first) and \(second)")
            }
        }
    }

    @Test func `every beginning of a body says that it broke off`() {
        let body = Self.awkward
        let end = body.count - "\r\n--AaB03x\r\nepilogue".utf8.count
        for length in 0..<body.count {
            let isWhole = length >= end
            let isRead = (try? parse([body[..<length]])) != nil
            #expect(isRead == isWhole, "\(length) of \(body.count) bytes")
        }
        #expect(message("--AaB03x\r\nContent-Disposition: form-data; name=a\r\n\r\nx")?.contains("broke off") == true)
        #expect(message("")?.contains("no part") == true)
        #expect(message("nothing of the kind")?.contains("no part") == true)
    }

    @Test func `random pictures come out as they went in`() throws {
        var random = SystemRandomNumberGenerator()
        // Few different bytes, so that beginnings of the boundary are everywhere.
        let alphabet: [UInt8] = Array("\r\n-AaB03x".utf8) + [0, 255]
        for _ in 0..<300 {
            let content = (0..<Int.random(in: 0...200, using: &random)).map { _ in alphabet.randomElement() ?? 0 }
            let text = String(decoding: content, as: UTF8.self)
            guard !text.contains("\r\n--AaB03x") else { continue }
            let head = Array("--AaB03x\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n".utf8)
            let body = head + content + Array("\r\n--AaB03x--".utf8)
            let cut = Int.random(in: 0...body.count, using: &random)
            let parts = try parse([body[..<cut], body[cut...]]).parts.parts
            // A content that ends like a delimiter's beginning still ends where the delimiter begins.
            let isAmbiguous = content.starts(with: Array("--AaB03x".utf8))
            if !isAmbiguous { #expect(parts.map(\.content) == [content]) }
        }
    }

    // MARK: Rubbish

    @Test func `rubbish ends in an error or in parts, in linear time`() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "\r\n", "--AaB03x", "--AaB03x--", "\r", "\n", "-", "Content-Disposition: form-data; name=\"image\"", ";",
            ": ", "\"", "\\", "\u{0}", "name=", "filename*=utf-8''x", " ", "é", "\r\n\r\n", "multipart/mixed",
        ].map { Array($0.utf8) }
        for _ in 0..<1000 {
            var body = Array("--AaB03x\r\n".utf8)
            for _ in 0..<Int.random(in: 0...40) { body += pieces.randomElement(using: &random) ?? [] }
            if Bool.random() { body[Int.random(in: 0..<body.count)] = UInt8.random(in: 0...255) }
            var parser: MultipartParser?
            do throws(InvalidRequest) {
                parser = MultipartParser(try MultipartBoundary(contentType: HeaderParameters(Self.type)))
                var parts = Parts()
                let cut = Int.random(in: 0...body.count)
                try parser?.feed(ByteBuffer(bytes: body[..<cut]), to: &parts)
                try parser?.feed(ByteBuffer(bytes: body[cut...]), to: &parts)
                try parser?.finish()
            } catch {
                #expect(error.message.hasSuffix("."))
            }
            #expect(parser?.steps ?? 0 <= 3 * body.count + 10)
        }
    }

    static let hostile: [(String, [UInt8])] = [
        ("returns", [13]), ("line breaks", [13, 10]), ("almost boundaries", Array("\r\n--AaB03".utf8)),
        ("boundaries with something behind", Array("\r\n--AaB03xx".utf8)),
        ("boundaries with blanks behind", Array("\r\n--AaB03x                    x".utf8)),
        ("boundaries and a hyphen", Array("\r\n--AaB03x-".utf8)), ("zeros", [0]),
    ]

    @Test(arguments: hostile)
    func `a lot of what is nearly a boundary costs as much as any other`(name: String, unit: [UInt8]) throws {
        let head = Array("--AaB03x\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\nx".utf8)
        let content = Array(repeatElement(unit, count: (1 << 16) / unit.count).joined())
        let body = head + content + Array("\r\n--AaB03x--\r\n".utf8)
        let pieces = stride(from: 0, to: body.count, by: 1000).map { body[$0..<min($0 + 1000, body.count)] }
        let (parts, steps) = try parse(pieces)
        // Compared here, not by the macro, which would look for the smallest difference of long lists for minutes.
        let isWhole = parts.parts.first?.content == [UInt8(ascii: "x")] + content
        #expect(isWhole)
        #expect(steps <= 3 * body.count)
    }

    // MARK: Limits

    @Test func `too many parts are refused`() {
        func body(_ count: Int) -> String {
            let part = "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n"
            return String(repeating: part, count: count) + "--AaB03x--"
        }
        #expect(message(body(128)) == nil)
        #expect(message(body(129))?.contains("at most 128 parts") == true)
    }

    @Test func `headers without end are refused`() {
        func body(_ length: Int) -> String {
            let start = "Content-Disposition: form-data; name=a\r\nX: "
            let filler = String(repeating: "x", count: length - start.utf8.count - 4)
            return "--AaB03x\r\n\(start)\(filler)\r\n\r\n\r\n--AaB03x--"
        }
        #expect(message(body(8192)) == nil)
        #expect(message(body(8193))?.contains("8192 bytes of headers") == true)
        #expect(message("--AaB03x\r\n" + String(repeating: "y", count: 9000))?.contains("8192") == true)
    }

    // MARK: Heads

    @Test(arguments: [
        ("", "with a name"), ("Content-Type: text/plain\r\n", "with a name"),
        ("Content-Disposition: form-data\r\n", "with a name"),
        ("Content-Disposition: form-data; name=\"\"\r\n", "with a name"),
        ("Content-Disposition: attachment; name=\"a\"\r\n", "with a name"),
        ("Content-Disposition: form-data; filename=\"a\"\r\n", "with a name"), ("nonsense\r\n", "without a colon"),
        ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n", "must be binary"),
        ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: QUOTED-PRINTABLE\r\n", "must be binary"),
        ("Content-Disposition: form-data; name=a\n", "LF alone"),
    ])
    func `a part that nobody can place is refused`(head: String, sentence: String) {
        let told = message("--AaB03x\r\n\(head)\r\nx\r\n--AaB03x--")
        #expect(told?.contains(sentence) == true, "\(told ?? "nothing was said")")
    }

    @Test(arguments: [
        ("form-data; name=\"a b\"; filename=\"x.png\"", "a b", "x.png"), ("FORM-DATA;name=a", "a", nil),
        ("form-data; filename=\"q\\\"uo;te.png\"; name=\"image[]\"", "image[]", "q\"uo;te.png"),
        ("form-data ; name = \"n\" ; filename*=UTF-8''f%C3%BC.png", "n", "UTF-8''f%C3%BC.png"),
        ("form-data; name=\"C:\\dir\\x\"", "C:\\dir\\x", nil), ("form-data; name=\"füchse🦊\"", "füchse🦊", nil),
        ("form-data; x; ;; y=; name=\"n\"; name=\"second\"; filename=\"\"", "n", ""),
    ])
    func `names are read as clients write them`(value: String, name: String, fileName: String?) throws {
        let parts = try parse("--AaB03x\r\ncontent-DISPOSITION:\(value)\r\n\r\nx\r\n--AaB03x--").parts
        #expect(parts.map(\.name) == [name])
        #expect(parts.map(\.fileName) == [fileName])
    }

    // MARK: Boundaries

    @Test(arguments: [
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a\r\nb\"",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a{b}",
        "multipart/form-data; boundary=\"é\"", "multipart/form-data; boundary=\(String(repeating: "x", count: 71))",
    ])
    func `a boundary that is none is refused`(type: String) {
        #expect(message("--a\r\n", type: type)?.contains("boundary") == true)
    }

    @Test(arguments: [
        (
            "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
            "----WebKitFormBoundary7MA4YWxkTrZu0gW"
        ),
        ("Multipart/Form-Data;Boundary=\"a b'()+_,-./:=?c\"", "a b'()+_,-./:=?c"),
        ("multipart/form-data; charset=utf-8; boundary=\"===============123==\"", "===============123=="),
        ("multipart/form-data; boundary=\(String(repeating: "x", count: 70))", String(repeating: "x", count: 70)),
        ("multipart/form-data; boundary=abc ; charset=utf-8", "abc"),
    ])
    func `boundaries are taken as clients write them`(type: String, boundary: String) throws {
        let part = "Content-Disposition: form-data; name=a\r\n\r\nx\r\n"
        #expect(try parse("--\(boundary)\r\n\(part)--\(boundary)--", type: type).texts == ["x"])
    }
}
