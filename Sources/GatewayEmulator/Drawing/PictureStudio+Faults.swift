// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

extension PictureStudio {
    /// Draws a picture as base64, as a fault of the picture has it.
    func base64(_ order: PictureOrder, _ fault: PictureFault?) async throws(DrawingError) -> ByteBuffer {
        switch fault {
        case nil, .wrongType: try await picture(order, as: .base64)
        case .empty: ByteBuffer()
        case .notBase64: ByteBuffer(repeating: UInt8(ascii: "*"), count: 4096)
        case .garbage, .hugeHeader: Base64.encode(try await file(order, fault))
        }
    }

    /// Draws a picture as a file, as a fault of the picture has it.
    func file(_ order: PictureOrder, _ fault: PictureFault?) async throws(DrawingError) -> ByteBuffer {
        switch fault {
        case nil, .wrongType, .notBase64: return try await picture(order, as: .file)
        case .empty: return ByteBuffer()
        case .garbage:
            return ByteBuffer(bytes: PictureForgery.garbage(order.paddedTo ?? 20_000, seed: order.variation))
        case .hugeHeader:
            let file = [UInt8](buffer: try await picture(order, as: .file))
            return ByteBuffer(bytes: PictureForgery.claiming(PictureForgery.hugeSize, file, format: order.format))
        }
    }
}
