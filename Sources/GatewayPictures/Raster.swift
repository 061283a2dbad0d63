// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Pixels in memory, rows from top to bottom without gaps: 1 byte a pixel is gray, 3 are RGB, 4 are RGBA.
struct Raster: ~Copyable {
    /// Width and height.
    let size: PixelSize
    /// Bytes of a pixel.
    private(set) var channels: Int
    private let memory: UnsafeMutableBufferPointer<UInt8>

    /// Takes the memory; what it holds is undefined until a decoder has filled it.
    ///
    /// Every decoder comes through here before it opens a picture: a declared size is checked before it costs anything.
    init(_ size: PixelSize, channels: Int) throws(TranscodingError) {
        guard (1...65_535).contains(size.width), (1...65_535).contains(size.height),
            size.width * size.height <= InputPicture.pixelLimit
        else { throw TranscodingError("The picture has too many pixels.") }
        self.size = size
        self.channels = channels
        memory = .allocate(capacity: size.width * size.height * channels)
    }

    deinit { memory.deallocate() }

    /// Bytes of a row.
    var stride: Int { size.width * channels }

    /// All the bytes of the pixels.
    var pixels: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(rebasing: memory[..<(size.width * size.height * channels)])
    }

    /// Puts transparent parts on white.
    mutating func flatten() {
        guard channels == 4 else { return }
        let pixels = memory
        for pixel in 0..<(size.width * size.height) {
            let (from, to) = (pixel * 4, pixel * 3)
            let alpha = Int(pixels[from + 3])
            for channel in 0..<3 {
                pixels[to + channel] = UInt8((Int(pixels[from + channel]) * alpha + 255 * (255 - alpha) + 127) / 255)
            }
        }
        channels = 3
    }

    /// Takes what is there for CMYK and makes RGB of it, without a profile's help.
    ///
    /// - Parameter isInverted: Whether 255 stands for no ink, as Adobe's programs write it.
    mutating func printToScreen(isInverted: Bool) {
        let pixels = memory
        for pixel in 0..<(size.width * size.height) {
            let (from, to) = (pixel * 4, pixel * 3)
            func light(_ channel: Int) -> Int {
                let stored = Int(pixels[from + channel])
                return isInverted ? stored : 255 - stored
            }
            let black = light(3)
            for channel in 0..<3 { pixels[to + channel] = UInt8((light(channel) * black + 127) / 255) }
        }
        channels = 3
    }

    /// The same picture in RGB, if it is gray.
    func colored() throws(TranscodingError) -> Raster {
        let colored = try Raster(size, channels: 3)
        let (source, target) = (pixels, colored.memory)
        for pixel in source.indices {
            for channel in 0..<3 { target[pixel * 3 + channel] = source[pixel] }
        }
        return colored
    }

    /// The picture as it is meant to be looked at.
    func turned(_ orientation: Orientation) throws(TranscodingError) -> Raster {
        let (width, height) = (size.width, size.height)
        let turned = try Raster(
            orientation.swapsSides ? PixelSize(height, width) : size,
            channels: channels
        )
        let way = orientation.way(through: size)
        let (source, target) = (pixels, turned.memory)
        var place = 0
        for row in 0..<turned.size.height {
            var from = way.start + row * way.down
            for _ in 0..<turned.size.width {
                for channel in 0..<channels { target[place + channel] = source[from * channels + channel] }
                place += channels
                from += way.right
            }
        }
        return turned
    }
}

/// A picture as a decoder gives it.
struct DecodedPicture: ~Copyable {
    /// The pixels, as they are stored.
    var raster: Raster
    /// The meaning of their colors, if the file tells one that fits the pixels.
    var profile: ColorProfile?
    /// How to turn them.
    var orientation: Orientation
}
