// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CTurboJPEG
import GatewayCore

/// Writes and reads JPEG files by TurboJPEG; the only file that knows it.
enum JPEGFile {
    /// Encodes a picture.
    static func encode(_ canvas: borrowing Canvas, quality: Int) throws(DrawingError) -> [UInt8] {
        guard let handle = tjInitCompress() else { throw DrawingError(message: "TurboJPEG could not start.") }
        defer { tjDestroy(handle) }
        let size = canvas.size
        let capacity = Int(tjBufSize(Int32(size.width), Int32(size.height), Int32(TJSAMP_420.rawValue)))
        let file = canvas.withPixels { pixels in
            [UInt8](unsafeUninitializedCapacity: capacity) { file, count in
                var target = file.baseAddress
                var length = UInt(capacity)
                let failed = tjCompress2(
                    handle,
                    pixels.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    Int32(size.width),
                    Int32(size.width * Canvas.channels),
                    Int32(size.height),
                    Int32(TJPF_RGB.rawValue),
                    &target,
                    &length,
                    Int32(TJSAMP_420.rawValue),
                    Int32(min(max(quality, 1), 100)),
                    TJFLAG_NOREALLOC
                )
                count = failed == 0 ? Int(length) : 0
            }
        }
        guard !file.isEmpty else { throw DrawingError(message: "TurboJPEG could not encode the picture.") }
        return file
    }

    /// Decodes a file to rows of three bytes a pixel; `nil` if it is not a JPEG file or damaged.
    static func decode(_ file: [UInt8]) -> (size: PixelSize, pixels: [UInt8])? {
        guard let handle = tjInitDecompress() else { return nil }
        defer { tjDestroy(handle) }
        var (width, height, sampling, space) = (Int32(0), Int32(0), Int32(0), Int32(0))
        let length = UInt(file.count)
        guard tjDecompressHeader3(handle, file, length, &width, &height, &sampling, &space) == 0 else { return nil }
        let stride = Int(width) * Canvas.channels
        var pixels = [UInt8](repeating: 0, count: stride * Int(height))
        let format = Int32(TJPF_RGB.rawValue)
        guard tjDecompress2(handle, file, length, &pixels, width, Int32(stride), height, format, 0) == 0 else {
            return nil
        }
        return (PixelSize(Int(width), Int(height)), pixels)
    }
}
