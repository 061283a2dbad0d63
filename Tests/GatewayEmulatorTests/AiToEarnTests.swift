// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct AiToEarnTests {
    @Test func `a task goes from its submission to a picture of the size it was asked for`() async throws {
        let time = ManualTime()
        try await withEmulator({ $0.latency = .seconds(40) ... .seconds(40) }, time: time) { client, emulator in
            let size: [JSON.Member] = [.init("size", "1536x864"), .init("quality", "high")]
            let taken = try await client.order("a fox", extra: size)
            #expect(taken.status == 200 && taken.code == 0)
            #expect(taken.data["status"]?.string == "generating")
            #expect(taken.name.wholeMatch(of: /[0-9a-f]{24}/) != nil)

            time.advance(by: .seconds(39))
            let early = try await client.task(taken.name)
            #expect(early.data["status"]?.string == "generating")
            #expect(early.data["images"] == nil && early.data["points"]?.integer == 1)
            #expect(emulator.ledger.totals.running == 1)

            time.advance(by: .seconds(1))
            let done = try await client.task(taken.name)
            #expect(done.data["status"]?.string == "success")
            #expect(done.data["duration"]?.integer == 40_000)
            #expect(done.data["request"]?["prompt"]?.string == "a fox")
            #expect(done.address.hasPrefix("http://") && done.address.hasSuffix(".png"))
            let file = try await client.picture(done.address)
            #expect(file.contentType == "image/png")
            #expect(PictureHeader(file.body.readableBytesView)?.size == PixelSize(1536, 864))
            #expect(emulator.ledger.totals.running == 0 && emulator.ledger.totals.picturesBilled == 1)
        }
    }

    static let mistakes: [(String, JSON)] = [
        ("no prompt", ["model": "gpt-image-2"]), ("an empty prompt", ["model": "gpt-image-2", "prompt": ""]),
        ("a long prompt", ["model": "gpt-image-2", "prompt": JSON(String(repeating: "x", count: 4001))]),
        ("no model", ["prompt": "fox"]), ("a number for text", ["model": "gpt-image-2", "prompt": 7]),
        ("text for a number", ["model": "gpt-image-2", "prompt": "fox", "n": "2"]),
        ("too many", ["model": "gpt-image-2", "prompt": "fox", "n": 11]),
        ("a form", ["model": "gpt-image-2", "prompt": "fox", "response_format": "file"]), ("no object", [1]),
    ]

    @Test(arguments: mistakes.map(\.1))
    func `a request is validated before anything else, by types and lengths`(body: JSON) async throws {
        try await withEmulator { client, emulator in
            let plain = try await client.aitoearn("/api/ai/image/generate/async", .post, body)
            _ = try await client.control("aitoearn", .put, ["validation_code": 10002])
            let documented = try await client.aitoearn("/api/ai/image/generate/async", .post, body)

            #expect(plain.status == 200 && plain.code == 400)
            #expect(plain.json["timestamp"]?.integer != nil)
            #expect(documented.code == 10002)
            #expect(emulator.ledger.totals.refused == 2 && emulator.ledger.totals.calls == 0)
        }
    }

    @Test func `size and quality are looked at only when the work begins`() async throws {
        try await withEmulator { client, emulator in
            let size = try await client.ordered("fox", extra: [.init("size", "999x999")])
            let quality = try await client.ordered("owl", extra: [.init("quality", "best")])
            _ = try await client.ordered("hen", extra: [.init("quality", "auto"), .init("stranger", 1)])

            #expect(size.data["errorMessage"]?.string == "400 Image size is not supported.")
            #expect(size.data["points"]?.integer == 0)
            #expect(quality.data["status"]?.string == "failed")
            #expect(emulator.ledger.totals.picturesBilled == 1)
            #expect(emulator.ledger.entries(prompt: "fox").map(\.picturesBilled) == [0])
        }
    }

    @Test func `keys are looked at first, everywhere, also where none is needed`() async throws {
        try await withEmulator { client, _ in
            for path in ["/api/ai/models/image/generation", "/api/ai/models/image/edit"] {
                #expect(try await client.aitoearn(path, key: nil).code == 0)
                #expect(try await client.aitoearn(path).code == 0)
                #expect(try await client.aitoearn(path, key: "wrong").code == 401)
            }
            let body: JSON = [:]
            for key in [nil, "wrong"] {
                let answer = try await client.aitoearn("/api/ai/image/generate/async", .post, body, key: key)
                #expect(answer.status == 200 && answer.code == 401)
                let name = String(repeating: "0", count: 24)
                #expect(try await client.aitoearn("/api/ai/image/task/\(name)", key: key).code == 401)
            }
        }
    }

    @Test func `what is asked for has to be there`() async throws {
        try await withEmulator { client, _ in
            let body: JSON = ["model": "gpt-image-9", "prompt": "fox"]
            #expect(try await client.aitoearn("/api/ai/image/edit/async", .post, body).code == 400)
            #expect(try await client.aitoearn("/api/ai/image/generate/async", .post, body).code == 12300)
            #expect(try await client.task("xyz").code == 10002)
            #expect(try await client.task(String(repeating: "0", count: 24)).code == 404)
            let stray = try await client.aitoearn("/api/ai/images/generations", .post, [:])
            #expect(stray.status == 200 && stray.code == 404)
            #expect(stray.json["message"]?.string == "Cannot POST /api/ai/images/generations")
            #expect(
                try await client.picture("67a0c4d19be2f35a8c01d7e4/ai/images/gpt-image-2/202601/x.png").status == 404
            )
        }
    }

    @Test func `the lists have 27 sizes and what they cost`() async throws {
        try await withEmulator { client, _ in
            let drawing = try await client.aitoearn("/api/ai/models/image/generation", key: nil).data[0]
            let editing = try await client.aitoearn("/api/ai/models/image/edit", key: nil).data[0]

            #expect(drawing?["sizes"]?.array?.count == 27 && editing?["sizes"]?.array?.count == 27)
            #expect(drawing?["qualities"]?.array?.count == 4 && editing?["qualities"] == nil)
            #expect(drawing?["maxInputImages"] == nil && editing?["maxInputImages"]?.integer == 14)
            #expect(drawing?["pricing"]?[26]?["price"]?.integer == 4)
        }
    }

    @Test func `the envelope echoes the caller's id and speaks its language`() async throws {
        try await withEmulator { client, _ in
            let name = try #require(HTTPField.Name("x-request-id"))
            let path = "/api/ai/image/generate/async"
            let body: JSON = ["model": "none", "prompt": "fox"]

            let own = try await client.aitoearn(
                path,
                .post,
                body,
                headers: [name: "mine", .acceptLanguage: "zh-CN"]
            )
            let other = try await client.aitoearn(path, .post, body)

            #expect(own.json["requestId"]?.string == "mine")
            #expect(own.json["message"]?.string == "无效的 AI 模型")
            #expect(other.json["message"]?.string == "Invalid AI model")
            #expect(other.json["requestId"]?.string?.wholeMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) != nil)
        }
    }

    // MARK: Money

    @Test func `credits go by size, come back from what failed, and run out`() async throws {
        try await withEmulator { client, emulator in
            _ = try await client.control("aitoearn", .put, ["balance": 6])
            _ = try await client.ordered("fox", extra: [.init("size", "2880x2880")])
            _ = try await client.ordered("owl [emulate:refuse]", extra: [.init("size", "1920x1920")])
            let books = try await client.control("aitoearn").json
            #expect(books["balance"]?.integer == 2)
            #expect(books["credits_deducted"]?.integer == 6 && books["credits_refunded"]?.integer == 2)

            #expect(try await client.order("hen", extra: [.init("size", "2880x2880")]).code == 12001)
            #expect(try await client.order("hen [emulate:500]").code == 500)
            #expect(try await client.order("hen [emulate:nonsense]").code == 400)
            let after = try await client.control("aitoearn").json
            #expect(after["balance"]?.integer == 2 && after["tasks"]?.integer == 2)
            #expect(emulator.ledger.totals.picturesBilled == 1)
            #expect(emulator.ledger.entries(prompt: "owl [emulate:refuse]").map(\.callsBilled) == [0])
        }
    }

    @Test func `a refund that nobody asked for is there when it is needed`() async throws {
        let time = ManualTime()
        try await withEmulator({ $0.latency = .seconds(9) ... .seconds(9) }, time: time) { client, _ in
            _ = try await client.control("aitoearn", .put, ["balance": 1])
            _ = try await client.order("fox [emulate:task-failed]")
            #expect(try await client.order("owl").code == 12001)

            time.advance(by: .seconds(9))

            #expect(try await client.order("owl").code == 0)
        }
    }

    @Test(arguments: [
        ("{}", "balance"), ("{\"balance\":-1}", "balance"), ("{\"validation_code\":500}", "400"), ("[", "JSON"),
    ])
    func `books that cannot be are refused`(text: String, word: String) async throws {
        try await withEmulator { client, _ in
            let answer = Answer(
                try await client.execute(uri: "/_emulator/aitoearn", method: .put, body: ByteBuffer(string: text))
            )

            #expect(answer.status == (text == "{}" ? 200 : 400))
            #expect(text == "{}" || answer.message.contains(word))
        }
    }

    // MARK: Edits

    static let png = ByteBuffer(bytes: [
        0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 16, 0, 0, 0, 9, 8,
        2, 0, 0, 0,
    ])
    static let picture = "data:image/png;base64,\(String(buffer: Base64.encode(png)))"
    static let edits: [(JSON, JSON?, String?)] = [
        (JSON(picture), nil, nil), ([JSON(picture), "https://example.com/a.png"], JSON(picture), nil),
        ("nonsense", nil, "Invalid data URI"), ("data:image/png;base64,***", nil, "Invalid data URI"),
        ([JSON(picture), "data:image/png;base64,AAAA"], nil, "400 Invalid image file or mode for image 2"),
        (JSON(picture), "data:image/png;base64,AAAA", "400 Invalid mask image format"),
    ]

    @Test(arguments: edits)
    func `the pictures of an edit are looked at when the work begins`(
        image: JSON,
        mask: JSON?,
        complaint: String?
    ) async throws {
        try await withEmulator { client, emulator in
            let body = JSON(present: ["model": "gpt-image-2", "prompt": "woodcut", "image": image, "mask": mask])
            let taken = try await client.aitoearn("/api/ai/image/edit/async", .post, body)
            #expect(taken.code == 0)
            let done = try await client.task(taken.name)

            #expect(done.data["status"]?.string == (complaint == nil ? "success" : "failed"))
            #expect(done.data["errorMessage"]?.string?.hasPrefix(complaint ?? "-") ?? (complaint == nil))
            #expect(emulator.ledger.totals.picturesBilled == (complaint == nil ? 1 : 0))
            if complaint == nil {
                let file = try await client.picture(done.address)
                #expect(PictureHeader(file.body.readableBytesView)?.size == PixelSize(1536, 864))
            }
        }
    }

    @Test(arguments: [[] as JSON, .array(Array(repeating: "x", count: 15)), 7, [1], ""])
    func `an edit has one to fourteen pictures`(image: JSON) async throws {
        try await withEmulator { client, _ in
            let body: JSON = ["model": "gpt-image-2", "prompt": "woodcut", "image": image]

            let answer = try await client.aitoearn("/api/ai/image/edit/async", .post, body)

            #expect(answer.code == 400)
        }
    }
}
