// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Width and height of a picture in pixels; prints as `1024x768`.
public struct PixelSize: Sendable, Hashable, TextCodable {
    /// Pixels from left to right.
    public var width: Int
    /// Pixels from top to bottom.
    public var height: Int

    /// Creates a size.
    public init(_ width: Int, _ height: Int) {
        self.width = width
        self.height = height
    }

    /// Reads `WxH`, each side 1 to 65,535.
    public init?(_ text: String) {
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: "x")) else { return nil }
        let behind = text.utf8.index(after: mark)
        guard let width = Self.side(text[..<mark]), let height = Self.side(text[behind...]) else { return nil }
        self.init(width, height)
    }

    /// `WxH`.
    public var description: String { "\(width)x\(height)" }

    /// Width divided by height.
    public var quotient: Double { Double(width) / Double(height) }

    private static func side(_ text: Substring) -> Int? {
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text),
            (1...65_535).contains(value)
        else {
            return nil
        }
        return value
    }
}

/// The shape of a picture, width to height; prints as `16:9`.
public struct AspectRatio: Sendable, Hashable, TextCodable {
    /// The horizontal share.
    public var width: Int
    /// The vertical share.
    public var height: Int

    /// Creates a ratio.
    public init(_ width: Int, _ height: Int) {
        self.width = width
        self.height = height
    }

    /// Reads `W:H`, each share 1 to 9,999.
    public init?(_ text: String) {
        let shares = text.split(separator: ":", omittingEmptySubsequences: false)
        guard shares.count == 2, shares.allSatisfy({ (1...4).contains($0.count) && $0.allSatisfy(\.isASCIIDigit) }),
            let width = Int(shares[0]), let height = Int(shares[1]), width > 0, height > 0
        else { return nil }
        self.init(width, height)
    }

    /// `W:H`.
    public var description: String { "\(width):\(height)" }

    /// Width divided by height.
    public var quotient: Double { Double(width) / Double(height) }
}

/// A vendor's resolution class: how large, whatever the shape.
public enum SizeTier: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// About half a thousand pixels on the mean side.
    case half = "512"
    /// About a thousand.
    case oneK = "1K"
    /// About two thousand.
    case twoK = "2K"
    /// About four thousand.
    case fourK = "4K"

    /// The mean side in pixels.
    public var side: Int {
        switch self {
        case .half: 512
        case .oneK: 1024
        case .twoK: 2048
        case .fourK: 4096
        }
    }

    /// Smaller tiers first.
    public static func < (left: SizeTier, right: SizeTier) -> Bool { left.side < right.side }

    /// The tier whose mean side is nearest, boundaries half-way: 768, 1536, 3072.
    public static func nearest(to size: PixelSize) -> SizeTier {
        let side = (Double(size.width) * Double(size.height)).squareRoot()
        return allCases.first { side < Double($0.side) * 1.5 } ?? .fourK
    }
}

/// What a caller may write as `size`.
public enum RequestedSize: Sendable, Hashable, TextCodable {
    /// An exact size, `WxH`.
    case pixels(PixelSize)
    /// A resolution class, `1K`, `2K` or `4K`.
    case tier(SizeTier)
    /// A shape, `16:9`.
    case ratio(AspectRatio)

    /// Reads a `size`; `auto` is not one of them, it means no wish.
    public init?(_ text: String) {
        if let tier = SizeTier(rawValue: text.uppercased()) {
            self = .tier(tier)
        } else if let pixels = PixelSize(text.lowercased()) {
            self = .pixels(pixels)
        } else if let ratio = AspectRatio(text) {
            self = .ratio(ratio)
        } else {
            return nil
        }
    }

    /// The text a caller would write.
    public var description: String {
        switch self {
        case .pixels(let size): size.description
        case .tier(let tier): tier.rawValue
        case .ratio(let ratio): ratio.description
        }
    }
}

extension Character {
    /// Whether this is one of `0` to `9`, and no other script's digit.
    var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
