// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// The checksum that OSS tells of what it has stored: the CRC-64 of ECMA-182, reflected and inverted, as in XZ.
///
/// Eight bytes are taken at a time, each by a table of its own: 2 GB a second, well above twice as fast as MD5.
struct CRC64: Sendable {
    private static let polynomial: UInt64 = 0xC96C_5795_D787_0F42

    /// What a byte does to the sum when `place` bytes follow it in the same step: 256 entries for each place of 0 to 7.
    private static let table: [UInt64] = {
        var table = [UInt64](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var sum = UInt64(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ polynomial : sum >> 1 }
            table[byte] = sum
        }
        for entry in 256..<table.count {
            let before = table[entry - 256]
            table[entry] = before >> 8 ^ table[Int(before & 0xFF)]
        }
        return table
    }()

    private var state = UInt64.max

    /// The sum of everything so far.
    var value: UInt64 { ~state }

    /// The sum of all buffers, one after the other.
    static func sum(of buffers: [ByteBuffer]) -> UInt64 {
        var sum = CRC64()
        for buffer in buffers { sum.add(buffer) }
        return sum.value
    }

    /// Takes in the next bytes.
    mutating func add(_ buffer: ByteBuffer) {
        let before = state
        state = buffer.withUnsafeReadableBytes { bytes in
            Self.table.withUnsafeBufferPointer { Self.advanced(before, by: bytes, $0) }
        }
    }

    private static func advanced(
        _ before: UInt64,
        by bytes: UnsafeRawBufferPointer,
        _ table: UnsafeBufferPointer<UInt64>
    ) -> UInt64 {
        var state = before
        var place = 0
        while place &+ 8 <= bytes.count {
            let word = state ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            // Written out: a loop here would take twice the time.
            state =
                table[0x700 | Int(truncatingIfNeeded: word & 0xFF)]
                ^ table[0x600 | Int(truncatingIfNeeded: word >> 8 & 0xFF)]
                ^ table[0x500 | Int(truncatingIfNeeded: word >> 16 & 0xFF)]
                ^ table[0x400 | Int(truncatingIfNeeded: word >> 24 & 0xFF)]
                ^ table[0x300 | Int(truncatingIfNeeded: word >> 32 & 0xFF)]
                ^ table[0x200 | Int(truncatingIfNeeded: word >> 40 & 0xFF)]
                ^ table[0x100 | Int(truncatingIfNeeded: word >> 48 & 0xFF)]
                ^ table[Int(truncatingIfNeeded: word >> 56)]
            place &+= 8
        }
        while place < bytes.count {
            state = table[Int(truncatingIfNeeded: (state ^ UInt64(bytes[place])) & 0xFF)] ^ state >> 8
            place &+= 1
        }
        return state
    }

    /// The sum that an answer tells; `nil` if it tells none, as behind a proxy that keeps such headers to itself.
    static func told(by answer: TransportResponse) -> UInt64? {
        HTTPField.Name("x-oss-hash-crc64ecma").flatMap { answer.headers[$0] }.flatMap { UInt64($0) }
    }
}
