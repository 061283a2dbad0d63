// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Pictures of a few bytes, which have a header and nothing else.
enum Picture {
    static func png(_ width: Int, _ height: Int = 8) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13])
        bytes.writeString("IHDR")
        bytes.writeInteger(UInt32(width))
        bytes.writeInteger(UInt32(height))
        // Bytes whose base64 has the two characters in which the alphabets differ, and no whole group at the end.
        bytes.writeBytes([UInt8](repeating: 0xFB, count: 99) + [UInt8](repeating: 0xFF, count: 89))
        bytes.writeBytes([0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
        return bytes
    }

    static func jpeg(_ width: Int, _ height: Int = 8) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8])
        bytes.writeInteger(UInt16(height))
        bytes.writeInteger(UInt16(width))
        bytes.writeBytes([UInt8](repeating: 3, count: 38) + [0xFF, 0xD9])
        return bytes
    }

    static func base64(_ width: Int) -> ByteBuffer { Base64.encode(png(width)) }

    static func size(ofBase64 text: ByteBuffer) -> PixelSize? {
        Base64.decode(text).flatMap { PictureHeader($0.readableBytesView)?.size }
    }
}
