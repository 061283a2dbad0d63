// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// An ICC profile: what the numbers of the pixels mean as colors.
struct ColorProfile {
    /// The profile's own bytes.
    let bytes: [UInt8]

    /// Larger ones are no profile of a picture for screens.
    static let limit = 4 << 20

    /// Takes a profile that fits pixels of so many channels; `nil` for one of other colors, CMYK first of all: the
    /// pixels are not in its colors any more.
    init?(_ bytes: UnsafeRawBufferPointer, channels: Int) {
        guard (128...Self.limit).contains(bytes.count),
            bytes[16..<20].elementsEqual((channels == 1 ? "GRAY" : "RGB ").utf8)
        else { return nil }
        self.bytes = Array(bytes)
    }
}
