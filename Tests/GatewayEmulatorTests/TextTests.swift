// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GatewayEmulator

@Suite struct TextTests {
    @Test func `a text is broken at spaces and as large as fits`() {
        let layout = TextLayout.fitting("A red fox in the snow", width: 130, height: 200, largest: 4)

        #expect(layout.scale == 2)
        #expect(layout.lines.joined(separator: " ") == "A red fox in the snow")
        #expect(layout.width <= 130)
        #expect(layout.height <= 200)
    }

    @Test(arguments: [1, 5, 40, 5000])
    func `whatever the text, it stays inside`(words: Int) {
        let text = String(repeating: "Donaudampfschiff fox ", count: words)

        for room in [(width: 20, height: 12), (width: 160, height: 100), (width: 900, height: 600)] {
            let layout = TextLayout.fitting(text, width: room.width, height: room.height, largest: 8)

            #expect(layout.width <= room.width)
            #expect(layout.height <= room.height)
            #expect(!layout.lines.isEmpty)
        }
    }

    @Test func `line breaks of the prompt are kept`() {
        let layout = TextLayout.fitting("one\ntwo three\r\nfour", width: 2000, height: 2000, largest: 2)

        #expect(layout.lines == ["one", "two three", "four"])
    }

    @Test func `what has no room is cut, and dots say so`() {
        let layout = TextLayout.fitting(String(repeating: "word ", count: 100), width: 100, height: 40, largest: 4)

        #expect(layout.lines.last?.hasSuffix("...") == true)
    }

    @Test func `every printable ASCII character has a letter of its own`() {
        let missing = BitmapFont.glyph("\u{72D0}").rows
        let letters = (33...126).map { BitmapFont.glyph(Character(UnicodeScalar($0))).rows }

        #expect(Set(letters).count == 94)
        #expect(!letters.contains(missing))
    }

    @Test func `a character the font lacks is a box that can be seen`() {
        let rows = BitmapFont.glyph("\u{72D0}").rows

        #expect(rows[0] == [0..<10])
        #expect(rows[6] == [0..<2, 8..<10])
    }

    @Test(arguments: [("\u{201C}", "\""), ("\u{2019}", "'"), ("\u{2014}", "-")])
    func `typographic characters look like plain ones`(fancy: String, plain: String) {
        #expect(BitmapFont.glyph(Character(fancy)).rows == BitmapFont.glyph(Character(plain)).rows)
    }
}
