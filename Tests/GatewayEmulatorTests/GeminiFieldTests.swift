// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@Suite struct GeminiFieldTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var model = "gemini-3-pro-image"
        var config: String
        var text: String

        init(_ config: String, _ text: String, model: String = "gemini-3-pro-image") {
            self.config = config
            self.text = text
            self.model = model
        }

        var testDescription: String { "\(model) \(config)" }
    }

    static let mistakes: [Mistake] = [
        Mistake(#"{"imageConfig":{"aspectRatio":"9:21"}}"#, "Invalid aspect ratio: 9:21"),
        Mistake(#"{"imageConfig":{"aspectRatio":"1:8"}}"#, "Invalid aspect ratio: 1:8"),
        Mistake(#"{"imageConfig":{"imageSize":"1k"}}"#, "Invalid image size: 1k"),
        Mistake(#"{"imageConfig":{"imageSize":"512px"}}"#, "Invalid image size", model: "gemini-3.1-flash-image"),
        Mistake(#"{"imageConfig":{"imageSize":"512"}}"#, "Invalid image size: 512"),
        Mistake(#"{"imageConfig":{"imageSize":"512"}}"#, "Invalid image size: 512", model: "gemini-nano-banana-2.1"),
        Mistake(#"{"imageConfig":{"imageSize":"2K"}}"#, "Invalid image size: 2K", model: "gemini-3.1-flash-lite-image"),
        Mistake(#"{"imageConfig":{"imageSize":"1K"}}"#, "Image size is not supported", model: "gemini-2.5-flash-image"),
        Mistake(#"{"imageConfig":{"aspectRatio":"4:1"}}"#, "Invalid aspect ratio", model: "gemini-2.5-flash-image"),
        Mistake(#"{"thinkingConfig":{"thinkingLevel":"LOW"}}"#, "Thinking level LOW", model: "gemini-nano-banana-2.1"),
        Mistake(
            #"{"thinkingConfig":{"thinkingLevel":"medium"}}"#,
            "Thinking level MEDIUM",
            model: "gemini-3.1-flash-image"
        ),
        Mistake(#"{"thinkingConfig":{"thinkingLevel":"HIGH"}}"#, "Thinking level", model: "gemini-2.5-flash-image"),
        Mistake(#"{"thinkingConfig":{"thinkingLevel":"SOME"}}"#, "ThinkingConfig.ThinkingLevel"),
        Mistake(#"{"candidateCount":2}"#, "Multiple candidates is not enabled for this model"),
        Mistake(#"{"candidateCount":0}"#, "candidate_count"),
        Mistake(#"{"maxOutputTokens":0}"#, "max_output_tokens"),
        Mistake(#"{"responseModalities":["VIDEO"]}"#, "generation_config.response_modalities[0]"),
        Mistake(#"{"responseModalities":["AUDIO"]}"#, "response modalities"),
        Mistake(#"{"seed":"seven"}"#, "'generation_config.seed' (TYPE_INT32)"),
        Mistake(#"{"seed":3000000000}"#, "TYPE_INT32"),
        Mistake(#"{"imageConfig":{"aspectRatio":"16:9"}}"#, "Aspect ratio is not enabled", model: "gemini-3.7-flash"),
        Mistake(#"{}"#, "response modalities", model: "gemini-3.7-flash"),
        Mistake(
            #"{"imageConfig":{"personGeneration":"ALLOW_ALL"}}"#,
            #"Unknown name "personGeneration" at 'generation_config.image_config'"#
        ),
        Mistake(
            #"{"responseFormat":[]}"#,
            #"Unknown name "responseFormat" at 'generation_config': Cannot find field."#
        ),
    ]

    @Test(arguments: mistakes)
    func `what a model rejects is refused`(mistake: Mistake) async throws {
        let config = try JSON(reading: ByteBuffer(string: mistake.config))
        try await withEmulator { client, emulator in
            let answer = try await client.draw("fox", mistake.model, config: config)

            #expect(answer.status == 400)
            #expect(answer.statusName == "INVALID_ARGUMENT")
            #expect(answer.message.contains(mistake.text), "\(answer.message)")
            #expect(emulator.ledger.totals.calls == 0)
        }
    }

    @Test(arguments: [
        (
            "gemini-3.1-flash-image",
            #"{"imageConfig":{"imageSize":"512","aspectRatio":"1:8"},"thinkingConfig":{"thinkingLevel":"minimal"}}"#
        ),
        ("gemini-3-pro-image", #"{"thinkingConfig":{"thinkingLevel":"LOW"}}"#),
        ("gemini-3-pro-image", #"{"generation_config_is_not_here":null}"#),
        (
            "gemini-3-pro-image",
            #"{"seed":"7","candidateCount":1,"temperature":0.5,"topP":"0.9","stopSequences":["x"]}"#
        ),
        ("gemini-3-pro-image", #"{"imageConfig":null}"#),
    ])
    func `what a model takes is taken`(model: String, config: String) async throws {
        let config = try JSON(reading: ByteBuffer(string: config))
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox", model, config: config)
            let isUnknown = config.members?.first?.name.hasPrefix("generation") == true

            #expect(answer.status == (isUnknown ? 400 : 200), "\(answer.message)")
        }
    }

    @Test func `an unknown field is named with its place, in text and violations`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.call(
                "gemini-3-pro-image:generateContent",
                gemini("fox", config: ["n": 1], extra: [.init("prompt", "fox")])
            )
            let violations = answer.json["error"]?["details"]?[0]

            #expect(answer.status == 400)
            #expect(
                answer.message.contains(#"Invalid JSON payload received. Unknown name "prompt": Cannot find field."#)
            )
            #expect(answer.message.contains(#"Unknown name "n" at 'generation_config': Cannot find field."#))
            #expect(violations?["@type"]?.string == "type.googleapis.com/google.rpc.BadRequest")
            #expect(violations?["fieldViolations"]?.array?.count == 2)
            #expect(violations?["fieldViolations"]?[0]?["field"]?.string == "generation_config")
        }
    }

    @Test func `names may be written in snake case`() async throws {
        let body: JSON = [
            "contents": [["role": "user", "parts": [["text": "fox"]]]],
            "generation_config": [
                "response_modalities": ["IMAGE"], "image_config": ["aspect_ratio": "16:9", "image_size": "2K"],
                "thinking_config": ["include_thoughts": false],
            ],
            "safety_settings": [["category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"]],
        ]
        try await withEmulator { client, _ in
            let answer = try await client.call("gemini-3-pro-image:generateContent", body)

            let picture = try #require(answer.pictures.first)
            #expect(PictureHeader(picture.bytes.readableBytesView)?.size == PixelSize(2752, 1536))
        }
    }

    @Test func `the stable version does not know what came with pictures`() async throws {
        try await withEmulator { client, _ in
            for config: JSON in [["responseModalities": ["IMAGE"]], ["imageConfig": ["imageSize": "1K"]]] {
                let answer = try await client.call(
                    "gemini-3-pro-image:generateContent",
                    gemini("fox", config: config),
                    version: "v1"
                )
                #expect(answer.status == 400)
                #expect(answer.message.contains("Cannot find field"))
            }
            #expect(
                try await client.call("gemini-3-pro-image:generateContent", gemini("fox"), version: "v1").status == 200
            )
            #expect(
                try await client.call("gemini-9:generateContent", gemini("fox"), version: "v1").message.contains(
                    "version v1,"
                )
            )
        }
    }

    @Test(arguments: ["", "{", "[]", "\"text\"", "{\"contents\":", "nonsense", "{} {}"])
    func `what is not a JSON object is refused`(text: String) async throws {
        try await withEmulator { client, _ in
            let response = try await client.execute(
                uri: "/v1beta/models/gemini-3-pro-image:generateContent?key=emulated-x",
                method: .post,
                body: ByteBuffer(string: text)
            )

            #expect(Answer(response).status == 400)
            #expect(Answer(response).message.contains("Invalid JSON payload received"))
        }
    }

    @Test(arguments: [TestingSetup.router, .live])
    func `a request beyond the limit is refused, one at the limit is not`(setup: TestingSetup) async throws {
        let body = gemini("fox").encoded()
        let limit = 3_000_000
        try await withEmulator({ $0.requestLimit = limit }, on: setup) { client, _ in
            for (length, status) in [(limit, 200), (limit + 1, 400)] {
                var text = body
                text.writeRepeatingByte(0x20, count: length - body.readableBytes)
                let answer = Answer(
                    try await client.execute(
                        uri: "/v1beta/models/gemini-3-pro-image:generateContent?key=emulated-x",
                        method: .post,
                        body: text
                    )
                )
                #expect(answer.status == status)
                #expect(status == 200 || answer.message.contains("payload size exceeds the limit: \(limit) bytes"))
            }
        }
    }

    @Test func `the limit is 20 megabytes unless it is set`() {
        #expect(EmulatorSettings().requestLimit == 20 * 1024 * 1024)
    }
}
