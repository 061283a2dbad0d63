// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CPNG
import CTurboJPEG
import CWebP
import GatewayCore
import NIOCore

@testable import GatewayPictures

/// Pictures made by the libraries' own encoders, and looked at by their own decoders: not by what is tested.
enum Samples {
    /// A smooth picture, so that lossy formats keep it; its transparent part is on the right.
    static func color(_ x: Int, _ y: Int, of size: PixelSize) -> [UInt8] {
        let (across, down) = (x * 255 / max(1, size.width - 1), y * 255 / max(1, size.height - 1))
        return [UInt8(across), UInt8(down), UInt8((across + down) / 2), UInt8(255 - across)]
    }

    static func pixels(_ size: PixelSize, hasAlpha: Bool) -> [UInt8] {
        (0..<size.height).flatMap { y in
            (0..<size.width).flatMap { x in
                let color = color(x, y, of: size)
                return hasAlpha ? color : Array(color.prefix(3)) + [255]
            }
        }
    }

    /// A file of a format.
    static func file(_ format: PictureFormat, _ size: PixelSize, hasAlpha: Bool = false) -> ByteBuffer {
        let pixels = pixels(size, hasAlpha: hasAlpha)
        switch format {
        case .png: return png(pixels, size)
        case .jpeg: return jpeg(pixels, size, TJPF_RGBA)
        case .webp: return webp(pixels, size, isLossless: true)
        }
    }

    static func png(_ pixels: [UInt8], _ size: PixelSize) -> ByteBuffer {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        (image.width, image.height) = (png_uint_32(size.width), png_uint_32(size.height))
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
        var length = png_alloc_size_t(pixels.count * 2 + 4096)
        let file = [UInt8](unsafeUninitializedCapacity: length) { bytes, count in
            count = png_image_write_to_memory(&image, bytes.baseAddress, &length, 0, pixels, 0, nil) == 1 ? length : 0
        }
        return ByteBuffer(bytes: file)
    }

    static func jpeg(
        _ pixels: [UInt8],
        _ size: PixelSize,
        _ layout: TJPF,
        _ sampling: TJSAMP = TJSAMP_444,
        flags: Int32 = 0
    ) -> ByteBuffer {
        let handle = tjInitCompress()
        defer { tjDestroy(handle) }
        var (file, length) = (UnsafeMutablePointer<UInt8>?.none, UInt(0))
        defer { tjFree(file) }
        let (width, height) = (Int32(size.width), Int32(size.height))
        let (format, subsampling) = (Int32(layout.rawValue), Int32(sampling.rawValue))
        tjCompress2(handle, pixels, width, 0, height, format, &file, &length, subsampling, 98, flags)
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: file, count: Int(length)))
    }

    static func webp(_ pixels: [UInt8], _ size: PixelSize, isLossless: Bool) -> ByteBuffer {
        var file: UnsafeMutablePointer<UInt8>?
        defer { WebPFree(file) }
        let (width, height) = (Int32(size.width), Int32(size.height))
        let length =
            isLossless
            ? WebPEncodeLosslessRGBA(pixels, width, height, width * 4, &file)
            : WebPEncodeRGBA(pixels, width, height, width * 4, 98, &file)
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: file, count: length))
    }

    /// The pixels of a file, four bytes each; empty if it cannot be opened.
    static func look(_ file: ByteBuffer) -> [UInt8] {
        guard let header = PictureHeader(file.readableBytesView) else { return [] }
        let (bytes, size) = (Array(file.readableBytesView), header.size)
        var pixels = [UInt8](repeating: 0, count: size.width * size.height * 4)
        let (stride, count) = (Int32(size.width * 4), pixels.count)
        switch header.format {
        case .png:
            var image = png_image()
            image.version = png_uint_32(PNG_IMAGE_VERSION)
            guard png_image_begin_read_from_memory(&image, bytes, bytes.count) == 1 else { return [] }
            image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
            return png_image_finish_read(&image, nil, &pixels, stride, nil) == 1 ? pixels : []
        case .jpeg:
            let handle = tjInitDecompress()
            defer { tjDestroy(handle) }
            let (length, layout) = (UInt(bytes.count), Int32(TJPF_RGBA.rawValue))
            return tjDecompress2(handle, bytes, length, &pixels, 0, 0, 0, layout, 0) == 0 ? pixels : []
        case .webp: return WebPDecodeRGBAInto(bytes, bytes.count, &pixels, count, stride) == nil ? [] : pixels
        }
    }

    /// The largest difference of two pictures; transparent pixels differ in nothing but that they are.
    static func difference(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard left.count == right.count else { return 256 }
        return stride(from: 0, to: left.count, by: 4).reduce(0) { largest, pixel in
            let alpha = (left[pixel + 3], right[pixel + 3])
            if alpha == (0, 0) { return largest }
            return (0..<4).reduce(largest) { max($0, abs(Int(left[pixel + $1]) - Int(right[pixel + $1]))) }
        }
    }

    /// The picture on white.
    static func onWhite(_ pixels: [UInt8]) -> [UInt8] {
        stride(from: 0, to: pixels.count, by: 4).flatMap { pixel -> [UInt8] in
            let alpha = Int(pixels[pixel + 3])
            return (0..<3).map { UInt8((Int(pixels[pixel + $0]) * alpha + 255 * (255 - alpha)) / 255) } + [255]
        }
    }

    /// A profile that a picture may carry; only its head is looked at.
    static func profile(_ space: String, length: Int) -> [UInt8] {
        var profile = [UInt8](repeating: 0, count: length)
        profile.replaceSubrange(0..<4, with: PNGSample.number(length))
        profile.replaceSubrange(8..<12, with: [4, 0, 0, 0])
        profile.replaceSubrange(12..<16, with: Array("mntr".utf8))
        profile.replaceSubrange(16..<20, with: Array(space.utf8))
        profile.replaceSubrange(20..<24, with: Array("XYZ ".utf8))
        profile.replaceSubrange(36..<40, with: Array("acsp".utf8))
        // The light that every profile is for, D50.
        profile.replaceSubrange(68..<80, with: [0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D])
        return profile
    }

    /// EXIF data that asks for an orientation, behind an entry of another kind.
    static func exif(_ orientation: Int, isLittle: Bool) -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
            return isLittle ? bytes : bytes.reversed()
        }
        var exif = Array((isLittle ? "II" : "MM").utf8) + number(42, 2) + number(8, 4) + number(2, 2)
        exif += number(0x010E, 2) + number(2, 2) + number(4, 4) + Array("fox\0".utf8)
        return exif + number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + [0, 0] + number(0, 4)
    }

    /// A JPEG file with one more segment behind its first.
    static func adding(_ segment: [UInt8], _ marker: UInt8, to file: ByteBuffer) -> ByteBuffer {
        var bytes = Array(file.readableBytesView)
        let length = segment.count + 2
        bytes.insert(contentsOf: [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + segment, at: 2)
        return ByteBuffer(bytes: bytes)
    }
}
