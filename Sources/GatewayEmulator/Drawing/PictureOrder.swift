// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Everything a picture follows from: equal orders give equal bytes.
struct PictureOrder: Sendable, Hashable {
    /// What is written into the corner: the model and the size.
    var label: String
    /// How large it is.
    var size: PixelSize
    /// How it is encoded, PNG or JPEG; WebP is not drawn.
    var format: PictureFormat
    /// What is written on it.
    var prompt: String
    /// Which of the many pictures of this prompt.
    var variation: UInt64
    /// The JPEG quality, 1 to 100.
    var quality = 85
    /// To how many bytes the file is filled up; `nil` leaves it as it is.
    var paddedTo: Int?
}

/// Why a picture could not be drawn.
struct DrawingError: Error, Sendable, Equatable {
    /// One sentence.
    var message: String
}

extension PictureOrder {
    /// Draws, encodes and pads the picture; the work of milliseconds, so call it from a ``DrawingLanes`` lane.
    func draw() throws(DrawingError) -> [UInt8] {
        let canvas = Landscape.draw(self)
        switch format {
        case .png: return PicturePadding.png(try PNGFile.encode(canvas), to: paddedTo, seed: variation)
        case .jpeg:
            return PicturePadding.jpeg(try JPEGFile.encode(canvas, quality: quality), to: paddedTo, seed: variation)
        case .webp: throw DrawingError(message: "The emulator does not draw WebP pictures.")
        }
    }
}
