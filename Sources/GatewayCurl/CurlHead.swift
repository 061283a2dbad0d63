// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// The head of an answer, as it comes line by line.
struct CurlHead {
    enum Progress {
        case unfinished, complete, tooLong
    }

    private(set) var status = 0
    private(set) var headers = HTTPFields()

    /// How long the body was announced to be.
    private(set) var length: Int?

    /// How many headers are taken.
    private static let limit = 256

    /// Takes a line with its end; each status line begins anew, and the head of an interim answer (1xx) is never complete.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Progress {
        let isInLine = { (byte: UInt8) in byte != UInt8(ascii: "\r") && byte != UInt8(ascii: "\n") }
        let text = UnsafeRawBufferPointer(rebasing: line.prefix(while: isInLine))
        if text.isEmpty {
            guard line.count <= 2, line.last == UInt8(ascii: "\n"), status >= 200 else { return .unfinished }
            length = headers[.contentLength].flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
            return .complete
        }
        if text.starts(with: "HTTP/".utf8) {
            self = CurlHead()
            status = Self.status(in: text)
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            guard headers.count < Self.limit else { return .tooLong }
            guard let name = HTTPField.Name(Self.string(text[..<colon])) else { return .unfinished }
            let value = text[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            headers.append(HTTPField(name: name, value: Self.string(value)))
        }
        return .unfinished
    }

    private static func status(in line: UnsafeRawBufferPointer) -> Int {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") }
        let code = line.drop { !isSpace($0) }.drop(while: isSpace).prefix { !isSpace($0) }
        return Int(string(code.prefix(3))) ?? 0
    }

    private static func string(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes), as: UTF8.self)
    }
}
