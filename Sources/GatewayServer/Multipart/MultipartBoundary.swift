// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What separates the parts of a multipart body (RFC 2046, 5.1.1).
struct MultipartBoundary {
    /// What stands between two parts: a line break, two hyphens, the boundary.
    let delimiter: [UInt8]

    /// Reads the boundary of a `Content-Type: multipart/form-data; boundary=…`.
    ///
    /// - Throws: ``InvalidRequest`` for one that is absent, there twice, too long, or has characters it may not have: a
    ///   boundary with a line break in it could be made to match anywhere.
    init(contentType: HeaderParameters) throws(InvalidRequest) {
        guard contentType.count(of: "boundary") == 1, let boundary = contentType["boundary"] else {
            throw InvalidRequest(
                .invalidValue,
                "Content-Type",
                "The Content-Type multipart/form-data needs one boundary; let the HTTP client write that header."
            )
        }
        let bytes = [UInt8](boundary.utf8)
        guard (1...70).contains(bytes.count), bytes.allSatisfy(Self.isAllowed), bytes.last != UInt8(ascii: " ") else {
            throw InvalidRequest(
                .invalidValue,
                "Content-Type",
                "The boundary of the Content-Type must have 1 to 70 letters, digits or '()+_,-./:=? characters."
            )
        }
        delimiter = [UInt8]("\r\n--".utf8) + bytes
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "'()+_,-./:=? ".utf8.contains(byte)
        }
    }
}
