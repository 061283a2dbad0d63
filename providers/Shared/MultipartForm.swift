// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A `multipart/form-data` body (RFC 7578) for a vendor; pictures stay in the buffers they came in.
struct MultipartForm: Sendable {
    private struct Part {
        var head: String
        var body: ByteBuffer
    }

    private var parts: [Part] = []

    /// Adds a text field.
    ///
    /// The name is written in the source, so that nothing from outside stands in a part's head.
    mutating func add(_ name: StaticString, _ text: String) {
        parts.append(Part(head: Self.disposition(name), body: ByteBuffer(string: text)))
    }

    /// Adds a picture as a file, under a name of our own: a caller's would be one more thing to trust.
    mutating func add(_ name: StaticString, _ picture: InputPicture, called fileName: StaticString) {
        let format = picture.header.format
        let head =
            "\(Self.disposition(name)); filename=\"\(fileName).\(format.fileExtension)\"\r\n"
            + "Content-Type: \(format.mediaType)"
        parts.append(Part(head: head, body: picture.bytes))
    }

    /// What to send.
    ///
    /// The boundary is drawn when every part is there already: 192 random bits that no part can have foreseen.
    var payload: VendorAPI.Payload {
        let boundary = Self.boundary()
        var buffers: [ByteBuffer] = []
        for part in parts {
            buffers.append(ByteBuffer(string: "--\(boundary)\r\n\(part.head)\r\n\r\n"))
            buffers.append(part.body)
            buffers.append(ByteBuffer(string: "\r\n"))
        }
        buffers.append(ByteBuffer(string: "--\(boundary)--\r\n"))
        return VendorAPI.Payload(contentType: "multipart/form-data; boundary=\(boundary)", buffers: buffers)
    }

    private static func disposition(_ name: StaticString) -> String {
        "Content-Disposition: form-data; name=\"\(name)\""
    }

    private static func boundary() -> String {
        let digits = Array("0123456789abcdef")
        return "form-" + String((0..<48).compactMap { _ in digits.randomElement() })
    }
}
