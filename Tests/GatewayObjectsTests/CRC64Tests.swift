// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct CRC64Tests {
    @Test func `the check value is the published one`() {
        #expect(CRC64.sum(of: [ByteBuffer(string: "123456789")]) == 0x995D_C9BB_DF19_39FA)
        #expect(CRC64.sum(of: []) == 0)
    }

    /// Computed by Aliyun's SDK.
    @Test(
        arguments: [
            (1, 2_282_658_103_124_508_505), (7, 3_971_535_730_114_733_780), (8, 2_361_492_569_001_017_541),
            (9, 11_997_184_496_837_799_800), (1000, 3_326_000_283_127_539_731), (65_537, 17_625_638_844_179_013_768),
        ] as [(Int, UInt64)]
    )
    func `sums of every length are those of Aliyun's SDK`(length: Int, sum: UInt64) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }

        #expect(CRC64.sum(of: [ByteBuffer(bytes: bytes)]) == sum)
    }

    @Test func `it does not matter how bytes are cut, nor where they lie in memory`() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
        for cut in [1, 2, 3, 7, 8, 9, 63, 999] {
            let pieces = stride(from: 0, to: bytes.count, by: cut).map { start in
                ByteBuffer(bytes: bytes[start..<min(start + cut, bytes.count)])
            }
            #expect(CRC64.sum(of: pieces) == 3_326_000_283_127_539_731, "\(cut)")
        }
    }

    @Test(
        arguments: [("12", 12), ("18446744073709551615", .max), ("", nil), ("-1", nil), ("0x1", nil)]
            as [(String, UInt64?)]
    )
    func `the sum in an answer is a plain number`(text: String, sum: UInt64?) throws {
        var headers = HTTPFields()
        headers[try #require(HTTPField.Name("x-oss-hash-crc64ecma"))] = text

        #expect(CRC64.told(by: TransportResponse(status: 200, headers: headers)) == sum)
        #expect(CRC64.told(by: TransportResponse(status: 200)) == nil)
    }
}
