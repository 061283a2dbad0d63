// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CPNG
import GatewayCore

/// Writes and reads PNG files by libpng's simplified interface; the only file that knows libpng.
enum PNGFile {
    /// Encodes a picture, fast rather than small.
    static func encode(_ canvas: borrowing Canvas) throws(DrawingError) -> [UInt8] {
        let stride = canvas.size.width * Canvas.channels
        // A drawn picture shrinks to a few percent. A third of its pixels is a guess that costs only address space;
        // when it is too small, libpng says how much it takes.
        var capacity = stride * canvas.size.height / 3 + 64 * 1024
        for _ in 0..<2 {
            var image = blank(canvas.size)
            let file = canvas.withPixels { pixels in
                [UInt8](unsafeUninitializedCapacity: capacity) { file, count in
                    var size = png_alloc_size_t(capacity)
                    let succeeded = png_image_write_to_memory(
                        &image,
                        file.baseAddress,
                        &size,
                        0,
                        pixels.baseAddress,
                        png_int_32(stride),
                        nil
                    )
                    count = succeeded == 1 ? Int(size) : 0
                    capacity = max(capacity, Int(size))
                }
            }
            png_image_free(&image)
            if !file.isEmpty { return file }
        }
        throw DrawingError(message: "libpng could not encode the picture.")
    }

    /// Decodes a file to rows of three bytes a pixel; `nil` if it is not a PNG file or damaged.
    static func decode(_ file: [UInt8]) -> (size: PixelSize, pixels: [UInt8])? {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        return file.withUnsafeBytes { bytes -> (size: PixelSize, pixels: [UInt8])? in
            guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) == 1 else { return nil }
            image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
            let stride = Int(image.width) * Canvas.channels
            var pixels = [UInt8](repeating: 0, count: stride * Int(image.height))
            guard png_image_finish_read(&image, nil, &pixels, png_int_32(stride), nil) == 1 else { return nil }
            return (PixelSize(Int(image.width), Int(image.height)), pixels)
        }
    }

    private static func blank(_ size: PixelSize) -> png_image {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(size.width)
        image.height = png_uint_32(size.height)
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
        image.flags = png_uint_32(PNG_IMAGE_FLAG_FAST)
        return image
    }
}
