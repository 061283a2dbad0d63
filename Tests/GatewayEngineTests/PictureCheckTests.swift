// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import NIOCore
import Testing

@Suite struct PictureCheckTests {
    private static func wrapped(_ text: ByteBuffer, _ columns: Int, _ lineEnd: String) -> ByteBuffer {
        var wrapped = ByteBuffer()
        var text = text
        while let line = text.readSlice(length: min(columns, text.readableBytes)), line.readableBytes > 0 {
            wrapped.writeImmutableBuffer(line)
            wrapped.writeString(lineEnd)
        }
        return wrapped
    }

    /// A picture so long that its base64 is looked at in pieces.
    private static func long() -> ByteBuffer {
        var picture = Picture.png(9)
        picture.writeRepeatingByte(0xFB, count: 20_000)
        return picture
    }

    static let garbage: [(String, ImageSource)] = [
        ("nothing", .bytes(ByteBuffer())),
        ("nothing in base64", .base64(ByteBuffer())),
        ("text", .bytes(ByteBuffer(string: "I cannot draw that."))),
        ("text in base64", .base64(Base64.encode(ByteBuffer(string: "I cannot draw that.")))),
        ("not base64", .base64(ByteBuffer(string: "*** no base64 ***"))),
        ("svg", .bytes(ByteBuffer(string: "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"/>"))),
        ("half a header", .bytes(Picture.png(8).getSlice(at: 0, length: 20) ?? ByteBuffer())),
        ("no pixels", .bytes(Picture.png(0))),
        ("a bomb", .bytes(Picture.png(50_000, 50_000))),
        ("a bomb in base64", .base64(Base64.encode(Picture.png(50_000, 50_000)))),
    ]

    @Test(arguments: garbage)
    func `what is no picture is never taken for one`(_ source: (String, ImageSource)) {
        let error = #expect(throws: ProviderError.self) {
            try CheckedPicture(source.1, revisedPrompt: nil)
        }

        #expect(error?.code == .badPicture)
        #expect(error?.outcome == .unknown)
    }

    @Test func `the largest square that is taken has 16,384 pixels on a side`() throws {
        let largest = try CheckedPicture(.bytes(Picture.png(16_384, 16_384)), revisedPrompt: nil)

        #expect(largest.header.size == PixelSize(16_384, 16_384))
        #expect(throws: ProviderError.self) {
            try CheckedPicture(.bytes(Picture.png(16_384, 16_385)), revisedPrompt: nil)
        }
    }

    @Test(arguments: [
        (76, "\n"), (76, "\r\n"), (64, "\n"), (64, "\r\n"), (65, "\n"), (66, "\r\n"), (1, " "), (3, "\n"),
    ])
    func `base64 with line breaks is handed over without them`(columns: Int, lineEnd: String) throws {
        for picture in [Picture.png(9), Self.long()] {
            let text = Base64.encode(picture)

            let checked = try CheckedPicture(
                .base64(Self.wrapped(text, columns, lineEnd)),
                revisedPrompt: nil
            )

            #expect(checked.base64 == text)
            #expect(checked.bytes == picture)
            #expect(checked.header.size == PixelSize(9, 8))
        }
    }

    @Test(arguments: [true, false])
    func `base64 of the other alphabet is handed over in the standard one`(isPadded: Bool) throws {
        for picture in [Picture.png(9), Self.long()] {
            let standard = Base64.encode(picture)
            let other = String(buffer: standard).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
                .filter { isPadded || $0 != "=" }
            #expect(other.contains("-"))

            let checked = try CheckedPicture(
                .base64(ByteBuffer(string: String(other))),
                revisedPrompt: nil
            )

            #expect(checked.base64 == standard)
            #expect(checked.bytes == picture)
        }
    }

    @Test func `standard base64 and plain bytes come out as they went in`() throws {
        let text = Base64.encode(Self.long())

        let asText = try CheckedPicture(.base64(text), revisedPrompt: "a fox")
        let asBytes = try CheckedPicture(.bytes(Self.long()), revisedPrompt: nil)

        #expect(asText.base64 == text)
        #expect(asText.bytes == Self.long())
        #expect(asText.revisedPrompt == "a fox")
        #expect(asBytes.base64 == text)
        #expect(asBytes.bytes == Self.long())
    }

    @Test(arguments: [40, 4, 16_000])
    func `a picture's base64 is looked at to its end before it counts as one`(distance: Int) {
        var text = Base64.encode(Self.long())
        text.setString("*", at: text.writerIndex - distance)

        #expect(throws: ProviderError.self) {
            try CheckedPicture(.base64(text), revisedPrompt: nil)
        }
    }

    @Test func `a picture's bytes are decoded where its base64 was, unless somebody else has that`() throws {
        func place(_ buffer: ByteBuffer?) -> UInt? {
            buffer?.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        }
        for isShared in [false, true] {
            var text = Base64.encode(Self.long())
            let start = place(text)
            let checked = try CheckedPicture(.base64(text), revisedPrompt: nil)
            if !isShared { text = ByteBuffer() }

            #expect(checked.bytes == Self.long())
            #expect((place(checked.bytes) == start) == !isShared)
            #expect(checked.base64 == Base64.encode(Self.long()))
            if isShared { #expect(text == Base64.encode(Self.long())) }
        }
    }
}
