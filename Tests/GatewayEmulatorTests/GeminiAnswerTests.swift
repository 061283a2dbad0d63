// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct GeminiAnswerTests {
    private static func config(_ ratio: String, _ size: String?) -> JSON {
        [
            "responseModalities": ["IMAGE"],
            "imageConfig": JSON(present: ["aspectRatio": JSON(ratio), "imageSize": size.map { JSON($0) }]),
        ]
    }

    static let sizes: [(String, String, String?, String, PictureFormat)] = [
        ("gemini-2.5-flash-image", "1:1", nil, "1024x1024", .png),
        ("gemini-2.5-flash-image", "21:9", nil, "1536x672", .png),
        ("gemini-2.5-flash-image", "3:4", nil, "864x1184", .png),
        ("gemini-3-pro-image", "16:9", nil, "1376x768", .jpeg),
        ("gemini-3-pro-image", "4:5", "2K", "1856x2304", .jpeg),
        ("gemini-3.1-flash-image", "1:8", "512", "192x1536", .jpeg),
        ("gemini-3.1-flash-image", "3:2", "512", "632x424", .jpeg),
        ("gemini-nano-banana-2.1", "8:1", "1K", "3072x384", .jpeg),
        ("gemini-nano-banana-2.1", "1:1", "4K", "4096x4096", .jpeg),
        ("gemini-3.1-flash-lite-image", "9:16", "1K", "768x1376", .jpeg),
    ]

    @Test(arguments: sizes)
    func `a picture has the pixels of the model's table`(
        model: String,
        ratio: String,
        size: String?,
        pixels: String,
        format: PictureFormat
    ) async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("A red fox in the snow", model, config: Self.config(ratio, size))

            #expect(answer.status == 200)
            #expect(answer.finishReason == "STOP")
            #expect(answer.parts.count == 1)
            let picture = try #require(answer.pictures.first)
            let file = [UInt8](buffer: picture.bytes)
            #expect(picture.type == format.mediaType)
            #expect(PictureTests.decode(file, format)?.size == PixelSize(pixels))
            #expect((answer.parts[0]["thoughtSignature"] != nil) == (format == .jpeg))
        }
    }

    @Test func `every cell of the tables can be drawn`() throws {
        for model in GoogleModels.listed(imagen: .retired) {
            guard case .gemini(let traits) = model.skill else { continue }
            for ratio in traits.ratios {
                for tier in traits.tiers.isEmpty ? [.oneK] : traits.tiers {
                    let size = try #require(traits.pixels[ratio, tier], "\(model.id) \(ratio) \(tier)")
                    #expect(abs(size.quotient / ratio.quotient - 1) < 0.06, "\(model.id) \(ratio) \(size)")
                    #expect(traits.tokens[tier] != nil)
                }
            }
        }
    }

    @Test func `words come unless only a picture is wanted, and alone if only words are`() async throws {
        try await withEmulator { client, _ in
            let both = try await client.draw("fox")
            let picture = try await client.draw("fox", config: ["responseModalities": ["IMAGE"]])
            let words = try await client.draw("fox", config: ["responseModalities": ["TEXT"]])

            #expect(both.parts.count == 2 && both.pictures.count == 1)
            #expect(picture.parts.count == 1 && picture.pictures.count == 1)
            #expect(words.parts.count == 1 && words.pictures.isEmpty)
        }
    }

    @Test func `thoughts are shown to those who ask for them`() async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.draw(
                "fox",
                config: ["responseModalities": ["IMAGE"], "thinkingConfig": ["includeThoughts": true]]
            )

            let thoughts = answer.parts.filter { $0["thought"]?.bool == true }
            #expect(thoughts.count == 3)
            #expect(thoughts.filter { $0["inlineData"] != nil }.count == 2)
            #expect(answer.parts.last?["thought"] == nil)
            #expect(emulator.ledger.totals.picturesBilled == 1)
        }
    }

    @Test func `the same seed gives the same picture, another one another`() async throws {
        try await withEmulator { client, _ in
            func picture(_ seed: Int?) async throws -> ByteBuffer {
                let config = JSON(present: ["responseModalities": ["IMAGE"], "seed": seed.map { JSON($0) }])
                return try #require(try await client.draw("fox", config: config).pictures.first).bytes
            }

            let first = try await picture(7)
            #expect(try await picture(7) == first)
            #expect(try await picture(8) != first)
            let unseeded = [try await picture(nil), try await picture(nil)]
            #expect(unseeded[0] != unseeded[1])
        }
    }

    @Test func `usage adds up, and a refusal does not count twice`() async throws {
        try await withEmulator { client, _ in
            let usage = try #require(try await client.draw("fox").json["usageMetadata"])
            let refusal = try #require(try await client.draw("fox [emulate:refuse]").json["usageMetadata"])

            func count(_ usage: JSON, _ name: String) -> Int { usage[name]?.integer ?? 0 }
            #expect(
                count(usage, "totalTokenCount") == count(usage, "promptTokenCount")
                    + count(usage, "candidatesTokenCount")
                    + count(usage, "thoughtsTokenCount")
            )
            #expect(usage["candidatesTokensDetails"]?[0]?["tokenCount"]?.integer == 1120)
            #expect(count(refusal, "candidatesTokenCount") == count(refusal, "thoughtsTokenCount"))
            #expect(
                count(refusal, "totalTokenCount") == count(refusal, "promptTokenCount")
                    + count(refusal, "thoughtsTokenCount")
            )
        }
    }

    @Test func `too few tokens end without a picture`() async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.draw("fox", config: ["maxOutputTokens": 500])

            #expect(answer.finishReason == "MAX_TOKENS")
            #expect(answer.pictures.isEmpty)
            #expect(emulator.ledger.totals.picturesBilled == 0)
        }
    }

    @Test(arguments: [("gemini-2.5-flash-image", 1_000_000), ("gemini-3-pro-image", 1_000_001)])
    func `pictures are as large as was set`(model: String, bytes: Int) async throws {
        try await withEmulator({ $0.pictureBytes = bytes }) { client, _ in
            let set = try await client.draw("fox", model)
            let asked = try await client.draw("fox [emulate:bytes=2000003]", model)

            #expect(set.pictures.first?.bytes.readableBytes == bytes)
            #expect(asked.pictures.first?.bytes.readableBytes == 2_000_003)
        }
    }
}

