// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A `multipart/form-data` body, taken apart.
struct HingNetForm: Sendable {
    /// One part.
    struct Part: Sendable {
        var name: String
        /// The file's name; `nil` for a text.
        var fileName: String?
        var body: ByteBuffer
    }

    private(set) var parts: [Part] = []

    private static let mostParts = 100
    private static let longestHead = 4096

    /// Reads a body.
    ///
    /// - Parameters:
    ///   - body: The whole of it.
    ///   - contentType: The header that names the boundary.
    init(_ body: ByteBuffer, contentType: String) throws(HingNetFailure) {
        guard let boundary = Self.boundary(contentType) else {
            throw .malformed("request Content-Type isn't multipart/form-data")
        }
        let broken = HingNetFailure.malformed("multipart: NextPart: EOF")
        // A line end in front of the first boundary makes all of them alike.
        var rest = ByteBuffer(string: "\r\n")
        rest.writeImmutableBuffer(body)
        let separator = Array("\r\n--\(boundary)".utf8)
        guard Self.take(&rest, upTo: separator)?.readableBytes == 0 else { throw broken }
        while true {
            guard let ending = rest.readString(length: 2) else { throw broken }
            if ending == "--" { return }
            guard ending == "\r\n", parts.count < Self.mostParts, let part = Self.take(&rest, upTo: separator) else {
                throw broken
            }
            parts.append(try Self.part(part))
        }
    }

    /// The text of a field, if it is there.
    func text(_ name: String) -> String? {
        parts.first { $0.name == name && $0.fileName == nil }.map { String(buffer: $0.body) }
    }

    func files(_ name: String) -> [ByteBuffer] {
        parts.filter { $0.name == name && $0.fileName != nil }.map(\.body)
    }

    private static func boundary(_ contentType: String) -> String? {
        guard contentType.lowercased().hasPrefix("multipart/form-data") else { return nil }
        let parameters = contentType.split(separator: ";").dropFirst()
        let values = parameters.map { $0.split(separator: "=", maxSplits: 1) }
        let named = values.first { $0.count == 2 && $0[0].filter { $0 != " " }.lowercased() == "boundary" }
        let boundary = named?.last?.filter { $0 != "\"" && $0 != " " }
        return boundary.flatMap { (1...70).contains($0.count) ? String($0) : nil }
    }

    private static func part(_ part: ByteBuffer) throws(HingNetFailure) -> Part {
        var body = part
        guard let head = take(&body, upTo: Array("\r\n\r\n".utf8)), head.readableBytes <= longestHead else {
            throw .malformed("multipart: malformed MIME header")
        }
        let lines = String(buffer: head).split(separator: "\r\n").map(String.init)
        let disposition = lines.first { $0.lowercased().hasPrefix("content-disposition: form-data") } ?? ""
        guard let name = value("name", in: disposition) else { throw .malformed("multipart: a part has no name") }
        return Part(name: name, fileName: value("filename", in: disposition), body: body)
    }

    private static func value(_ name: String, in line: String) -> String? {
        let fields = line.split(separator: ";").map { $0.drop { $0 == " " } }
        let field = fields.first { $0.hasPrefix("\(name)=\"") && $0.hasSuffix("\"") }
        return field.map { String($0.dropFirst(name.count + 2).dropLast()) }
    }

    /// Reads up to some bytes, and past them.
    private static func take(_ buffer: inout ByteBuffer, upTo mark: [UInt8]) -> ByteBuffer? {
        let length = buffer.withUnsafeReadableBytes { bytes in place(of: mark, in: bytes) }
        guard let length, let slice = buffer.readSlice(length: length) else { return nil }
        buffer.moveReaderIndex(forwardBy: mark.count)
        return slice
    }

    private static func place(of mark: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress, let first = mark.first else { return nil }
        var start = 0
        while bytes.count - start >= mark.count,
            let found = memchr(base + start, Int32(first), bytes.count - start - mark.count + 1)
        {
            let place = UnsafeRawPointer(found) - base
            if memcmp(found, mark, mark.count) == 0 { return place }
            start = place + 1
        }
        return nil
    }
}
