// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How a picture must be turned before it is looked at, as EXIF numbers it.
enum Orientation: Int, CaseIterable {
    case upright = 1
    case mirrored, upsideDown, flipped, transposed, clockwise, transversed, counterclockwise

    /// Reads the orientation out of EXIF data; upright if there is none to be read.
    ///
    /// - Parameter exif: TIFF data, with or without the name in front that JPEG gives it.
    init(exif: UnsafeRawBufferPointer) {
        self = Self.read(exif).flatMap(Orientation.init(rawValue:)) ?? .upright
    }

    /// Whether width and height change places.
    var swapsSides: Bool { rawValue >= 5 }

    /// Where the first pixel of the turned picture comes from, and how far its neighbors are from there, in pixels.
    func way(through size: PixelSize) -> (start: Int, right: Int, down: Int) {
        let (width, last) = (size.width, size.width * size.height - 1)
        return switch self {
        case .upright: (0, 1, width)
        case .mirrored: (width - 1, -1, width)
        case .upsideDown: (last, -1, -width)
        case .flipped: (last - width + 1, 1, -width)
        case .transposed: (0, width, 1)
        case .clockwise: (last - width + 1, -width, 1)
        case .transversed: (last, -width, -1)
        case .counterclockwise: (width - 1, width, -1)
        }
    }

    private static func read(_ exif: UnsafeRawBufferPointer) -> Int? {
        let name = Array("Exif\0\0".utf8)
        let tiff = exif.starts(with: name) ? UnsafeRawBufferPointer(rebasing: exif[name.count...]) : exif
        let isLittle = tiff.starts(with: Array("II".utf8))
        guard isLittle || tiff.starts(with: Array("MM".utf8)) else { return nil }
        func number(_ place: Int, _ count: Int) -> Int? {
            guard place >= 0, place + count <= tiff.count else { return nil }
            let bytes = tiff[place..<(place + count)]
            return (isLittle ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
        }
        guard number(2, 2) == 42, let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
        for entry in 0..<entries {
            let place = directory + 2 + entry * 12
            guard let tag = number(place, 2) else { return nil }
            // A short, one of them, in the first bytes of the value.
            if tag == 0x0112 { return number(place + 2, 2) == 3 ? number(place + 8, 2) : nil }
        }
        return nil
    }
}
