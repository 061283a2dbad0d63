// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct HingNetCheckTests {
    /// A PNG of 30 to 20 pixels, as far as anybody looks.
    static let picture: ByteBuffer = png(30, 20)

    static func png(_ width: UInt32, _ height: UInt32) -> ByteBuffer {
        var file = ByteBuffer(bytes: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13])
        file.writeString("IHDR")
        file.writeInteger(width)
        file.writeInteger(height)
        file.writeBytes([8, 2, 0, 0, 0])
        return file
    }

    @Test(arguments: [nil, "", "wrong", "sk-wrong"])
    func `a key is needed everywhere`(key: String?) async throws {
        try await withEmulator { client, emulator in
            for path in ["/v1/models", "/v1/images/generations/image_1"] {
                #expect(try await client.hingnet(path, key: key).status == 401)
            }
            for path in ["/v1/images/generations", "/v1/images/edits", "/v1/images/generations/async"] {
                let answer = try await client.hingnet(path, .post, json: HingNet.body("fox"), key: key)
                #expect(answer.status == 401)
                #expect(answer.json["error"]?["code"] == nil)
                #expect(answer.message.hasPrefix("无效的令牌 (request id: 20260102"))
            }
            #expect(emulator.ledger.totals.refused == 3)
        }
    }

    @Test func `a leading sk- is no part of a key`() async throws {
        try await withEmulator({ $0.keys = ["short"] }) { client, _ in
            for key in ["emulated-x", "sk-emulated-x", "short", "sk-short"] {
                let status = try await client.hingnet("/v1/models", key: key).status
                #expect(status == 200)
            }
        }
    }

    @Test func `models are listed, and an unknown one is an error of status 200`() async throws {
        try await withEmulator { client, _ in
            let names =
                try await client.hingnet("/v1/models").json["data"]?.array?.compactMap { $0["id"]?.string } ?? []
            let one = try await client.hingnet("/v1/models/gpt-image-2")
            let unknown = try await client.hingnet("/v1/models/dall-e-9")
            let path = try await client.hingnet("/v1/nothing/here")

            #expect(names.contains("gemini-3-pro-image-preview") && names.contains("gpt-image-2"))
            #expect(one.json["id"]?.string == "gpt-image-2")
            #expect(unknown.status == 200 && unknown.errorCode == "model_not_found")
            #expect(path.status == 404 && path.message.hasPrefix("Invalid URL (GET /hingnet/v1/nothing/here)"))
        }
    }

    static let gemini = HingNet.model
    static let bodies: [(JSON, Int, String)] = [
        (HingNet.body(" "), 400, "field Prompt is required"), ([], 400, "cannot unmarshal"),
        (["model": "gemini-3-pro-image-preview"], 400, "field Prompt is required"),
        (["model": "gemini-3-pro-image-preview", "prompt": 7], 400, "type string"),
        (HingNet.body(String(repeating: "x", count: 4001)), 400, "too long"),
        (["prompt": "fox"], 503, "dall-e-2"), (HingNet.body("fox", "gemini-9-image"), 503, "无可用渠道"),
        (HingNet.body("fox", gemini, ["n": 2]), 400, "n must be 1"),
        (HingNet.body("fox", gemini, ["n": "two"]), 400, "type int"),
        (HingNet.body("fox", gemini, ["size": "3K"]), 400, "size 3K"),
        (HingNet.body("fox", gemini, ["size": "512"]), 400, "size 512"),
        (HingNet.body("fox", gemini, ["aspect_ratio": "8:1"]), 400, "Invalid aspect ratio"),
        (HingNet.body("fox", gemini, ["response_format": "bytes"]), 400, "response_format"),
        (HingNet.body("fox", "imagen-4.0-generate-001", ["n": 5]), 400, "sampleCount"),
        (HingNet.body("fox", "imagen-4.0-generate-001", ["aspect_ratio": "21:9"]), 400, "Invalid aspect ratio"),
        (HingNet.body("fox", "gpt-image-2", ["size": "2K"]), 400, "size 2K"),
        (HingNet.body("fox", "gpt-image-2", ["aspect_ratio": "1:1"]), 400, "aspect_ratio"),
        (HingNet.body("fox", "gpt-image-2", ["quality": "ultra"]), 400, "quality"),
        (HingNet.body("fox", "gpt-image-2", ["output_format": "webp"]), 400, "output_format"),
        (HingNet.body("fox", "gpt-image-2", ["output_compression": 50]), 400, "output_compression"),
        (
            HingNet.body("fox", "gpt-image-2", ["output_format": "jpeg", "background": "transparent"]), 400,
            "background"
        ),
        (HingNet.body("fox", "gpt-image-2", ["n": 11]), 400, "n"),
        (HingNet.body("fox", "doubao-seedream-5.0", ["n": 1]), 400, "n"),
        (HingNet.body("fox [emulate:nonsense]"), 400, "/_emulator/faults"),
    ]

    @Test(arguments: bodies)
    func `a body with a mistake is refused, and is no call`(body: JSON, status: Int, words: String) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.hingnet("/v1/images/generations", .post, json: body)

            #expect(answer.status == status)
            #expect(answer.message.contains(words), "\(answer.message)")
            #expect(emulator.ledger.totals.refused == 1 && emulator.ledger.totals.calls == 0)
        }
    }

    @Test(arguments: ["gpt-image-2", "doubao-seedream-5.0"])
    func `only some models have tasks`(model: String) async throws {
        try await withEmulator { client, _ in
            let answer = try await client.begin("fox", model)

            #expect(answer.status == 503 && answer.errorCode == "channel_error")
        }
    }

    static let drawings: [(String, KeyValuePairs<String, JSON>, String, PictureFormat, Int)] = [
        (gemini, [:], "1024x1024", .jpeg, 1), (gemini, ["size": "4K", "aspect_ratio": "4:5"], "3712x4608", .jpeg, 1),
        (gemini, ["size": "1024x1792"], "768x1376", .jpeg, 1), (gemini, ["n": 0], "1024x1024", .jpeg, 1),
        ("gemini-2.5-flash-image", ["size": "4K", "aspect_ratio": "16:9"], "1344x768", .png, 1),
        ("gemini-3.1-flash-image", ["size": "1K", "aspect_ratio": "1:8"], "384x3072", .jpeg, 1),
        ("imagen-4.0-generate-001", ["n": 3, "aspect_ratio": "3:4"], "896x1280", .png, 3),
        ("imagen-4.0-generate-001", ["size": "1792x1024"], "1408x768", .png, 1),
        ("gpt-image-2", ["size": "1536x1024", "n": 2], "1536x1024", .png, 2),
        (
            "gpt-image-2", ["size": "auto", "output_format": "jpeg", "output_compression": 40], "1024x1024", .jpeg, 1
        ),
        ("doubao-seedream-5.0", ["watermark": false], "2048x2048", .jpeg, 1),
    ]

    @Test(arguments: drawings.indices)
    func `a call that waits has pictures of the right size`(place: Int) async throws {
        let (model, fields, size, format, count) = Self.drawings[place]
        try await withEmulator { client, emulator in
            let answer = try await client.sync("fox", model, fields)

            #expect(answer.json["data"]?.array?.count == count)
            #expect(answer.firstPicture == PixelSize(size).map { PictureHeader(format: format, size: $0) })
            #expect(answer.json["usage"]?["total_tokens"]?.integer ?? 0 > 1000)
            #expect(emulator.ledger.totals.picturesBilled == count)
            #expect(emulator.ledger.vendors["hingnet"]?.calls == 1)
        }
    }

    @Test func `a call that waits can have addresses instead`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.sync("fox", "imagen-4.0-generate-001", ["n": 2, "response_format": "url"])
            let file = try await client.fetch(try #require(answer.json["data"]?[1]?["url"]?.string))

            #expect(answer.json["data"]?.array?.count == 2)
            #expect(PictureHeader(file.body.readableBytesView)?.size == PixelSize(1024, 1024))
        }
    }

    @Test(arguments: [200, 400, 500, 503])
    func `without storage there are no tasks and no addresses`(status: Int) async throws {
        try await withEmulator({ $0.hingnetStorageOff = status }) { client, emulator in
            let task = try await client.begin("fox")
            let address = try await client.sync("fox", HingNet.model, ["response_format": "url"])
            let picture = try await client.sync("fox")

            #expect(task.status == status && task.errorCode == "storage_not_configured")
            #expect(address.errorCode == "image_url_not_available")
            #expect(picture.firstPicture != nil)
            #expect(emulator.ledger.totals.calls == 1 && emulator.ledger.totals.picturesBilled == 1)
            #expect(emulator.ledger.totals.refused == 2)
        }
    }

    // MARK: Edits

    typealias Field = HingNet.Field

    private static func fields(_ model: String = gemini, _ more: Field...) -> [Field] {
        [.text("model", model), .text("prompt", "as a woodcut")] + more
    }

    static let forms: [([Field], Int, String)] = [
        (fields(), 400, "field image is required"), (fields("imagen-4.0-generate-001"), 503, "not implemented"),
        ([.text("model", gemini), .file("image", picture)], 400, "field prompt is required"),
        (fields(gemini, .file("image", ByteBuffer(string: "GIF89a"))), 400, "failed to read"),
        (fields(gemini, .text("image_urls[]", "https://files.example/a.png")), 400, "failed to read"),
        (fields(gemini, .file("image", picture), .text("n", "2")), 400, "n must be 1"),
        (fields("gpt-image-2", .file("image", picture), .file("mask", png(9, 9))), 400, "mask size"),
        (fields("gpt-image-2", .file("image", picture), .text("seed", "1")), 400, "seed"),
    ]

    @Test(arguments: forms.indices)
    func `a form with a mistake is refused`(place: Int) async throws {
        let (fields, status, words) = Self.forms[place]
        try await withEmulator { client, _ in
            let answer = try await client.hingnet("/v1/images/edits", .post, form: fields)

            #expect(answer.status == status)
            #expect(answer.message.contains(words), "\(answer.message)")
        }
    }

    @Test func `a task for an edit takes forms only, and forms must be whole`() async throws {
        try await withEmulator { client, _ in
            let json = try await client.hingnet("/v1/images/edits/async", .post, json: HingNet.body("fox"))
            let gpt = try await client.hingnet(
                "/v1/images/edits/async",
                .post,
                form: Self.fields("gpt-image-2", .file("image", Self.picture))
            )
            var broken = HingNet.form(Self.fields(Self.gemini, .file("image", Self.picture)))
            broken.moveWriterIndex(to: broken.writerIndex - 10)

            #expect(json.status == 400 && json.message.contains("multipart/form-data"))
            #expect(gpt.errorCode == "channel_error")
            #expect(throws: HingNetFailure.self) {
                try HingNetForm(broken, contentType: "multipart/form-data; boundary=BOUNDARY")
            }
        }
    }

    static let edits: [([Field], String)] = [
        (fields(gemini, .file("image", png(1600, 900))), "1024x1024"),
        (fields(gemini, .file("image", png(1600, 900)), .text("size", "2K")), "2752x1536"),
        (
            fields(gemini, .file("image", png(1600, 900)), .text("size", "1K"), .text("aspect_ratio", "2:3")),
            "848x1264"
        ),
        // Of two files called image the second is lost, in the original too.
        (fields(gemini, .file("image", png(90, 90)), .file("image", png(1600, 900)), .text("size", "1K")), "1024x1024"),
        (
            fields(gemini, .file("image[]", png(90, 90)), .file("image[]", png(1600, 900)), .text("size", "1K")),
            "1376x768"
        ),
        (
            fields("gpt-image-2", .file("image", png(90, 20)), .file("mask", png(90, 20)), .text("size", "auto")),
            "1536x1024"
        ),
    ]

    @Test(arguments: edits.indices)
    func `an edit has its picture's shape, unless its size is forgotten`(place: Int) async throws {
        let (fields, size) = Self.edits[place]
        try await withEmulator { client, _ in
            let answer = try await client.hingnet("/v1/images/edits", .post, form: fields)

            #expect(answer.firstPicture?.size.description == size, "\(answer.message)")
        }
    }
}
