// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Pictures that have a header and some bytes behind it, and things that are none.
enum TestPicture {
    static func png(_ width: UInt32 = 64, _ height: UInt32 = 48, bytes: Int = 300) -> ByteBuffer {
        var picture = ByteBuffer(bytes: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13])
        picture.writeString("IHDR")
        picture.writeInteger(width)
        picture.writeInteger(height)
        // Every byte there is, so that line breaks and hyphens are among them.
        let filler = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 8) }
        let end = max(0, bytes - 12)
        while picture.readableBytes < end { picture.writeBytes(filler.prefix(end - picture.readableBytes)) }
        picture.writeBytes([0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
        return picture
    }

    static func jpeg(_ width: UInt16 = 64, _ height: UInt16 = 48) -> ByteBuffer {
        var picture = ByteBuffer(bytes: [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8])
        picture.writeInteger(height)
        picture.writeInteger(width)
        picture.writeBytes([UInt8](repeating: 7, count: 198) + [0xFF, 0xD9])
        return picture
    }

    static func webp(_ width: Int = 64, _ height: Int = 48) -> ByteBuffer {
        var picture = ByteBuffer(string: "RIFF\u{16}\u{0}\u{0}\u{0}WEBPVP8X\u{A}\u{0}\u{0}\u{0}\u{10}\u{0}\u{0}\u{0}")
        for side in [width - 1, height - 1] {
            picture.writeBytes([UInt8(side & 255), UInt8(side >> 8 & 255), UInt8(side >> 16)])
        }
        picture.writeBytes([UInt8](repeating: 7, count: 200))
        return picture
    }

    static let svg = ByteBuffer(string: "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"></svg>")

    static func dataURL(_ picture: ByteBuffer, type: String = "image/png;base64") -> String {
        "data:\(type),\(String(buffer: Base64.encode(picture)))"
    }
}

/// A multipart body, part by part.
struct TestForm: Sendable {
    var boundary = "test-boundary"
    private var body = ByteBuffer()

    init(_ texts: KeyValuePairs<String, String> = ["model": "editor", "prompt": "make it a woodcut"]) {
        for (name, value) in texts { add(name, value) }
    }

    mutating func add(_ name: String, _ text: String) {
        addPart(["Content-Disposition: form-data; name=\"\(name)\""], ByteBuffer(string: text))
    }

    mutating func add(
        _ name: String,
        file: ByteBuffer,
        named fileName: String? = "in.png",
        type: String? = "application/octet-stream"
    ) {
        let fileName = fileName.map { "; filename=\"\($0)\"" } ?? ""
        let type = type.map { ["Content-Type: \($0)"] } ?? []
        addPart(["Content-Disposition: form-data; name=\"\(name)\"\(fileName)"] + type, file)
    }

    mutating func addPart(_ headers: [String], _ content: ByteBuffer) {
        body.writeString("--\(boundary)\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n")
        body.writeImmutableBuffer(content)
        body.writeString("\r\n")
    }

    /// The body with its closing boundary.
    var bytes: ByteBuffer {
        var whole = body
        whole.writeString("--\(boundary)--\r\n")
        return whole
    }

    /// The body as far as it is, as if the caller had stopped there.
    var unfinished: ByteBuffer { body }

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }
}
