// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The letters of ``FontBands``, smoothed to twice as many dots.
enum BitmapFont {
    /// How many dots wide a letter is, the space behind it included.
    static let advance = 12
    /// How many dots lie between two lines' tops.
    static let lineHeight = 22
    /// How many dots high a letter is, from its top to below its tail.
    static let height = 18

    /// One letter: the runs of set dots of each row.
    struct Glyph: Sendable {
        let rows: [[Range<Int>]]

        fileprivate init(dots: [[Bool]]) {
            rows = dots.map(Self.runs)
        }

        private static func runs(_ dots: [Bool]) -> [Range<Int>] {
            var runs: [Range<Int>] = []
            var start: Int?
            for (place, isSet) in (dots + [false]).enumerated() {
                if isSet, start == nil { start = place }
                if !isSet, let from = start {
                    runs.append(from..<place)
                    start = nil
                }
            }
            return runs
        }
    }

    /// The letter of a character; a box for one the font lacks.
    static func glyph(_ character: Character) -> Glyph {
        glyphs[look(character)] ?? missing
    }

    /// Typographic characters are drawn as their plain kin.
    private static func look(_ character: Character) -> Character {
        switch character {
        case "\u{2018}", "\u{2019}", "\u{201A}": "'"
        case "\u{201C}", "\u{201D}", "\u{201E}": "\""
        case "\u{2013}", "\u{2014}", "\u{2212}": "-"
        case "\u{00A0}": " "
        default: character
        }
    }

    private static let glyphs: [Character: Glyph] = {
        var glyphs: [Character: Glyph] = [:]
        for band in FontBands.all {
            for (place, character) in band.characters.enumerated() {
                let dots = band.rows.map { row in row.dropFirst(place * 6).prefix(5).map { $0 == "#" } }
                glyphs[character] = Glyph(dots: smoothed(dots))
            }
        }
        return glyphs
    }()

    private static let missing: Glyph = {
        let box = ["#####", "#...#", "#...#", "#...#", "#...#", "#...#", "#####", ".....", "....."]
        return Glyph(dots: doubled(box.map { row in row.map { $0 == "#" } }))
    }()

    private static func doubled(_ dots: [[Bool]]) -> [[Bool]] {
        dots.flatMap { row in
            let wide = row.flatMap { [$0, $0] }
            return [wide, wide]
        }
    }

    /// Doubles the dots and fills the inner corners of diagonals.
    ///
    /// Where two dots touch only by their corners, the stair between them becomes a slope.
    private static func smoothed(_ dots: [[Bool]]) -> [[Bool]] {
        func isSet(_ row: Int, _ column: Int) -> Bool {
            dots.indices.contains(row) && dots[row].indices.contains(column) && dots[row][column]
        }
        var result = doubled(dots)
        for row in dots.indices {
            for column in dots[row].indices where !isSet(row, column) {
                for (down, right) in [(-1, -1), (-1, 1), (1, -1), (1, 1)] {
                    let beside = isSet(row + down, column) && isSet(row, column + right)
                    guard beside, !isSet(row + down, column + right) else { continue }
                    result[row * 2 + (down > 0 ? 1 : 0)][column * 2 + (right > 0 ? 1 : 0)] = true
                }
            }
        }
        return result
    }
}
