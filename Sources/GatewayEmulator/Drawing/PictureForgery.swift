// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Pictures that are not what they say.
enum PictureForgery {
    /// The size that ``claiming(_:format:)`` is used with: 10.8 gigabytes when decoded.
    static let hugeSize = PixelSize(60_000, 60_000)

    /// Rewrites a file's header so that it claims another size, with a right checksum.
    static func claiming(_ size: PixelSize, _ file: [UInt8], format: PictureFormat) -> [UInt8] {
        var forged = file
        if format == .png, file.count > 33 {
            forged.replaceSubrange(16..<20, with: big(size.width, 4))
            forged.replaceSubrange(20..<24, with: big(size.height, 4))
            let checksum = forged.withUnsafeBytes { CyclicChecksum.of(UnsafeRawBufferPointer(rebasing: $0[12..<29])) }
            forged.replaceSubrange(29..<33, with: big(Int(checksum), 4))
        } else if let frame = frameHeader(file) {
            forged.replaceSubrange(frame + 5..<frame + 7, with: big(size.height, 2))
            forged.replaceSubrange(frame + 7..<frame + 9, with: big(size.width, 2))
        }
        return forged
    }

    /// Bytes that are no picture.
    static func garbage(_ count: Int, seed: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        PicturePadding.appendNoise(count, seed: seed, to: &bytes)
        return bytes
    }

    /// The place of a JPEG's first frame header.
    private static func frameHeader(_ file: [UInt8]) -> Int? {
        var place = 2
        while place + 9 <= file.count, file[place] == 0xFF {
            let marker = file[place + 1]
            if (0xC0...0xCF).contains(marker), marker != 0xC4, marker != 0xC8, marker != 0xCC { return place }
            place += 2 + Int(file[place + 2]) << 8 + Int(file[place + 3])
        }
        return nil
    }

    private static func big(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
