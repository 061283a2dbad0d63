// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CPNG
import GatewayCore
import NIOCore

/// Reads and writes PNG files; the only file that knows libpng.
enum PNGFile {
    /// Opens a file, whatever its depth and kind of color.
    static func decode(_ file: UnsafeRawBufferPointer) throws(TranscodingError) -> DecodedPicture {
        var reader = gateway_png_reader()
        reader.rest = file.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reader.count = file.count
        defer { gateway_png_close(&reader) }
        guard gateway_png_read_header(&reader) == 1 else { throw .damaged }
        let raster = try Raster(
            PixelSize(Int(reader.width), Int(reader.height)),
            channels: Int(reader.channels)
        )
        guard let pixels = raster.pixels.baseAddress, gateway_png_read_pixels(&reader, pixels) == 1 else {
            throw .damaged
        }
        let profile = UnsafeRawBufferPointer(start: reader.profile, count: Int(reader.profile_size))
        let exif = UnsafeRawBufferPointer(start: reader.exif, count: Int(reader.exif_size))
        let colors = ColorProfile(profile, channels: raster.channels)
        return DecodedPicture(raster: raster, profile: colors, orientation: Orientation(exif: exif))
    }

    /// Writes a file.
    static func encode(_ raster: borrowing Raster, _ profile: ColorProfile?) throws(TranscodingError) -> ByteBuffer {
        var writer = gateway_png_writer()
        defer { gateway_png_finish(&writer) }
        guard let pixels = raster.pixels.baseAddress,
            gateway_png_write(
                &writer,
                pixels,
                UInt32(raster.size.width),
                UInt32(raster.size.height),
                Int32(raster.channels),
                profile?.bytes,
                UInt32(profile?.bytes.count ?? 0)
            ) == 1
        else { throw TranscodingError("The picture could not be written as PNG.") }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: writer.bytes, count: writer.count))
    }
}
