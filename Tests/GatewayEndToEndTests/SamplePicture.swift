// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore

/// Small whole pictures, and things that want to be taken for some.
enum SamplePicture {
    /// A whole PNG of 8 × 8 pixels of one gray: another shade is another file.
    static func png(shade: UInt8) -> Data {
        let rows: [UInt8] = (0..<8).flatMap { _ in [0] + [UInt8](repeating: shade, count: 8) }
        // One stored block: a zlib stream without compression.
        let length = UInt16(rows.count)
        var stream: [UInt8] = [0x78, 0x01, 0x01]
        stream += [UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8)] + rows
        stream += bytes(adler(rows))
        return Data(signature + chunk("IHDR", header(8, 8)) + chunk("IDAT", stream) + chunk("IEND", []))
    }

    static func dataURL(shade: UInt8) -> String { dataURL(png(shade: shade)) }

    static func dataURL(_ file: Data, type: String = "image/png") -> String {
        "data:\(type);base64,\(file.base64EncodedString())"
    }

    /// The checksum by which the emulator's ledger knows a picture.
    static func checksum(_ file: Data) -> String {
        let digits = String(crc([UInt8](file)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    // MARK: Hostile ones

    /// The beginning of a PNG that claims so many pixels, with a whole end behind it.
    static func claiming(_ width: UInt32, _ height: UInt32) -> Data {
        Data(signature + chunk("IHDR", header(width, height)) + chunk("IDAT", [0x78, 0x01]) + chunk("IEND", []))
    }

    /// A PNG that breaks off.
    static let truncated = png(shade: 7).dropLast(20)

    /// The beginning of a PNG with so many bytes of noise behind it.
    static func long(_ length: Int) -> Data {
        var file = Data(signature + chunk("IHDR", header(8, 8)))
        file.append(Data(repeating: 0x5A, count: max(0, length - file.count)))
        return file
    }

    static let svg = Data(#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#.utf8)
    static let text = Data("This is not a picture.\n".utf8)
    static let oneByte = Data([0x89])

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private static func header(_ width: UInt32, _ height: UInt32) -> [UInt8] {
        bytes(width) + bytes(height) + [8, 0, 0, 0, 0]
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let named = [UInt8](name.utf8) + content
        return bytes(UInt32(content.count)) + named + bytes(crc(named))
    }

    private static func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(number >> (24 - 8 * $0) & 255) } }

    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
        }
        return sum ^ 0xFFFF_FFFF
    }

    private static func adler(_ bytes: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return b << 16 | a
    }
}
