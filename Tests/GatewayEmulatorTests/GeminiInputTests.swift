// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HummingbirdTesting
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct GeminiInputTests {
    private static let small = PixelSize(96, 64)

    private static func file(_ format: PictureFormat, _ prompt: String = "input", size: PixelSize = small) throws
        -> ByteBuffer
    {
        ByteBuffer(bytes: try PictureTests.order(prompt, format, size: size).draw())
    }

    /// The smallest WebP file whose size can be read: an extended header and nothing behind it.
    private static let webp = ByteBuffer(
        bytes: Array("RIFF".utf8) + [22, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0]
            + [31, 0, 0, 23, 0, 0]
    )

    private static func part(_ file: ByteBuffer, as type: String) -> JSON {
        ["inlineData": ["mimeType": JSON(type), "data": .string(.slice(Base64.encode(file)))]]
    }

    private static func edit(
        _ client: any TestClientProtocol,
        _ parts: [JSON],
        _ prompt: String = "make it blue",
        config: JSON = [:]
    ) async throws -> Answer {
        let content: JSON = ["role": "user", "parts": .array(parts + [["text": JSON(prompt)]])]
        let body: JSON = ["contents": [content], "generationConfig": config]
        return try await client.call("gemini-3-pro-image:generateContent", body)
    }

    private static func cut(_ file: ByteBuffer, by count: Int) -> ByteBuffer {
        var file = file
        return file.readSlice(length: file.readableBytes - count) ?? ByteBuffer()
    }

    @Test func `a whole picture of each kind is taken, with bytes behind its end too`() async throws {
        let png = try Self.file(.png)
        var longer = try Self.file(.jpeg)
        longer.writeRepeatingByte(0, count: 300)
        let parts = [
            Self.part(png, as: "image/png"), Self.part(longer, as: "image/jpeg"),
            Self.part(Self.webp, as: "image/webp"),
        ]
        try await withEmulator { client, emulator in
            let answer = try await Self.edit(client, parts)

            #expect(answer.status == 200, "\(answer.message)")
            #expect(answer.pictures.count == 1)
            #expect(emulator.ledger.totals.callsBilled == 1)
        }
    }

    @Test(arguments: [PictureFormat.png, .jpeg, .webp], [1, 2, 12])
    func `a picture that was cut short is not`(format: PictureFormat, missing: Int) async throws {
        let whole = format == .webp ? Self.webp : try Self.file(format)
        let file = Self.cut(whole, by: missing)
        try await withEmulator { client, emulator in
            let answer = try await Self.edit(client, [Self.part(file, as: format.mediaType)])

            #expect(answer.status == 400)
            #expect(answer.message.hasPrefix("Unable to process input image"), "\(answer.message)")
            #expect(emulator.ledger.totals.callsBilled == 0)
        }
    }

    @Test(arguments: ["image/jpeg", "image/webp"])
    func `a picture under another name is not valid`(type: String) async throws {
        let part = Self.part(try Self.file(.png), as: type)
        try await withEmulator { client, _ in
            let answer = try await Self.edit(client, [part])

            #expect(answer.status == 400)
            #expect(answer.message == "Provided image is not valid.")
        }
    }

    @Test func `names may be in snake case, but data is no address`() async throws {
        let text = String(buffer: Base64.encode(try Self.file(.png)))
        let snake: JSON = ["inline_data": ["mime_type": "image/png", "data": JSON(text)]]
        let address: JSON = ["inlineData": ["mimeType": "image/png", "data": JSON("data:image/png;base64,\(text)")]]
        try await withEmulator { client, _ in
            let taken = try await Self.edit(client, [snake])
            let refused = try await Self.edit(client, [address])

            #expect(taken.status == 200)
            #expect(refused.status == 400)
            #expect(refused.message.contains("Base64 decoding failed"))
        }
    }

    @Test func `a request that is too large is refused whole`() async throws {
        let part = Self.part(try Self.file(.png), as: "image/png")
        try await withEmulator({ $0.requestLimit = 500 }) { client, _ in
            let answer = try await Self.edit(client, [part])

            #expect(answer.status == 400)
            #expect(answer.message.contains("payload size exceeds the limit: 500 bytes"))
        }
    }

    @Test func `the drawing follows from what is edited`() async throws {
        let first = Self.part(try Self.file(.png, "one"), as: "image/png")
        let second = Self.part(try Self.file(.png, "two"), as: "image/png")
        let seed: JSON = ["seed": 7]
        try await withEmulator { client, _ in
            @Sendable func picture(_ parts: [JSON]) async throws -> ByteBuffer {
                try #require(try await Self.edit(client, parts, config: seed).pictures.last).bytes
            }
            let drawn = [
                try await picture([first]), try await picture([second]), try await picture([first, second]),
                try await picture([second, first]),
            ]
            let again = try await picture([first])
            let plain = try #require(try await client.draw("make it blue", config: seed).pictures.last).bytes

            #expect(Set(drawn + [plain]).count == 5)
            #expect(again == drawn[0])
        }
    }

    @Test func `the drawing says what was edited`() async throws {
        func caption(_ files: [(ByteBuffer, String)]) throws -> String? {
            let parts = files.map { Self.part($0.0, as: $0.1) }
            let body: JSON = ["contents": [["parts": .array(parts + [["text": "fox"]])]]]
            let model = try #require(GoogleModels.find("gemini-3-pro-image"))
            return try GeminiPlan(GeminiRequest(body.encoded(), version: "v1beta"), model).inputs.caption
        }
        let png = (try Self.file(.png), "image/png")
        let jpeg = (try Self.file(.jpeg, size: PixelSize(40, 50)), "image/jpeg")
        let heic = (ByteBuffer(bytes: [0, 0, 0, 8] + Array("ftypheic".utf8)), "image/heic")

        #expect(try caption([]) == nil)
        #expect(try caption([png]) == "edit of 96x64 png")
        #expect(try caption([jpeg, heic]) == "edit of 40x50 jpeg, heic")
        #expect(try caption([png, jpeg, heic, png]) == "edit of 96x64 png, 40x50 jpeg and 2 more")
    }

    @Test func `an input picture can be what is refused`() async throws {
        let part = Self.part(try Self.file(.png), as: "image/png")
        try await withEmulator { client, emulator in
            let edit = try await Self.edit(client, [part], "blue [emulate:fault=input-blocked]")
            let plain = try await client.draw("blue [emulate:fault=input-blocked]")

            #expect(edit.status == 200)
            #expect(edit.json["candidates"] == nil)
            #expect(edit.json["promptFeedback"]?["blockReason"]?.string == "OTHER")
            #expect(plain.pictures.count == 1)
            #expect(emulator.ledger.totals.callsBilled == 1)
        }
    }
}
