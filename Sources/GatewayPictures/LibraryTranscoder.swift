// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import NIOCore

/// Brings pictures into another format by libpng, libjpeg-turbo and libwebp.
///
/// What is kept: pixels, transparency where the target has it, an RGB or gray ICC profile. What an EXIF orientation asks
/// for is done to the pixels. Everything else beside them is left behind: EXIF with its places and serial numbers, XMP,
/// comments, thumbnails.
public struct LibraryTranscoder: PictureTranscoder {
    /// The quality of JPEG and WebP unless a caller asks for another.
    public static let usualQuality = 95

    /// The most a picture takes on its way, for each of its pixels: decoder, pixels, pixels turned, encoder.
    static let bytesPerPixel = 12

    private let lanes: TranscodingLanes
    /// The most pixels of a picture that can be worked on.
    private let pixelLimit: Int

    /// Creates a transcoder with threads of its own; all callers should share one.
    ///
    /// - Parameters:
    ///   - threads: How many pictures are worked on at once.
    ///   - memory: How many bytes they may take together, about; a picture that needs more alone is refused.
    public init(threads: Int = System.coreCount, memory: Int = 1 << 30) {
        pixelLimit = min(InputPicture.pixelLimit, memory / Self.bytesPerPixel)
        lanes = TranscodingLanes(count: threads, memory: memory)
    }

    /// Encodes a picture anew; see ``PictureTranscoder/transcode(_:to:quality:)``.
    ///
    /// A task that is cancelled while it waits for its turn throws at once; work that has begun runs to its end.
    public func transcode(
        _ picture: ByteBuffer,
        to format: PictureFormat,
        quality: Int?
    ) async throws(TranscodingError) -> ByteBuffer {
        guard let header = PictureHeader(picture.readableBytesView) else { throw .damaged }
        let pixels = header.size.width * header.size.height
        guard pixels <= pixelLimit else {
            throw TranscodingError("The picture has \(header.size) pixels, too many to be encoded anew.")
        }
        return try await lanes.run(bytes: pixels * Self.bytesPerPixel) { () throws(TranscodingError) in
            // The closure that lends the bytes cannot tell what it throws.
            let result = picture.withUnsafeReadableBytes { file in
                Self.transcode(file, header.format, to: format, quality ?? Self.usualQuality)
            }
            return try result.get()
        }
    }

    private static func transcode(
        _ file: UnsafeRawBufferPointer,
        _ from: PictureFormat,
        to format: PictureFormat,
        _ quality: Int
    ) -> Result<ByteBuffer, TranscodingError> {
        do throws(TranscodingError) {
            let picture =
                switch from {
                case .png: try PNGFile.decode(file)
                case .jpeg: try JPEGFile.decode(file)
                case .webp: try WebPFile.decode(file)
                }
            return .success(try encode(picture, format, quality))
        } catch {
            return .failure(error)
        }
    }

    private static func encode(
        _ picture: consuming DecodedPicture,
        _ format: PictureFormat,
        _ quality: Int
    ) throws(TranscodingError) -> ByteBuffer {
        if picture.orientation != .upright { picture.raster = try picture.raster.turned(picture.orientation) }
        let longest = max(picture.raster.size.width, picture.raster.size.height)
        let limit = [.jpeg: JPEGFile.sideLimit, .webp: WebPFile.sideLimit][format] ?? longest
        guard longest <= limit else {
            throw TranscodingError("A \(format.rawValue) picture has at most \(limit) pixels a side, not \(longest).")
        }
        let quality = min(max(quality, 0), 100)
        switch format {
        case .png: return try PNGFile.encode(picture.raster, picture.profile)
        case .jpeg:
            picture.raster.flatten()
            return try JPEGFile.encode(picture.raster, picture.profile, quality: quality)
        case .webp:
            // WebP has no gray: the pixels become RGB, which a gray profile says nothing about.
            let profile = picture.raster.channels == 1 ? nil : picture.profile
            return try WebPFile.encode(picture.raster, profile, quality: quality)
        }
    }
}

extension TranscodingError {
    static let damaged = TranscodingError("The picture is damaged or of a kind that cannot be opened.")
}
