// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A color of three bytes.
struct Color: Sendable, Hashable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Reads `0xRRGGBB`.
    init(_ hex: UInt32) {
        red = UInt8(truncatingIfNeeded: hex >> 16)
        green = UInt8(truncatingIfNeeded: hex >> 8)
        blue = UInt8(truncatingIfNeeded: hex)
    }

    /// This color with a share of another, 0 to 1.
    func mixed(with other: Color, _ share: Double) -> Color {
        Color(
            red: Self.mix(red, other.red, share),
            green: Self.mix(green, other.green, share),
            blue: Self.mix(blue, other.blue, share)
        )
    }

    private static func mix(_ from: UInt8, _ to: UInt8, _ share: Double) -> UInt8 {
        UInt8(clamping: Int((Double(from) + (Double(to) - Double(from)) * share).rounded()))
    }
}

/// The colors of one landscape, from far to near.
struct Palette: Sendable {
    let skyTop: Color
    let skyBottom: Color
    let sun: Color
    let far: Color
    let middle: Color
    let near: Color

    private init(_ colors: [UInt32]) {
        skyTop = Color(colors[0])
        skyBottom = Color(colors[1])
        sun = Color(colors[2])
        far = Color(colors[3])
        middle = Color(colors[4])
        near = Color(colors[5])
    }

    /// The landscapes there are.
    static let all: [Palette] = [
        Palette([0x2B3A67, 0xF4A988, 0xFFE3A3, 0x8E5572, 0x5E3C58, 0x352544]),
        Palette([0x0F4C75, 0xBBE1FA, 0xFFF1C1, 0x3282B8, 0x1B5F8C, 0x0B2F4A]),
        Palette([0x7FB7BE, 0xF2E9C9, 0xFFD166, 0x6A994E, 0x386641, 0x1F3B2C]),
        Palette([0xE9A178, 0xFFE8C2, 0xFFF6E0, 0xD98E5F, 0xA65E3A, 0x5C3221]),
        Palette([0x0B1026, 0x3A3F73, 0xF5F0D8, 0x2A2F5A, 0x1B2044, 0x0D1028]),
        Palette([0x6A4C93, 0xF7CAD0, 0xFFF3B0, 0x9D7BB8, 0x6E4F91, 0x3B2A55]),
        Palette([0x2A9D8F, 0xE9F5DB, 0xFFB703, 0x52B788, 0x2D8068, 0x134E4A]),
        Palette([0xC9486A, 0xFFD9C7, 0xFFF0F3, 0xB5476A, 0x80304F, 0x4A1630]),
        Palette([0x5FA8D3, 0xEAF6FF, 0xFFFFFF, 0xA9CFE6, 0x6FA3C7, 0x1B4965]),
        Palette([0x264653, 0xE9C46A, 0xFFE8B0, 0xE76F51, 0xA44A3F, 0x3D1F1F]),
    ]
}
