// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// How a picture is encoded.
public enum PictureFormat: String, Sendable, Hashable, Codable, CaseIterable {
    /// Lossless; the default of the API this gateway resembles.
    case png
    /// Lossy, no transparency.
    case jpeg
    /// Lossy or lossless, with transparency.
    case webp

    /// The media type, `image/png` and so on.
    public var mediaType: String { "image/\(rawValue)" }

    /// The usual file name extension, without the dot.
    public var fileExtension: String { self == .jpeg ? "jpg" : rawValue }

    /// The format a media type names, parameters ignored.
    public init?(mediaType: String) {
        let essence = mediaType.prefix { $0 != ";" && $0 != " " }.lowercased()
        switch essence {
        case "image/png": self = .png
        case "image/jpeg", "image/jpg": self = .jpeg
        case "image/webp": self = .webp
        default: return nil
        }
    }
}

/// What the first bytes of a picture tell: its format and its size in pixels.
///
/// Nothing is decoded. The type of a picture is read from its bytes, never from a header or a file name.
public struct PictureHeader: Sendable, Hashable, Codable {
    /// How the picture is encoded.
    public var format: PictureFormat
    /// Its width and height.
    public var size: PixelSize

    /// Creates a header.
    public init(format: PictureFormat, size: PixelSize) {
        self.format = format
        self.size = size
    }

    /// Reads the header of a PNG, JPEG or WebP picture; `nil` if these bytes are none of them.
    ///
    /// - Parameter bytes: The picture from its first byte; a JPEG's size may stand behind tens of kilobytes of
    ///   metadata, so give all there is.
    public init?(_ bytes: ByteBufferView) {
        // Larger sides could not be written as a size and read again.
        let sides = 1...65_535
        if let found = Self.png(bytes) ?? Self.jpeg(bytes) ?? Self.webp(bytes),
            sides.contains(found.size.width), sides.contains(found.size.height)
        {
            self = found
        } else {
            return nil
        }
    }

    /// Whether these bytes, at least twelve, can be the beginning of a PNG, JPEG or WebP picture at all.
    public static func canBegin(_ bytes: ByteBufferView) -> Bool {
        bytes.starts(with: signature) || bytes.big(at: 0, 2) == 0xFFD8
            || (bytes.text(at: 0, 4) == "RIFF" && bytes.text(at: 8, 4) == "WEBP")
    }

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private static func png(_ bytes: ByteBufferView) -> PictureHeader? {
        guard bytes.count >= 24, bytes.starts(with: signature), bytes.text(at: 12, 4) == "IHDR" else { return nil }
        guard let width = bytes.big(at: 16, 4), let height = bytes.big(at: 20, 4) else { return nil }
        return PictureHeader(format: .png, size: PixelSize(width, height))
    }

    /// Walks the segments up to the first frame header (SOF0 to SOF15 without DHT, JPG and DAC).
    private static func jpeg(_ bytes: ByteBufferView) -> PictureHeader? {
        guard bytes.big(at: 0, 2) == 0xFFD8 else { return nil }
        var offset = 2
        while let marker = bytes.big(at: offset, 2) {
            guard marker >> 8 == 0xFF else { return nil }
            let kind = marker & 0xFF
            if kind == 0xFF {
                offset += 1
                continue
            }
            if kind == 0x01 || (0xD0...0xD8).contains(kind) {
                offset += 2
                continue
            }
            guard kind != 0xD9, kind != 0xDA, let length = bytes.big(at: offset + 2, 2), length >= 2 else { return nil }
            if (0xC0...0xCF).contains(kind), kind != 0xC4, kind != 0xC8, kind != 0xCC {
                guard let height = bytes.big(at: offset + 5, 2), let width = bytes.big(at: offset + 7, 2) else {
                    return nil
                }
                return PictureHeader(format: .jpeg, size: PixelSize(width, height))
            }
            offset += 2 + length
        }
        return nil
    }

    private static func webp(_ bytes: ByteBufferView) -> PictureHeader? {
        guard bytes.text(at: 0, 4) == "RIFF", bytes.text(at: 8, 4) == "WEBP" else { return nil }
        switch bytes.text(at: 12, 4) {
        case "VP8 ":
            guard bytes.big(at: 23, 3) == 0x9D012A, let width = bytes.little(at: 26, 2),
                let height = bytes.little(at: 28, 2)
            else { return nil }
            return PictureHeader(format: .webp, size: PixelSize(width & 0x3FFF, height & 0x3FFF))
        case "VP8L":
            guard bytes.big(at: 20, 1) == 0x2F, let bits = bytes.little(at: 21, 4) else { return nil }
            return PictureHeader(format: .webp, size: PixelSize((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        case "VP8X":
            guard let width = bytes.little(at: 24, 3), let height = bytes.little(at: 27, 3) else { return nil }
            return PictureHeader(format: .webp, size: PixelSize(width + 1, height + 1))
        default:
            return nil
        }
    }
}

extension ByteBufferView {
    fileprivate func big(at offset: Int, _ count: Int) -> Int? {
        guard self.count >= offset + count else { return nil }
        return self[startIndex.advanced(by: offset)..<startIndex.advanced(by: offset + count)]
            .reduce(0) { $0 << 8 | Int($1) }
    }

    fileprivate func little(at offset: Int, _ count: Int) -> Int? {
        guard self.count >= offset + count else { return nil }
        return self[startIndex.advanced(by: offset)..<startIndex.advanced(by: offset + count)]
            .reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    fileprivate func text(at offset: Int, _ count: Int) -> String? {
        guard self.count >= offset + count else { return nil }
        return String(
            decoding: self[startIndex.advanced(by: offset)..<startIndex.advanced(by: offset + count)],
            as: UTF8.self
        )
    }
}
