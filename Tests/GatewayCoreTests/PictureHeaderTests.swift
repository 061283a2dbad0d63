// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@Suite struct PictureHeaderTests {
    /// The beginning of a picture, as far as its size stands in it.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let format: PictureFormat
        let size: PixelSize

        init(_ name: String, _ format: PictureFormat, _ size: PixelSize, _ bytes: [UInt8]) {
            testDescription = name
            self.bytes = bytes
            self.format = format
            self.size = size
        }
    }

    static func header(_ bytes: [UInt8]) -> PictureHeader? {
        PictureHeader(ByteBuffer(bytes: bytes).readableBytesView)
    }

    static func png(_ width: UInt32, _ height: UInt32) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8) + big(width) + big(height)
    }

    /// A JPEG segment: marker, length, contents.
    static func segment(_ marker: UInt8, _ contents: [UInt8]) -> [UInt8] {
        [0xFF, marker] + big(UInt32(contents.count + 2)).suffix(2) + contents
    }

    static func frame(_ marker: UInt8, width: UInt32, height: UInt32) -> [UInt8] {
        segment(marker, [8] + big(height).suffix(2) + big(width).suffix(2))
    }

    static func webp(_ chunk: String, _ contents: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + [0x24, 0, 0, 0] + Array("WEBP".utf8) + Array(chunk.utf8) + [0x18, 0, 0, 0] + contents
    }

    static func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    static let start: [UInt8] = [0xFF, 0xD8]
    static let jfif = segment(0xE0, Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0])
    /// EXIF with a thumbnail: a whole small JPEG with a frame of its own.
    static let exif = segment(
        0xE1,
        Array("Exif\0\0".utf8) + start + frame(0xC0, width: 160, height: 120) + [0xFF, 0xD9]
    )

    static let samples: [Sample] = [
        Sample("png", .png, PixelSize(1024, 768), png(1024, 768)),
        Sample("png of one pixel", .png, PixelSize(1, 1), png(1, 1)),
        Sample("jpeg", .jpeg, PixelSize(1376, 768), start + jfif + frame(0xC0, width: 1376, height: 768)),
        Sample("extended jpeg", .jpeg, PixelSize(10, 20), start + frame(0xC1, width: 10, height: 20)),
        Sample("progressive jpeg", .jpeg, PixelSize(640, 480), start + jfif + frame(0xC2, width: 640, height: 480)),
        Sample("jpeg after EXIF", .jpeg, PixelSize(4000, 3000), start + exif + frame(0xC0, width: 4000, height: 3000)),
        Sample(
            "jpeg after 200 KB of metadata",
            .jpeg,
            PixelSize(300, 200),
            start + (0..<4).flatMap { _ in segment(0xE2, Array(repeating: 0xC0, count: 50_000)) }
                + frame(0xC2, width: 300, height: 200)
        ),
        Sample(
            "jpeg with tables first",
            .jpeg,
            PixelSize(65_535, 1),
            start + segment(0xDB, Array(repeating: 1, count: 65)) + segment(0xC4, Array(repeating: 2, count: 20))
                + segment(0xCC, [0, 0]) + segment(0xDD, [0, 8]) + segment(0xFE, Array("a comment".utf8))
                + frame(0xC0, width: 65_535, height: 1)
        ),
        Sample(
            "jpeg with fill bytes",
            .jpeg,
            PixelSize(12, 34),
            start + [0xFF, 0xFF, 0xFF] + Array(jfif.dropFirst()) + [0xFF, 0x01] + frame(0xC0, width: 12, height: 34)
        ),
        Sample(
            "webp, lossy",
            .webp,
            PixelSize(800, 600),
            webp("VP8 ", [0x10, 0x20, 0x00, 0x9D, 0x01, 0x2A, 0x20, 0x03, 0x58, 0x02])
        ),
        Sample(
            "webp, lossy, with scaling bits",
            .webp,
            PixelSize(800, 600),
            webp("VP8 ", [0x10, 0x20, 0x00, 0x9D, 0x01, 0x2A, 0x20, 0x43, 0x58, 0xC2])
        ),
        // 14 bits of width less one, 14 bits of height less one, from the lowest bit on.
        Sample("webp, lossless", .webp, PixelSize(1024, 768), webp("VP8L", [0x2F, 0xFF, 0xC3, 0xBF, 0x00])),
        Sample(
            "webp, largest lossless",
            .webp,
            PixelSize(16_384, 16_384),
            webp("VP8L", [0x2F, 0xFF, 0xFF, 0xFF, 0x0F])
        ),
        Sample(
            "webp, extended",
            .webp,
            PixelSize(4096, 2304),
            webp("VP8X", [0x10, 0, 0, 0, 0xFF, 0x0F, 0x00, 0xFF, 0x08, 0x00])
        ),
    ]

    @Test(arguments: samples)
    func `a picture's first bytes tell format and size`(sample: Sample) {
        let header = Self.header(sample.bytes + Array(repeating: 0, count: 100))

        #expect(header == PictureHeader(format: sample.format, size: sample.size))
    }

    @Test(arguments: samples)
    func `cut off at any length, a picture is read fully or not at all`(sample: Sample) {
        let first = sample.bytes.count < 1000 ? 0 : sample.bytes.count - 100
        for length in first..<sample.bytes.count {
            #expect(Self.header(Array(sample.bytes.prefix(length))) == nil, "\(length)")
        }
        #expect(Self.header(sample.bytes)?.size == sample.size)
    }

    @Test(arguments: samples)
    func `a picture is found wherever it stands in a buffer`(sample: Sample) {
        var buffer = ByteBuffer(bytes: [1, 2, 3, 4, 5] + sample.bytes)
        buffer.moveReaderIndex(forwardBy: 5)

        #expect(PictureHeader(buffer.readableBytesView)?.size == sample.size)
    }

    static let garbage: [(name: String, bytes: [UInt8])] = [
        ("nothing", []), ("text", Array("<html><body>Bad Gateway</body></html>".utf8)),
        ("gif", Array("GIF89a".utf8) + Array(repeating: 1, count: 50)), ("zeros", Array(repeating: 0, count: 1000)),
        ("ones", Array(repeating: 0xFF, count: 1000)),
        ("png without IHDR", Array(png(5, 5).prefix(12)) + Array("IDATxxxxxxxx".utf8)),
        ("png with a wrong signature", [0x88] + png(5, 5).dropFirst()),
        ("png of no width", png(0, 5)), ("png of no height", png(5, 0)),
        ("jpeg of no height", start + frame(0xC0, width: 5, height: 0)),
        ("jpeg that ends", start + [0xFF, 0xD9]), ("jpeg with data but no frame", start + segment(0xDA, [0, 0, 0])),
        ("jpeg with a bad length", start + [0xFF, 0xE0, 0, 1, 0, 0, 0]),
        ("jpeg with a bad marker", start + [0x12, 0x34, 0, 4, 0, 0]),
        (
            "riff of another kind",
            Array("RIFF".utf8) + [1, 0, 0, 0] + Array("WAVEfmt ".utf8) + Array(repeating: 1, count: 50)
        ),
        ("webp with an unknown chunk", webp("ALPH", Array(repeating: 1, count: 50))),
        ("lossy webp without its start code", webp("VP8 ", [0x10, 0x20, 0, 0x9D, 0x01, 0x2B, 0x20, 0x03, 0x58, 0x02])),
        ("lossless webp without its signature", webp("VP8L", [0x2E, 0xFF, 0xC3, 0xBF, 0x00])),
        ("lossy webp of no width", webp("VP8 ", [0x10, 0x20, 0, 0x9D, 0x01, 0x2A, 0, 0, 0x58, 0x02])),
    ]

    @Test(arguments: garbage)
    func `what is no picture has no header`(name: String, bytes: [UInt8]) {
        #expect(Self.header(bytes) == nil)
    }

    @Test func `random bytes behind every signature are survived`() {
        let beginnings = Self.samples.map { Array($0.bytes.prefix(20)) }
        for _ in 0..<2000 {
            for beginning in beginnings {
                let noise = (0..<Int.random(in: 0...60)).map { _ in UInt8.random(in: 0...255) }
                if let header = Self.header(beginning + noise) {
                    #expect(header.size.width > 0 && header.size.height > 0)
                }
            }
        }
    }

    @Test(
        arguments: [(1, 1), (65_535, 65_535), (65_536, 10), (10, 70_000), (4_000_000_000, 4_000_000_000)]
            as [(UInt32, UInt32)]
    )
    func `a header that can be read can be stored and read again`(width: UInt32, height: UInt32) throws {
        guard let header = Self.header(Self.png(width, height)) else {
            #expect(width > 65_535 || height > 65_535)
            return
        }

        let stored = try JSONEncoder().encode(header)

        #expect(try JSONDecoder().decode(PictureHeader.self, from: stored) == header)
    }

    static let mediaTypes: [(text: String, format: PictureFormat?)] = [
        ("image/png", .png), ("IMAGE/JPEG", .jpeg), ("image/jpg", .jpeg), ("image/webp; q=1", .webp),
        ("image/png ;x", .png),
        ("image/gif", nil), ("text/html", nil), ("", nil), ("image/pngx", nil),
    ]

    @Test(arguments: mediaTypes)
    func `a media type names a format`(text: String, format: PictureFormat?) {
        #expect(PictureFormat(mediaType: text) == format)
    }

    @Test func `formats have the names other programs expect`() {
        #expect(PictureFormat.allCases.map(\.mediaType) == ["image/png", "image/jpeg", "image/webp"])
        #expect(PictureFormat.allCases.map(\.fileExtension) == ["png", "jpg", "webp"])
    }
}
