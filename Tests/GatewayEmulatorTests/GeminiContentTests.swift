// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HummingbirdTesting
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct GeminiContentTests {
    private static func picture(_ size: PixelSize, _ format: PictureFormat = .png) throws -> JSON {
        let file = try PictureTests.order("input", format, size: size).draw()
        return [
            "inlineData": [
                "mimeType": JSON(format.mediaType), "data": .string(.slice(Base64.encode(ByteBuffer(bytes: file)))),
            ]
        ]
    }

    private static func ask(
        _ client: any TestClientProtocol,
        _ contents: JSON,
        model: String = "gemini-3-pro-image",
        extra: [JSON.Member] = []
    ) async throws -> Answer {
        try await client.call("\(model):generateContent", .object([.init("contents", contents)] + extra))
    }

    static let mistakes: [(String, String)] = [
        (#"[]"#, "contents is not specified"),
        (#"[{"parts":[]}]"#, "contents[0].parts"),
        (#"[{"role":"system","parts":[{"text":"x"}]}]"#, "valid role"),
        (#"[{"role":"model","parts":[{"text":"x"}]}]"#, "user turn"),
        (#"[{"parts":[{}]}]"#, "contents[0].parts[0].data"),
        (#"[{"parts":[{"thought":true}]}]"#, "oneof"),
        (#"[{"parts":{"text":"x"}}]"#, "contents[0].parts"),
        (#"[{"parts":[{"txt":"x"}]}]"#, #"Unknown name "txt" at 'contents[0].parts[0]'"#),
        (#"[{"parts":[{"inlineData":{"mimeType":"image/png","data":"***"}}]}]"#, "Base64 decoding failed"),
        (#"[{"parts":[{"inlineData":{"mimeType":"image/png","data":""}}]}]"#, "inline_data.data"),
        (#"[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]"#, "Unable to process input image"),
        (#"[{"parts":[{"inlineData":{"mimeType":"image/heic","data":"AAAA"}}]}]"#, "Unable to process input image"),
        (
            #"[{"parts":[{"inlineData":{"mimeType":"image/svg+xml","data":"AAAA"}}]}]"#,
            "Unsupported MIME type: image/svg+xml"
        ),
        (#"[{"parts":[{"inlineData":{"data":"AAAA"}}]}]"#, "mime_type"),
        (#"[{"parts":[{"fileData":{"fileUri":"https://example.com/a.png"}}]}]"#, "Cannot fetch content"),
    ]

    @Test(arguments: mistakes)
    func `contents that cannot be are refused`(contents: String, text: String) async throws {
        let contents = try JSON(reading: ByteBuffer(string: contents))
        try await withEmulator { client, _ in
            let answer = try await Self.ask(client, contents)

            #expect(answer.status == 400)
            #expect(answer.message.contains(text), "\(answer.message)")
        }
    }

    @Test func `a file of somebody else's is 403`() async throws {
        let part: JSON = ["fileData": ["fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc123"]]
        try await withEmulator { client, _ in
            let answer = try await Self.ask(client, [["parts": [part]]])

            #expect(answer.status == 403)
            #expect(answer.message.contains("File abc123"))
        }
    }

    @Test(arguments: [
        (PixelSize(300, 160), "1376x768"), (PixelSize(160, 300), "768x1376"), (PixelSize(200, 200), "1024x1024"),
    ])
    func `an edit keeps the shape of its last picture`(input: PixelSize, output: String) async throws {
        let first = try Self.picture(PixelSize(64, 128))
        let last = try Self.picture(input, .jpeg)
        try await withEmulator { client, _ in
            let answer = try await Self.ask(client, [["parts": [first, last, ["text": "make it blue"]]]])

            let picture = try #require(answer.pictures.last)
            #expect(PictureHeader(picture.bytes.readableBytesView)?.size == PixelSize(output))
            #expect(answer.json["usageMetadata"]?["promptTokensDetails"]?[1]?["tokenCount"]?.integer == 516)
        }
    }

    @Test func `more than fourteen pictures are refused`() async throws {
        let picture = try Self.picture(PixelSize(16, 16))
        try await withEmulator { client, _ in
            let fitting = try await Self.ask(client, [["parts": .array(Array(repeating: picture, count: 14))]])
            let tooMany = try await Self.ask(client, [["parts": .array(Array(repeating: picture, count: 15))]])

            #expect(fitting.status == 200)
            #expect(tooMany.status == 400)
            #expect(tooMany.message.contains("15 images"))
        }
    }

    @Test func `a replayed picture needs its signature`() async throws {
        let picture = try Self.picture(PixelSize(16, 16))
        var members = try #require(picture.members)
        members.append(.init("thoughtSignature", "AAAA"))
        let signed = JSON.object(members)
        @Sendable func turns(_ part: JSON) -> JSON {
            [
                ["role": "user", "parts": [["text": "a fox"]]], ["role": "model", "parts": [part]],
                ["role": "user", "parts": [["text": "bluer"]]],
            ]
        }
        try await withEmulator { client, _ in
            let bare = try await Self.ask(client, turns(picture))
            #expect(bare.status == 400)
            #expect(bare.message.contains("thought_signature in content position 2, part position 1"))
            #expect(try await Self.ask(client, turns(signed)).status == 200)
            #expect(try await Self.ask(client, turns(picture), model: "gemini-2.5-flash-image").status == 200)
        }
    }

    @Test func `a safety category may be set once`() async throws {
        let setting: JSON = ["category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"]
        let contents: JSON = [["parts": [["text": "x"]]]]
        try await withEmulator { client, _ in
            let twice = try await Self.ask(client, contents, extra: [.init("safetySettings", [setting, setting])])
            let unknown: JSON = ["category": "HARM_CATEGORY_IMAGE_HATE", "threshold": "OFF"]
            let vertex = try await Self.ask(client, contents, extra: [.init("safetySettings", [unknown])])

            #expect(twice.status == 400)
            #expect(vertex.message.contains("HarmCategory"))
            #expect(try await Self.ask(client, contents, extra: [.init("safetySettings", [setting])]).status == 200)
        }
    }
}
