// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Reads the addresses of pictures as far as writing goes; where they lead is the fetch guard's concern.
enum PictureAddress {
    /// How many bytes an address may have.
    static let byteLimit = 8 << 10

    /// What stands before the first colon, in lower case, if that is short enough for a scheme.
    static func scheme(of text: ByteBuffer) -> String? {
        let start = text.readableBytesView.prefix(8)
        guard let colon = start.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return String(decoding: start[..<colon], as: UTF8.self).lowercased()
    }

    /// Whether bytes in the place of a file are an address instead.
    static func begins(_ bytes: ByteBuffer) -> Bool {
        ["http", "https", "data"].contains(scheme(of: bytes))
    }

    /// Checks how an http or https address is written.
    ///
    /// - Parameters:
    ///   - text: The address.
    ///   - name: The request's member it was sent in.
    /// - Returns: The address, what is not ASCII behind its host escaped, as browsers do.
    static func checked(_ text: ByteBuffer, _ name: String) throws(InvalidRequest) -> String {
        guard text.readableBytes <= byteLimit else {
            throw InvalidRequest(.invalidValue, name, "An address in '\(name)' may have at most \(byteLimit) bytes.")
        }
        let bytes = text.readableBytesView
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F })
        else {
            throw InvalidRequest(
                .invalidValue,
                name,
                "An address in '\(name)' may have no spaces or control characters in it; escape them."
            )
        }
        let slashes = bytes.drop { $0 != UInt8(ascii: ":") }.dropFirst()
        let host = slashes.dropFirst(2).prefix { !"/?#\\".utf8.contains($0) }
        guard slashes.starts(with: "//".utf8), !host.isEmpty,
            !host.contains(where: { $0 == UInt8(ascii: "@") || $0 > 0x7F })
        else {
            throw InvalidRequest(
                .invalidValue,
                name,
                "An address in '\(name)' must look like https://host/path, without a user's name in it."
            )
        }
        return escaped(bytes)
    }

    private static func escaped(_ bytes: ByteBufferView) -> String {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(bytes.count)
        for byte in bytes {
            if byte < 0x80 {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}

/// Decodes `data:` URLs (RFC 2397).
enum DataURL {
    /// The bytes inside; `nil` if they cannot be decoded.
    ///
    /// The media type is not believed, so it may be absent.
    ///
    /// - Parameters:
    ///   - text: The whole URL.
    ///   - name: The request's member it was sent in.
    /// - Throws: ``InvalidRequest`` before anything is decoded that has more bytes than a picture may.
    static func decode(_ text: ByteBuffer, _ name: String) throws(InvalidRequest) -> ByteBuffer? {
        // The type and its parameters; whoever writes more than this writes no picture's type.
        let head = text.readableBytesView.prefix(1024)
        guard let comma = head.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let isBase64 = String(decoding: head[..<comma], as: UTF8.self).lowercased()
            .split(separator: ";").dropFirst().contains { $0.trimmed == "base64" }
        guard var payload = text.getSlice(at: comma + 1, length: text.writerIndex - comma - 1) else { return nil }
        if payload.readableBytesView.contains(UInt8(ascii: "%")) {
            guard let unescaped = unescape(payload) else { return nil }
            payload = unescaped
        }
        guard isBase64 else { return payload }
        guard payload.readableBytes <= GivenPicture.textLimit else { throw GivenPicture.tooLarge(name) }
        return Base64.decode(payload)
    }

    private static func unescape(_ text: ByteBuffer) -> ByteBuffer? {
        var result = ByteBuffer()
        result.reserveCapacity(text.readableBytes)
        var bytes = text.readableBytesView.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                result.writeInteger(byte)
                continue
            }
            guard let high = bytes.next().flatMap(value), let low = bytes.next().flatMap(value) else { return nil }
            result.writeInteger(high << 4 | low)
        }
        return result
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