@Suite struct GeminiShapeTests {
    @Test(arguments: GeminiShape.finishReasons)
    func `every finish reason ends without a picture or a bill`(reason: String) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.draw("fox [emulate:finish=\(reason)]")

            #expect(answer.status == 200)
            #expect(answer.finishReason == reason)
            #expect(answer.parts.isEmpty)
            #expect(answer.json["candidates"]?[0]?["finishMessage"]?.string?.isEmpty == false)
            #expect(emulator.ledger.totals.calls == 1)
            #expect(emulator.ledger.totals.callsBilled == 0)
        }
    }

    @Test(arguments: GeminiShape.blockReasons)
    func `every block reason comes without candidates`(reason: String) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.draw("fox [emulate:block=\(reason)]")

            #expect(answer.json["candidates"] == nil)
            #expect(answer.json["promptFeedback"]?["blockReason"]?.string == reason)
            #expect(emulator.ledger.totals.callsBilled == 0)
        }
    }

    static let candidates: [(String, String)] = [
        ("empty-stop", #"{"content":{"role":"model","parts":[]},"finishReason":"STOP","index":0}"#),
        ("parts-null", #"{"content":{"role":"model","parts":null},"finishReason":"STOP","index":0}"#),
        ("empty-content", #"{"content":{},"finishReason":"STOP","index":0}"#),
        ("no-content", #"{"finishReason":"STOP","index":0}"#),
        ("finish-absent", #"{"content":{},"index":0}"#),
    ]

    @Test(arguments: candidates)
    func `an answer can be empty in many ways`(fault: String, candidate: String) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.draw("fox [emulate:\(fault)]")

            #expect(answer.status == 200)
            #expect(String(buffer: answer.json["candidates"]?[0]?.encoded() ?? ByteBuffer()) == candidate)
            #expect(emulator.ledger.totals.picturesBilled == 0)
        }
    }

    @Test func `candidates can be missing, and everything`() async throws {
        try await withEmulator { client, _ in
            let noCandidates = try await client.draw("fox [emulate:no-candidates]")
            let nothing = try await client.draw("fox [emulate:empty-object]")

            #expect(noCandidates.json["candidates"] == nil && noCandidates.json["usageMetadata"] != nil)
            #expect(nothing.json == .object([]))
        }
    }

    @Test func `a refusal is the soft filter's, words are words`() async throws {
        try await withEmulator { client, emulator in
            let refusal = try await client.draw("fox [emulate:refuse]")
            let words = try await client.draw("fox [emulate:text-only]")

            #expect(refusal.finishReason == "IMAGE_SAFETY")
            #expect(words.finishReason == "STOP" && words.parts[0]["text"] != nil && words.pictures.isEmpty)
            #expect(emulator.ledger.totals.callsBilled == 0)
        }
    }

    @Test func `drafts are not marked, and each is billed`() async throws {
        try await withEmulator { client, emulator in
            let plain = try await client.draw("fox", config: ["seed": 1])
            let answer = try await client.draw("fox [emulate:drafts]", config: ["seed": 1])

            #expect(answer.pictures.count == 3)
            #expect(Set(answer.pictures.map(\.bytes)).count == 3)
            #expect(answer.pictures.last?.bytes == plain.pictures.last?.bytes)
            #expect(answer.parts.allSatisfy { $0["thought"] == nil && $0["thoughtSignature"] != nil })
            #expect(emulator.ledger.entries(prompt: "fox [emulate:drafts]").map(\.picturesBilled) == [3])
            #expect(emulator.ledger.totals.callsBilled == 2)
        }
    }

    @Test func `thoughts are marked, and the last picture is not`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox [emulate:thoughts]")

            #expect(answer.parts.map { $0["thought"]?.bool ?? false } == [true, true, true, false])
            #expect(answer.pictures.count == 3)
        }
    }

    @Test func `words stand before or behind the picture`() async throws {
        try await withEmulator { client, _ in
            let before = try await client.draw("fox [emulate:text-before]", config: ["responseModalities": ["IMAGE"]])
            let after = try await client.draw("fox [emulate:text-after]")

            #expect(before.parts.map { $0["text"] != nil } == [true, false])
            #expect(after.parts.map { $0["text"] != nil } == [false, true])
        }
    }

    @Test func `strangers stand among what is known`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox [emulate:unknown-members]")

            #expect(answer.pictures.count == 1)
            #expect(answer.parts.count == 2)
            #expect(answer.json["modelStatus"]?["modelStage"]?.string == "DEPRECATED")
        }
    }

    @Test(arguments: [
        ("gemini-3-pro-image", "image/png", PictureFormat.jpeg), ("gemini-2.5-flash-image", "image/jpeg", .png),
    ])
    func `a picture can be announced as what it is not`(model: String, type: String, format: PictureFormat) async throws
    {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox [emulate:wrong-mime]", model)

            let picture = try #require(answer.pictures.first)
            #expect(picture.type == type)
            #expect(PictureHeader(picture.bytes.readableBytesView)?.format == format)
        }
    }

    @Test func `a picture can be noise, a bomb, no base64 or nothing`() async throws {
        try await withEmulator { client, emulator in
            func data(_ fault: String) async throws -> ByteBuffer {
                let answer = try await client.draw("fox [emulate:\(fault)]", config: ["responseModalities": ["IMAGE"]])
                guard case .string(let text)? = answer.parts.first?["inlineData"]?["data"] else {
                    return ByteBuffer(string: "none")
                }
                return text.bytes
            }

            let noise = try #require(Base64.decode(try await data("garbage")))
            let bomb = try #require(Base64.decode(try await data("huge-header")))
            #expect(PictureHeader(noise.readableBytesView) == nil && noise.readableBytes > 1000)
            #expect(PictureHeader(bomb.readableBytesView)?.size == PixelSize(60_000, 60_000))
            #expect(Base64.decode(try await data("not-base64")) == nil)
            #expect(try await data("empty-data").readableBytes == 0)
            #expect(emulator.ledger.totals.callsBilled == 4)
        }
    }
}
