// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@Suite struct ImagenTests {
    private static func entries(_ answer: Answer) -> [JSON] { answer.json["predictions"]?.array ?? [] }

    private static func pictures(_ answer: Answer) -> [ByteBuffer] {
        entries(answer).compactMap { entry in
            guard case .string(let text)? = entry["bytesBase64Encoded"] else { return nil }
            return Base64.decode(text.bytes)
        }
    }

    static let sizes: [(String, JSON, String, PictureFormat)] = [
        ("imagen-4.0-generate-001", ["sampleCount": 1], "1024x1024", .png),
        (
            "imagen-4.0-generate-001", ["sampleCount": 1, "aspectRatio": "9:16", "sampleImageSize": "2K"], "1536x2816",
            .png
        ),
        (
            "imagen-4.0-ultra-generate-001", ["sampleCount": 1, "aspectRatio": "3:4", "imageSize": "1K"], "896x1280",
            .png
        ),
        (
            "imagen-4.0-fast-generate-001",
            [
                "sampleCount": 1, "aspectRatio": "16:9",
                "outputOptions": ["mimeType": "image/jpeg", "compressionQuality": 40],
            ],
            "1408x768", .jpeg
        ),
        ("imagen-3.0-generate-002", ["sampleCount": 1, "outputMimeType": "image/jpeg"], "1024x1024", .jpeg),
    ]

    @Test(arguments: sizes)
    func `a picture has the pixels and the format that were asked for`(
        model: String,
        parameters: JSON,
        size: String,
        format: PictureFormat
    ) async throws {
        try await withEmulator { client, _ in
            let answer = try await client.predict("A red fox", model, parameters: parameters)

            #expect(answer.status == 200, "\(answer.message)")
            let file = try #require(Self.pictures(answer).first)
            #expect(Self.entries(answer)[0]["mimeType"]?.string == format.mediaType)
            #expect(PictureTests.decode([UInt8](buffer: file), format)?.size == PixelSize(size))
        }
    }

    @Test func `four pictures come unless fewer are asked for, all different, all billed`() async throws {
        try await withEmulator { client, emulator in
            let four = try await client.predict("fox", parameters: .object([]))
            let two = try await client.predict("owl", parameters: ["sampleCount": 2])

            #expect(Set(Self.pictures(four)).count == 4)
            #expect(Self.pictures(two).count == 2)
            #expect(emulator.ledger.vendors["imagen"]?.picturesBilled == 6)
            #expect(emulator.ledger.vendors["imagen"]?.callsBilled == 2)
        }
    }

    static let mistakes: [(String, String, String)] = [
        ("imagen-4.0-generate-001", #"{"negativePrompt":"x"}"#, "negativePrompt"),
        ("imagen-4.0-generate-001", #"{"seed":1}"#, "seed"),
        ("imagen-4.0-generate-001", #"{"addWatermark":false}"#, "addWatermark"),
        ("imagen-4.0-generate-001", #"{"enhancePrompt":false}"#, "enhancePrompt"),
        ("imagen-4.0-generate-001", #"{"sampleCount":5}"#, "sampleCount"),
        ("imagen-4.0-generate-001", #"{"sampleCount":0}"#, "sampleCount"),
        ("imagen-4.0-generate-001", #"{"aspectRatio":"2:3"}"#, "aspectRatio"),
        ("imagen-4.0-generate-001", #"{"sampleImageSize":"4K"}"#, "sampleImageSize"),
        ("imagen-4.0-fast-generate-001", #"{"sampleImageSize":"1K"}"#, "sampleImageSize"),
        ("imagen-4.0-generate-001", #"{"personGeneration":"maybe"}"#, "personGeneration"),
        ("imagen-4.0-generate-001", #"{"safetySetting":"BLOCK_NONE"}"#, "safetySetting"),
        ("imagen-4.0-generate-001", #"{"language":"de"}"#, "language"),
        ("imagen-4.0-generate-001", #"{"guidanceScale":"much"}"#, "guidanceScale"),
        ("imagen-4.0-generate-001", #"{"includeRaiReason":1}"#, "includeRaiReason"),
        ("imagen-4.0-generate-001", #"{"outputOptions":{"mimeType":"image/webp"}}"#, "mimeType"),
        ("imagen-4.0-generate-001", #"{"outputOptions":{"compressionQuality":101}}"#, "compressionQuality"),
        ("imagen-4.0-generate-001", #"{"outputOptions":{"size":1}}"#, "size"),
        ("imagen-4.0-generate-001", #"{"storageUri":"gs://x"}"#, "storageUri"),
        ("imagen-4.0-generate-001", #"[]"#, "parameters"),
    ]

    @Test(arguments: mistakes)
    func `a parameter that cannot be is refused by name`(model: String, parameters: String, name: String) async throws {
        let parameters = try JSON(reading: ByteBuffer(string: parameters))
        try await withEmulator { client, _ in
            let answer = try await client.predict("fox", model, parameters: parameters)

            #expect(answer.status == 400)
            #expect(answer.message.contains(name), "\(answer.message)")
        }
    }

    @Test(arguments: [
        #"{"parameters":{}}"#, #"{"instances":[]}"#, #"{"instances":[{"prompt":"a"},{"prompt":"b"}]}"#,
        #"{"instances":[{"prompt":"  "}]}"#, #"{"instances":[{"text":"a"}]}"#,
        #"{"instances":[{"prompt":"a"}],"labels":{}}"#,
        #"{"instances":[{"prompt":"a","image":{}}]}"#, "[]", "nonsense",
    ])
    func `a request needs exactly one prompt`(body: String) async throws {
        try await withEmulator { client, _ in
            let response = try await client.execute(
                uri: "/v1beta/models/imagen-4.0-generate-001:predict?key=emulated-x",
                method: .post,
                body: ByteBuffer(string: body)
            )

            #expect(Answer(response).status == 400)
        }
    }

    @Test(arguments: [
        #"{"sampleCount":1,"personGeneration":"ALLOW_ADULT","safetySetting":"block_low_and_above","language":"en"}"#,
        #"{"sampleCount":1,"guidanceScale":7.5,"includeRaiReason":true,"aspectRatio":null}"#,
    ])
    func `parameters may be written in either case`(parameters: String) async throws {
        let parameters = try JSON(reading: ByteBuffer(string: parameters))
        try await withEmulator { client, _ in
            let status = try await client.predict("fox", parameters: parameters).status
            #expect(status == 200)
        }
    }

    @Test func `some pictures can be filtered, with and without a reason`() async throws {
        try await withEmulator { client, emulator in
            let silent = try await client.predict("fox [emulate:filter-some]", parameters: ["sampleCount": 3])
            let told = try await client.predict(
                "fox [emulate:filter-some]",
                parameters: ["sampleCount": 3, "includeRaiReason": true]
            )

            #expect(Self.entries(silent).count == 2)
            #expect(Self.entries(told).count == 3)
            #expect(
                Self.entries(told).count {
                    $0["raiFilteredReason"]?.string?.contains("Support codes: 29310472") == true
                } == 1
            )
            #expect(Self.pictures(told).count == 2)
            #expect(emulator.ledger.totals.picturesBilled == 4)
        }
    }

    @Test func `all pictures can be filtered, in every shape`() async throws {
        try await withEmulator { client, emulator in
            let silent = try await client.predict("fox [emulate:filter-all]", parameters: ["sampleCount": 2])
            let told = try await client.predict(
                "fox [emulate:filter-all]",
                parameters: ["sampleCount": 2, "includeRaiReason": true]
            )
            let list = try await client.predict("fox [emulate:filter-all-list]", parameters: ["sampleCount": 2])

            #expect(silent.status == 200 && silent.json == .object([]))
            #expect(Self.entries(told).count == 1 && Self.entries(told)[0]["bytesBase64Encoded"] == nil)
            #expect(list.json == ["predictions": []])
            #expect(emulator.ledger.totals.callsBilled == 0)
        }
    }

    @Test func `an entry about the prompt is no picture`() async throws {
        try await withEmulator { client, _ in
            let asked = try await client.predict(
                "fox",
                parameters: ["sampleCount": 1, "includeSafetyAttributes": true]
            )
            let forced = try await client.predict("fox [emulate:positive-prompt]")

            for answer in [asked, forced] {
                #expect(Self.entries(answer).count == 2)
                #expect(Self.entries(answer)[1]["contentType"]?.string == "Positive Prompt")
                #expect(Self.pictures(answer).count == 1)
            }
            #expect(Self.entries(asked)[0]["safetyAttributes"] != nil)
        }
    }

    @Test(arguments: [
        ("refuse", "Responsible AI"), ("prompt-filter", "could not be submitted"),
        ("prompt-words", "Support codes: 42876398"),
        ("output-filter", "Error Code:"), ("billed-users", "only accessible to billed users at this time"),
        ("child-detection", "turn off child detection filter"),
    ])
    func `a prompt can be refused in the vendor's texts`(fault: String, text: String) async throws {
        try await withEmulator { client, emulator in
            let answer = try await client.predict("fox [emulate:\(fault)]")

            #expect(answer.status == 400)
            #expect(answer.message.contains(text))
            #expect(emulator.ledger.totals.callsBilled == 0)
        }
    }

    @Test func `a picture can be announced as what it is not`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.predict("fox [emulate:wrong-mime]")

            #expect(Self.entries(answer)[0]["mimeType"]?.string == "image/jpeg")
            #expect(PictureHeader(try #require(Self.pictures(answer).first).readableBytesView)?.format == .png)
        }
    }
}
