// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The checksum of a PNG chunk (CRC-32 of ISO 3309).
enum CyclicChecksum {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
    }

    /// The checksum of these bytes.
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var sum: UInt32 = 0xFFFF_FFFF
            for byte in bytes { sum = table[Int(truncatingIfNeeded: (sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8) }
            return sum ^ 0xFFFF_FFFF
        }
    }

    /// The checksum of a caller's picture as the ledger shows it: eight hexadecimal digits.
    static func shown(_ picture: ByteBuffer) -> String {
        let digits = String(picture.withUnsafeReadableBytes { of($0) }, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
