// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// What a vendor says, before anything happens to it on the way.
struct EmulatedAnswer: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    /// The body, in pieces that are sent one after the other without being joined.
    var body: [ByteBuffer]

    init(status: HTTPResponse.Status, headers: HTTPFields = [:], body: [ByteBuffer]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer in JSON; pictures in it are sent from where they are.
    static func json(_ json: JSON, status: HTTPResponse.Status = .ok) -> EmulatedAnswer {
        EmulatedAnswer(
            status: status,
            headers: [.contentType: "application/json; charset=UTF-8"],
            body: JSONPieces.of(json)
        )
    }

    /// A page of a vendor's front end.
    static func html(_ status: HTTPResponse.Status, _ title: String, _ text: String) -> EmulatedAnswer {
        let page = """
            <!DOCTYPE html>
            <html lang=en>
            <meta charset=utf-8>
            <title>\(title)</title>
            <p><b>\(status.code).</b> <ins>That\u{2019}s an error.</ins>
            <p>\(text) <ins>That\u{2019}s all we know.</ins>
            </html>

            """
        return EmulatedAnswer(
            status: status,
            headers: [.contentType: "text/html; charset=UTF-8"],
            body: [ByteBuffer(string: page)]
        )
    }

    /// How many bytes the body has.
    var length: Int { body.reduce(0) { $0 + $1.readableBytes } }

    /// The first bytes of the body.
    func beginning(_ count: Int) -> [ByteBuffer] {
        var missing = count
        var pieces: [ByteBuffer] = []
        for var piece in body where missing > 0 {
            guard let part = piece.readSlice(length: min(missing, piece.readableBytes)) else { break }
            missing -= part.readableBytes
            pieces.append(part)
        }
        return pieces
    }

    /// The body in about so many pieces.
    func crumbs(_ count: Int) -> [ByteBuffer] {
        let size = max(1, length / max(1, count))
        return body.flatMap { piece -> [ByteBuffer] in
            var piece = piece
            var crumbs: [ByteBuffer] = []
            while let crumb = piece.readSlice(length: min(size, piece.readableBytes)), crumb.readableBytes > 0 {
                crumbs.append(crumb)
            }
            return crumbs
        }
    }
}

/// Writes JSON so that long texts are not copied: each is a piece of its own.
private struct JSONPieces {
    /// From how many bytes on a text is worth a piece.
    private static let longFrom = 32 * 1024

    private var done: [ByteBuffer] = []
    private var current = ByteBuffer()

    static func of(_ json: JSON) -> [ByteBuffer] {
        var pieces = JSONPieces()
        pieces.write(json)
        return pieces.done + [pieces.current]
    }

    private mutating func write(_ json: JSON) {
        switch json {
        case .string(.slice(let text)) where text.readableBytes >= Self.longFrom:
            current.writeStaticString("\"")
            done += [current, text]
            current = ByteBuffer()
            current.writeStaticString("\"")
        case .array(let elements):
            current.writeStaticString("[")
            for (place, element) in elements.enumerated() {
                if place > 0 { current.writeStaticString(",") }
                write(element)
            }
            current.writeStaticString("]")
        case .object(let members):
            current.writeStaticString("{")
            for (place, member) in members.enumerated() {
                if place > 0 { current.writeStaticString(",") }
                current.writeJSONString(member.name)
                current.writeStaticString(":")
                write(member.value)
            }
            current.writeStaticString("}")
        default:
            current.writeJSON(json)
        }
    }
}
