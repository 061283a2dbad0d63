// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A PNG file put together by hand, in any of the format's forms: no encoder at hand writes them all.
struct PNGSample {
    var width: Int
    var height: Int
    var depth = 8
    /// 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGBA.
    var color = 2
    var isInterlaced = false
    /// Chunks before the pixels.
    var chunks: [(name: String, content: [UInt8])] = []
    /// The values of one pixel.
    var pixel: (_ x: Int, _ y: Int) -> [Int]

    var file: ByteBuffer {
        var file = ByteBuffer(bytes: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        var head = Self.number(width) + Self.number(height)
        head += [UInt8(depth), UInt8(color), 0, 0, isInterlaced ? 1 : 0]
        for (name, content) in [("IHDR", head)] + chunks + [("IDAT", Self.stored(rows)), ("IEND", [])] {
            let body = Array(name.utf8) + content
            file.writeBytes(Self.number(content.count) + body + Self.number(Int(Self.checksum(body))))
        }
        return file
    }

    private var rows: [UInt8] {
        let passes = [
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
        ]
        var rows: [UInt8] = []
        for (left, top, right, down) in isInterlaced ? passes : [(0, 0, 1, 1)] where left < width {
            for y in stride(from: top, to: height, by: down) {
                rows.append(0)
                let values = stride(from: left, to: width, by: right).flatMap { pixel($0, y) }
                rows += packed(values)
            }
        }
        return rows
    }

    private func packed(_ values: [Int]) -> [UInt8] {
        if depth == 16 { return values.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } }
        let perByte = 8 / depth
        return stride(from: 0, to: values.count, by: perByte).map { start in
            (0..<perByte).reduce(UInt8(0)) { byte, place in
                let value = start + place < values.count ? values[start + place] : 0
                return byte << UInt8(depth % 8) | UInt8(value)
            }
        }
    }

    static func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// Deflate without compression.
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: bytes.count, by: 65_535) {
            let block = bytes[start..<min(start + 65_535, bytes.count)]
            let (low, high) = (UInt8(block.count & 0xFF), UInt8(block.count >> 8))
            result += [start + 65_535 >= bytes.count ? 1 : 0, low, high, ~low, ~high] + block
        }
        let (a, b) = bytes.reduce((1, 0)) { sums, byte in
            let a = (sums.0 + Int(byte)) % 65_521
            return (a, (sums.1 + a) % 65_521)
        }
        return result + number(b << 16 | a)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}
