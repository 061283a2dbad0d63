// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CTurboJPEG
import GatewayCore
import NIOCore

/// Reads and writes JPEG files by TurboJPEG, whose functions return their errors; the only file that knows it.
enum JPEGFile {
    /// The longest side that libjpeg writes.
    static let sideLimit = 65_500

    /// Opens a file, CMYK too.
    static func decode(_ file: UnsafeRawBufferPointer) throws(TranscodingError) -> DecodedPicture {
        guard let handle = tjInitDecompress() else { throw TranscodingError("JPEG pictures cannot be opened now.") }
        defer { tjDestroy(handle) }
        let bytes = file.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var (width, height, sampling, space) = (Int32(0), Int32(0), Int32(-1), Int32(-1))
        // It also complains about unusual sampling, which is no obstacle to decoding; what it found counts.
        _ = tjDecompressHeader3(handle, bytes, UInt(file.count), &width, &height, &sampling, &space)
        guard width > 0, height > 0, space >= 0 else { throw .damaged }
        let isPrint = space == Int32(TJCS_CMYK.rawValue) || space == Int32(TJCS_YCCK.rawValue)
        let isGray = space == Int32(TJCS_GRAY.rawValue)
        let layout = isPrint ? TJPF_CMYK : isGray ? TJPF_GRAY : TJPF_RGB
        var raster = try Raster(PixelSize(Int(width), Int(height)), channels: isPrint ? 4 : isGray ? 1 : 3)
        // Warnings are what a truncated file gives. A file of endless scans would take hours.
        let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
        guard
            tjDecompress2(
                handle,
                bytes,
                UInt(file.count),
                raster.pixels.baseAddress,
                width,
                Int32(raster.stride),
                height,
                Int32(layout.rawValue),
                flags
            ) == 0
        else { throw .damaged }
        let segments = JPEGSegments(file)
        let profile = segments.profile.withUnsafeBytes { bytes in
            ColorProfile(bytes, channels: isGray ? 1 : 3)
        }
        if isPrint { raster.printToScreen(isInverted: segments.isAdobe) }
        return DecodedPicture(raster: raster, profile: profile, orientation: segments.orientation)
    }

    /// Writes a file of a gray or RGB picture.
    static func encode(
        _ raster: borrowing Raster,
        _ profile: ColorProfile?,
        quality: Int
    ) throws(TranscodingError) -> ByteBuffer {
        guard let handle = tjInitCompress() else { throw TranscodingError("JPEG pictures cannot be written now.") }
        defer { tjDestroy(handle) }
        var file: UnsafeMutablePointer<UInt8>?
        var length: UInt = 0
        defer { tjFree(file) }
        let isGray = raster.channels == 1
        // Whoever asks for much quality does not want the colors halved.
        let sampling = isGray ? TJSAMP_GRAY : quality >= 90 ? TJSAMP_444 : TJSAMP_420
        guard
            tjCompress2(
                handle,
                raster.pixels.baseAddress,
                Int32(raster.size.width),
                Int32(raster.stride),
                Int32(raster.size.height),
                Int32((isGray ? TJPF_GRAY : TJPF_RGB).rawValue),
                &file,
                &length,
                Int32(sampling.rawValue),
                Int32(min(max(quality, 1), 100)),
                0
            ) == 0, let file
        else { throw TranscodingError("The picture could not be written as JPEG.") }
        return joined(UnsafeRawBufferPointer(start: file, count: Int(length)), profile)
    }

    /// The file with the profile behind its first segment, which is JFIF's and must stay the first.
    private static func joined(_ file: UnsafeRawBufferPointer, _ profile: ColorProfile?) -> ByteBuffer {
        guard let profile, file.count > 6, file[3] == 0xE0 else { return ByteBuffer(bytes: file) }
        let head = 4 + (Int(file[4]) << 8 | Int(file[5]))
        let segments = JPEGSegments.carrying(profile)
        var joined = ByteBufferAllocator().buffer(capacity: file.count + segments.count)
        joined.writeBytes(file.prefix(head))
        joined.writeBytes(segments)
        joined.writeBytes(file.dropFirst(head))
        return joined
    }
}
