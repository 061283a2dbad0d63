// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Tells whether a picture's file goes on to its end: half a picture is none, whatever its header says.
///
/// Nothing is decoded; a file with a hole in its middle is not found out.
public enum PictureEnd {
    /// How far in front of a file's end its picture may end: cameras and editors write a little behind it.
    public static let slack = 64 << 10

    /// The mark of a PNG's last chunk with its checksum, which is always the same.
    private static let lastChunk: [UInt8] = [0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]
    private static let endOfImage: [UInt8] = [0xFF, 0xD9]

    /// Whether a file is whole.
    public static func isThere(in file: ByteBuffer, _ format: PictureFormat) -> Bool {
        let bytes = file.readableBytesView
        return isThere(format, head: bytes, tail: bytes, count: bytes.count)
    }

    /// Whether a file is whole of which only both ends are at hand.
    ///
    /// - Parameters:
    ///   - format: What its header says.
    ///   - head: At least its first eight bytes.
    ///   - tail: Its last bytes, as many as ``slack`` if it has so many.
    ///   - count: How many bytes it has.
    public static func isThere(_ format: PictureFormat, head: ByteBufferView, tail: ByteBufferView, count: Int) -> Bool
    {
        switch format {
        case .png: return ends(tail, with: lastChunk)
        case .jpeg: return ends(tail, with: endOfImage)
        case .webp:
            // The file says at its beginning how long it is.
            let length = head.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            return count >= length + 8
        }
    }

    private static func ends(_ tail: ByteBufferView, with mark: [UInt8]) -> Bool {
        if tail.suffix(mark.count).elementsEqual(mark) { return true }
        return tail.suffix(slack).withUnsafeBytes { bytes in
            guard bytes.count > mark.count else { return false }
            return (0...(bytes.count - mark.count)).contains { start in
                bytes[start] == mark[0] && mark.indices.allSatisfy { bytes[start + $0] == mark[$0] }
            }
        }
    }
}
