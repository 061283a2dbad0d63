// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The few words of a store's XML error that are used: its code, and the region it names.
///
/// The rest is not read. Such documents repeat the signed request, session token included, and may be as long as the
/// sender likes.
struct ErrorDocument: Sendable, Hashable {
    /// How much of an answer is looked at.
    static let limit = 64 << 10

    let code: String?
    let region: String?

    init(_ body: ByteBuffer) {
        let bytes = Array(body.readableBytesView.prefix(Self.limit))
        code = Self.word(in: "Code", of: bytes)
        region = Self.word(in: "Region", of: bytes)
    }

    /// The text of the first element of this name, if it is one plain word.
    static func word(in name: String, of bytes: [UInt8]) -> String? {
        guard let start = bytes.firstRange(of: Array("<\(name)>".utf8))?.upperBound else { return nil }
        let word = bytes[start...].prefix(65).prefix { $0 != UInt8(ascii: "<") }
        guard !word.isEmpty, word.count <= 64, word.allSatisfy(Escaping.isUnreserved) else { return nil }
        return String(decoding: word, as: UTF8.self)
    }
}
