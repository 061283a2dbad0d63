// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Fills picture files up to a size, without changing what they show.
enum PicturePadding {
    /// Fills a PNG file up: a private ancillary chunk in front of its last one.
    ///
    /// - Parameters:
    ///   - file: A PNG file.
    ///   - size: The wanted number of bytes.
    ///   - seed: What the filling follows from.
    /// - Returns: A file of that size; up to 12 bytes longer if less than the frame of a chunk was missing; the same
    ///   file if nothing was.
    static func png(_ file: [UInt8], to size: Int?, seed: UInt64) -> [UInt8] {
        let frame = 12
        guard let size, file.count < size, file.count >= frame else { return file }
        let count = max(0, size - file.count - frame)
        var padded: [UInt8] = []
        padded.reserveCapacity(file.count + frame + count)
        padded.append(contentsOf: file.dropLast(frame))
        append(big: UInt32(count), to: &padded)
        let start = padded.count
        // Lower case, lower, upper, lower: ancillary, private, as the standard wants it, safe to copy.
        padded.append(contentsOf: "emUl".utf8)
        appendNoise(count, seed: seed, to: &padded)
        let checksum = padded.withUnsafeBytes { CyclicChecksum.of(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        append(big: checksum, to: &padded)
        padded.append(contentsOf: file.suffix(frame))
        return padded
    }

    /// Fills a JPEG file up: comments behind its picture, where readers of the header do not meet them.
    ///
    /// - Parameters:
    ///   - file: A JPEG file.
    ///   - size: The wanted number of bytes.
    ///   - seed: What the filling follows from.
    /// - Returns: A file of that size; the same file if less than the frame of a comment, 4 bytes, was missing.
    static func jpeg(_ file: [UInt8], to size: Int?, seed: UInt64) -> [UInt8] {
        let frame = 4
        let longest = 2 + 0xFFFF
        guard let size, size - file.count >= frame, file.count >= 4 else { return file }
        var padded: [UInt8] = []
        padded.reserveCapacity(size)
        padded.append(contentsOf: file.dropLast(2))
        var missing = size - file.count
        while missing > 0 {
            // The rest must be long enough for a comment of its own.
            let length = missing <= longest ? missing : min(longest, missing - frame)
            padded.append(contentsOf: [0xFF, 0xFE, UInt8((length - 2) >> 8), UInt8((length - 2) & 0xFF)])
            appendNoise(length - frame, seed: seed &+ UInt64(missing), to: &padded)
            missing -= length
        }
        padded.append(contentsOf: file.suffix(2))
        return padded
    }

    /// Appends bytes that do not compress.
    static func appendNoise(_ count: Int, seed: UInt64, to bytes: inout [UInt8]) {
        // One block over and over: it is longer than the window of the usual compressions.
        let block = noise(min(count, 1 << 16), seed: seed)
        var missing = count
        while missing > 0 {
            bytes.append(contentsOf: block.prefix(missing))
            missing -= block.count
        }
    }

    private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        var noise: [UInt8] = []
        noise.reserveCapacity(count + 8)
        while noise.count < count {
            withUnsafeBytes(of: random.next().littleEndian) { noise.append(contentsOf: $0) }
        }
        return Array(noise.prefix(count))
    }

    static func append(big value: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
