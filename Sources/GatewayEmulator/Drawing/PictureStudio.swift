// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// Draws pictures, and keeps those drawn last.
final class PictureStudio: Sendable {
    /// In which form a picture is wanted.
    enum Form: Sendable, Hashable {
        /// The file's bytes.
        case file
        /// The file as base64 text.
        case base64
    }

    private struct Key: Hashable {
        var order: PictureOrder
        var form: Form
    }

    private struct Shelf {
        var pictures: [Key: (picture: ByteBuffer, lastUsed: Int)] = [:]
        var bytes = 0
        var uses = 0

        mutating func take(_ key: Key) -> ByteBuffer? {
            uses += 1
            pictures[key]?.lastUsed = uses
            return pictures[key]?.picture
        }

        mutating func put(_ picture: ByteBuffer, _ key: Key, limit: Int) {
            guard picture.readableBytes <= limit, pictures[key] == nil else { return }
            uses += 1
            pictures[key] = (picture, uses)
            bytes += picture.readableBytes
            while bytes > limit, let oldest = pictures.min(by: { $0.value.lastUsed < $1.value.lastUsed }) {
                pictures[oldest.key] = nil
                bytes -= oldest.value.picture.readableBytes
            }
        }
    }

    private let lanes: DrawingLanes
    private let limit: Int
    private let shelf = Mutex(Shelf())

    /// Opens a studio.
    ///
    /// - Parameters:
    ///   - lanes: How many pictures may be drawn at one moment.
    ///   - cacheBytes: How many bytes of pictures are kept.
    init(lanes: Int, cacheBytes: Int) {
        self.lanes = DrawingLanes(count: lanes)
        limit = cacheBytes
    }

    /// The bytes of pictures that are kept.
    var keptBytes: Int { shelf.withLock { $0.bytes } }

    /// Draws a picture, or takes it from the shelf.
    func picture(_ order: PictureOrder, as form: Form) async throws(DrawingError) -> ByteBuffer {
        let key = Key(order: order, form: form)
        if let kept = shelf.withLock({ $0.take(key) }) { return kept }
        let picture = try await lanes.run { () throws(DrawingError) -> ByteBuffer in
            let file = ByteBuffer(bytes: try order.draw())
            return form == .file ? file : Base64.encode(file)
        }
        shelf.withLock { $0.put(picture, key, limit: limit) }
        return picture
    }
}
