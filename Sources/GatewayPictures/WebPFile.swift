// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CWebP
import GatewayCore
import NIOCore

/// Reads and writes WebP files; the only file that knows libwebp.
enum WebPFile {
    /// The longest side that the format has.
    static let sideLimit = 16_383

    /// Opens a still picture, lossy or lossless.
    static func decode(_ file: UnsafeRawBufferPointer) throws(TranscodingError) -> DecodedPicture {
        let bytes = file.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var features = WebPBitstreamFeatures()
        guard WebPGetFeatures(bytes, file.count, &features) == VP8_STATUS_OK else { throw .damaged }
        guard features.has_animation == 0 else {
            throw TranscodingError("An animated picture cannot be brought into another format.")
        }
        let hasAlpha = features.has_alpha != 0
        let raster = try Raster(
            PixelSize(Int(features.width), Int(features.height)),
            channels: hasAlpha ? 4 : 3
        )
        let (pixels, stride) = (raster.pixels, Int32(raster.stride))
        let decoded =
            hasAlpha
            ? WebPDecodeRGBAInto(bytes, file.count, pixels.baseAddress, pixels.count, stride)
            : WebPDecodeRGBInto(bytes, file.count, pixels.baseAddress, pixels.count, stride)
        guard decoded != nil else { throw .damaged }
        let (profile, orientation) = besides(file)
        return DecodedPicture(raster: raster, profile: profile, orientation: orientation)
    }

    /// Writes a lossy file; transparency stays as it is.
    static func encode(
        _ raster: borrowing Raster,
        _ profile: ColorProfile?,
        quality: Int
    ) throws(TranscodingError) -> ByteBuffer {
        if raster.channels == 1 { return try encode(raster.colored(), profile, quality: quality) }
        var file: UnsafeMutablePointer<UInt8>?
        defer { WebPFree(file) }
        let (width, height) = (Int32(raster.size.width), Int32(raster.size.height))
        let (pixels, stride, quality) = (raster.pixels.baseAddress, Int32(raster.stride), Float(quality))
        let length =
            raster.channels == 4
            ? WebPEncodeRGBA(pixels, width, height, stride, quality, &file)
            : WebPEncodeRGB(pixels, width, height, stride, quality, &file)
        guard length > 0 else { throw TranscodingError("The picture could not be written as WebP.") }
        let bytes = UnsafeRawBufferPointer(start: file, count: length)
        return profile.flatMap { joined(bytes, $0) } ?? ByteBuffer(bytes: bytes)
    }

    /// Profile and orientation, which stand beside the pixels.
    private static func besides(_ file: UnsafeRawBufferPointer) -> (ColorProfile?, Orientation) {
        var data = data(file)
        guard let mux = WebPMuxCreate(&data, 0) else { return (nil, .upright) }
        defer { WebPMuxDelete(mux) }
        func chunk(_ name: String) -> UnsafeRawBufferPointer? {
            var chunk = WebPData()
            guard WebPMuxGetChunk(mux, name, &chunk) == WEBP_MUX_OK else { return nil }
            return UnsafeRawBufferPointer(start: chunk.bytes, count: chunk.size)
        }
        let profile = chunk("ICCP").flatMap { ColorProfile($0, channels: 3) }
        return (profile, chunk("EXIF").map { Orientation(exif: $0) } ?? .upright)
    }

    /// The file with the profile; `nil` if that cannot be had.
    private static func joined(_ file: UnsafeRawBufferPointer, _ profile: ColorProfile) -> ByteBuffer? {
        var data = data(file)
        guard let mux = WebPMuxCreate(&data, 0) else { return nil }
        defer { WebPMuxDelete(mux) }
        return profile.bytes.withUnsafeBytes { bytes in
            var chunk = Self.data(bytes)
            var whole = WebPData()
            guard WebPMuxSetChunk(mux, "ICCP", &chunk, 0) == WEBP_MUX_OK,
                WebPMuxAssemble(mux, &whole) == WEBP_MUX_OK
            else { return nil }
            defer { WebPDataClear(&whole) }
            return ByteBuffer(bytes: UnsafeRawBufferPointer(start: whole.bytes, count: whole.size))
        }
    }

    private static func data(_ bytes: UnsafeRawBufferPointer) -> WebPData {
        WebPData(bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: bytes.count)
    }
}
