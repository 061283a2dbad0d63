// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A text broken into lines, and the size of its dots.
struct TextLayout: Sendable, Equatable {
    /// The lines, from the top.
    var lines: [String]
    /// Half the pixels of a dot of the font as it was drawn.
    var scale: Int

    /// How many characters of a prompt are shown at most.
    static let longestText = 700

    /// The widest line in pixels.
    var width: Int {
        max(0, (lines.map(\.count).max() ?? 0) * BitmapFont.advance - 2) * scale / 2
    }

    /// All lines in pixels.
    var height: Int {
        max(0, (lines.count - 1) * BitmapFont.lineHeight + BitmapFont.height) * scale / 2
    }

    /// Lays a text out as large as fits.
    ///
    /// - Parameters:
    ///   - text: The text; its line breaks are kept, its other control characters become spaces.
    ///   - width: The pixels there are from left to right.
    ///   - height: The pixels there are from top to bottom.
    ///   - largest: The largest scale that looks well.
    /// - Returns: The lines; what has no room even at the smallest scale is left out, and dots say so.
    static func fitting(_ text: String, width: Int, height: Int, largest: Int) -> TextLayout {
        let paragraphs = paragraphs(of: text)
        for scale in stride(from: max(largest, 1), through: 1, by: -1) {
            let columns = columns(in: width, scale: scale)
            let layout = TextLayout(lines: paragraphs.flatMap { wrapped($0, columns: columns) }, scale: scale)
            if layout.height <= height, scale == 1 || columns >= 8 { return layout }
        }
        return cut(paragraphs, width: width, height: height)
    }

    private static func columns(in width: Int, scale: Int) -> Int {
        max(1, (width * 2 / scale + 2) / BitmapFont.advance)
    }

    private static func cut(_ paragraphs: [[Substring]], width: Int, height: Int) -> TextLayout {
        let columns = columns(in: width, scale: 1)
        let fitting = max(1, (height * 2 - BitmapFont.height) / BitmapFont.lineHeight + 1)
        var lines = Array(paragraphs.flatMap { wrapped($0, columns: columns) }.prefix(fitting))
        if let last = lines.popLast() { lines.append(last.prefix(max(0, columns - 3)) + "...") }
        return TextLayout(lines: lines, scale: 1)
    }

    private static func paragraphs(of text: String) -> [[Substring]] {
        let shown = text.count > longestText ? text.prefix(longestText) + "..." : text[...]
        return shown.split(whereSeparator: \.isNewline).map { line in
            line.split { $0.isWhitespace || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control } }
        }
    }

    /// Breaks one paragraph at spaces, and a word that is longer than a line wherever the line ends.
    private static func wrapped(_ words: [Substring], columns: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in words {
            var word = word
            if !line.isEmpty, line.count + 1 + word.count <= columns {
                line += " " + word
                continue
            }
            if !line.isEmpty { lines.append(line) }
            while word.count > columns {
                lines.append(String(word.prefix(columns)))
                word = word.dropFirst(columns)
            }
            line = String(word)
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }
}
