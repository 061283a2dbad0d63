// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Draws the emulator's pictures: a landscape that follows from prompt and variation, with the prompt written on it.
struct Landscape: ~Copyable {
    private var canvas: Canvas
    private var random: SeededGenerator
    private let palette: Palette
    private let sky: [Color]

    private var width: Double { Double(canvas.size.width) }
    private var height: Double { Double(canvas.size.height) }

    private init(_ order: PictureOrder) {
        canvas = Canvas(order.size)
        random = SeededGenerator(order.prompt, order.variation)
        let palette = Palette.all[random.place(below: Palette.all.count)]
        self.palette = palette
        let horizon = Double(order.size.height) * 0.85
        sky = (0..<order.size.height).map {
            palette.skyTop.mixed(with: palette.skyBottom, min(1, Double($0) / horizon))
        }
    }

    /// Draws one picture.
    static func draw(_ order: PictureOrder) -> Canvas {
        var landscape = Landscape(order)
        landscape.paintSky()
        landscape.paintSun()
        landscape.paintRidge(landscape.palette.far, top: 0.56, pieces: 3)
        landscape.paintRidge(landscape.palette.middle, top: 0.70, pieces: 4)
        landscape.paintRidge(landscape.palette.near, top: 0.84, pieces: 3)
        landscape.writePrompt(order.prompt)
        landscape.writeLabel(order.label)
        return landscape.finished()
    }

    private consuming func finished() -> Canvas { canvas }

    private mutating func paintSky() {
        for row in sky.indices { canvas.fill(row: row, from: 0, to: canvas.size.width, sky[row]) }
        let dot = max(1, min(width, height) / 400)
        for _ in 0..<24 {
            let spot = (x: random.number(0...width), y: random.number(0...height * 0.5))
            paintDisc(x: spot.x, y: spot.y, radius: random.number(dot...dot * 2.5), palette.sun, opacity: 0.5)
        }
    }

    private mutating func paintSun() {
        let radius = min(width, height) * random.number(0.09...0.15)
        let x = random.number(width * 0.15...width * 0.85)
        let y = height * random.number(0.14...0.34)
        paintDisc(x: x, y: y, radius: radius * 1.7, palette.sun, opacity: 0.22)
        paintDisc(x: x, y: y, radius: radius * 1.3, palette.sun, opacity: 0.4)
        paintDisc(x: x, y: y, radius: radius, palette.sun, opacity: 1)
    }

    /// Paints a disc, mixed into the sky behind it.
    private mutating func paintDisc(x: Double, y: Double, radius: Double, _ color: Color, opacity: Double) {
        let first = max(0, Int((y - radius).rounded(.up)))
        let last = min(canvas.size.height - 1, Int((y + radius).rounded(.down)))
        guard first <= last else { return }
        for row in first...last {
            let down = Double(row) - y
            let half = (radius * radius - down * down).squareRoot()
            canvas.fill(row: row, from: x - half, to: x + half, sky[row].mixed(with: color, opacity))
        }
    }

    /// Paints hills or peaks side by side, and everything below them.
    private mutating func paintRidge(_ color: Color, top: Double, pieces: Int) {
        let crest = height * top
        let isSteep = random.place(below: 2) == 0
        for piece in 0..<pieces {
            let share = width / Double(pieces)
            let x = share * (Double(piece) + random.number(0.1...0.9))
            let rise = min(height * 0.14, share) * random.number(0.5...1)
            let reach = share * random.number(1.0...1.6)
            paintHill(x: x, top: crest - rise, foot: crest + rise, reach: reach, isSteep: isSteep, color)
        }
        let body = Int(crest.rounded())
        canvas.fill(rows: min(body, canvas.size.height)..<canvas.size.height, from: 0, to: canvas.size.width, color)
    }

    private mutating func paintHill(x: Double, top: Double, foot: Double, reach: Double, isSteep: Bool, _ color: Color)
    {
        let first = max(0, Int(top.rounded(.up)))
        let last = min(canvas.size.height - 1, Int(foot.rounded(.down)))
        guard first <= last else { return }
        for row in first...last {
            let depth = (Double(row) - top) / (foot - top)
            let half = reach * (isSteep ? depth : (1 - (1 - depth) * (1 - depth)).squareRoot())
            canvas.fill(row: row, from: x - half, to: x + half, color)
        }
    }

    private mutating func writePrompt(_ prompt: String) {
        let shorter = Int(min(width, height))
        let padding = max(2, shorter / 28)
        let room = (width: Int(width * 0.86) - 2 * padding, height: Int(height * 0.58) - 2 * padding)
        let largest = max(1, min(room.width / 80, room.height / 24, shorter / 80))
        let layout = TextLayout.fitting(prompt, width: room.width, height: room.height, largest: largest)
        guard !layout.lines.isEmpty else { return }
        let left = (canvas.size.width - layout.width) / 2
        let top = max(padding, Int(height * 0.44) - layout.height / 2)
        paintCard(
            left: left - padding,
            top: top - padding,
            width: layout.width + 2 * padding,
            height: layout.height + 2 * padding
        )
        for (place, line) in layout.lines.enumerated() {
            write(
                line,
                x: left,
                y: top + place * BitmapFont.lineHeight * layout.scale / 2,
                layout.scale,
                Color(0xFFFFFF)
            )
        }
    }

    private mutating func paintCard(left: Int, top: Int, width: Int, height: Int) {
        let radius = min(self.width, self.height) / 30
        for row in max(0, top)..<min(canvas.size.height, top + height) {
            let fromEdge = min(row - top, top + height - 1 - row)
            let short = max(0, radius - Double(fromEdge))
            let inset = radius - max(0, radius * radius - short * short).squareRoot()
            let color = sky[row].mixed(with: palette.near.mixed(with: Color(0x101018), 0.35), 0.86)
            canvas.fill(row: row, from: Double(left) + inset, to: Double(left + width) - inset, color)
        }
    }

    /// Writes model and size into the lower left corner.
    private mutating func writeLabel(_ label: String) {
        let shorter = Int(min(width, height))
        let margin = max(2, shorter / 40)
        let longest = max(1, (canvas.size.width - 2 * margin) * 2 / (BitmapFont.advance * max(1, label.count)))
        let scale = max(1, min(shorter / 320, longest))
        let y = canvas.size.height - margin - BitmapFont.height * scale / 2
        write(label, x: margin, y: y, scale, palette.near.mixed(with: Color(0xFFFFFF), 0.8))
    }

    private mutating func write(_ line: String, x: Int, y: Int, _ scale: Int, _ color: Color) {
        var left = x * 2
        for character in line {
            for (row, runs) in BitmapFont.glyph(character).rows.enumerated() where !runs.isEmpty {
                let rows = y + row * scale / 2..<y + (row + 1) * scale / 2
                for run in runs {
                    let from = Double(left + run.lowerBound * scale) / 2
                    let to = Double(left + run.upperBound * scale) / 2
                    for row in rows { canvas.fill(row: row, from: from, to: to, color) }
                }
            }
            left += BitmapFont.advance * scale
        }
    }
}
