// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A picture being drawn: three bytes to a pixel, rows from the top.
///
/// Everything is drawn as horizontal runs of one color, which are copied by doubling: a run costs a few `memcpy`, so
/// that drawing stays cheap in unoptimized builds too.
struct Canvas: ~Copyable {
    /// Bytes to a pixel.
    static let channels = 3

    let size: PixelSize
    private let pixels: UnsafeMutableRawBufferPointer

    init(_ size: PixelSize) {
        self.size = size
        pixels = .allocate(byteCount: size.width * size.height * Self.channels, alignment: 16)
        pixels.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { pixels.deallocate() }

    /// Lends the pixels to an encoder.
    borrowing func withPixels<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(pixels))
    }

    /// Paints whole pixels of a row, from one column to before another; what lies outside is left out.
    mutating func fill(row: Int, from: Int, to: Int, _ color: Color) {
        let from = max(from, 0)
        let to = min(to, size.width)
        guard row >= 0, row < size.height, from < to else { return }
        let start = (row * size.width + from) * Self.channels
        let length = (to - from) * Self.channels
        pixels[start] = color.red
        pixels[start + 1] = color.green
        pixels[start + 2] = color.blue
        guard let base = pixels.baseAddress?.advanced(by: start) else { return }
        var done = Self.channels
        while done < length {
            let count = min(done, length - done)
            base.advanced(by: done).copyMemory(from: base, byteCount: count)
            done += count
        }
    }

    /// Paints a run with edges between pixels: the pixels at both ends get their share of the color.
    mutating func fill(row: Int, from: Double, to: Double, _ color: Color) {
        guard from < to, from < Double(size.width), to > 0 else { return }
        let first = Int(from.rounded(.up))
        let last = Int(to.rounded(.down))
        fill(row: row, from: first, to: last, color)
        blend(row: row, column: first - 1, color, Double(first) - from)
        blend(row: row, column: last, color, to - Double(last))
    }

    /// Paints a rectangle.
    mutating func fill(rows: Range<Int>, from: Int, to: Int, _ color: Color) {
        for row in rows { fill(row: row, from: from, to: to, color) }
    }

    private mutating func blend(row: Int, column: Int, _ color: Color, _ share: Double) {
        guard share > 0, row >= 0, row < size.height, column >= 0, column < size.width else { return }
        let place = (row * size.width + column) * Self.channels
        let before = Color(red: pixels[place], green: pixels[place + 1], blue: pixels[place + 2])
        let after = before.mixed(with: color, min(share, 1))
        pixels[place] = after.red
        pixels[place + 1] = after.green
        pixels[place + 2] = after.blue
    }
}
