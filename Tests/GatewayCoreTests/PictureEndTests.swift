// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@Suite struct PictureEndTests {
    static let last: [UInt8] = [0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]
    static let body = [UInt8](repeating: 7, count: 500)
    static let riff = [UInt8]("RIFF".utf8) + [8, 2, 0, 0] + [UInt8]("WEBP".utf8) + [UInt8](repeating: 7, count: 516)

    static let whole: [(PictureFormat, [UInt8])] = [
        (.png, body + last), (.png, body + last + [UInt8](repeating: 0, count: 60_000)), (.png, last),
        (.jpeg, body + [0xFF, 0xD9]), (.jpeg, body + [0xFF, 0xD9, 10]), (.webp, riff), (.webp, riff + [0]),
    ]

    static let broken: [(PictureFormat, [UInt8])] = [
        (.png, body), (.png, body + last.dropLast()), (.png, []), (.png, Array(last.suffix(7))),
        (.png, body + last + [UInt8](repeating: 0, count: 70_000)), (.jpeg, body), (.jpeg, [0xFF]),
        (.jpeg, body + [0xFF, 0, 0xD9]), (.jpeg, []), (.webp, riff.dropLast()), (.webp, Array(riff.prefix(12))),
    ]

    @Test(arguments: whole)
    func `a file that goes on to its end is whole`(format: PictureFormat, bytes: [UInt8]) {
        #expect(PictureEnd.isThere(in: ByteBuffer(bytes: bytes), format))
    }

    @Test(arguments: broken)
    func `a file that breaks off is not`(format: PictureFormat, bytes: [UInt8]) {
        #expect(!PictureEnd.isThere(in: ByteBuffer(bytes: bytes), format))
    }
}
