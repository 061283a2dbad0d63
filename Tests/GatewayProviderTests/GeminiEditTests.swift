// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct GeminiEditTests {
    @Test(arguments: ["edit", "edit_several"])
    func `an edit gives a picture and counts its inputs`(scenario: String) async throws {
        let progress = try await GeminiTests.replay(scenario)

        guard case .done(let result) = progress else {
            Issue.record("no result")
            return
        }
        #expect(result.images.count == 1)
        #expect(result.usage?.inputImageTokens == (scenario == "edit" ? 258 : 1032))
    }

    static let failures: [(String, ProviderError.Code, Attempt.Outcome, String)] = [
        ("edit_unreadable", .invalidRequest, .rejected, "cannot read an input picture"),
        ("edit_invalid_picture", .invalidRequest, .rejected, "cannot read an input picture"),
        ("edit_too_large", .invalidRequest, .rejected, "larger than the provider takes"),
        ("edit_file_gone", .invalidRequest, .rejected, "no longer has an input picture"),
        ("edit_blocked", .refused, .refused, "the prompt or an input picture"),
    ]

    @Test(arguments: failures)
    func `a failure because of an input picture is the request's`(
        scenario: String,
        code: ProviderError.Code,
        outcome: Attempt.Outcome,
        words: String
    ) async throws {
        let error = try #require(await #expect(throws: ProviderError.self) { try await GeminiTests.replay(scenario) })

        #expect(error.code == code)
        #expect(error.outcome == outcome)
        #expect(error.recovery == .report)
        #expect(error.consequence == nil)
        #expect(error.message.contains(words), "\(error.message)")
    }

    @Test func `pictures stand in front of the words, in their order, byte for byte`() async throws {
        let pictures = [(PictureFormat.webp, 5), (.png, 200_000), (.jpeg, 71_301), (.png, 4), (.jpeg, 0)].map {
            Self.picture($0.0, padding: $0.1)
        }
        var call = ProviderCall(model: "gemini-3-pro-image", prompt: "Put image 1 into image 2")
        call.inputs = pictures

        let sent = try await Self.send(call)
        let parts = try JSON(reading: sent.body)["contents"]?[0]?["parts"]?.array ?? []

        #expect(parts.count == 6)
        #expect(parts.last?["text"]?.string == call.prompt)
        for (part, picture) in zip(parts, pictures) {
            guard case .string(let text) = part["inlineData"]?["data"] else {
                Issue.record("no data")
                continue
            }
            #expect(Base64.decode(text.bytes) == picture.bytes)
            #expect(part["inlineData"]?["mimeType"]?.string == picture.header.format.mediaType)
        }
    }

    @Test func `a large picture is sent as a piece of its own`() async throws {
        var call = ProviderCall(model: "gemini-3-pro-image", prompt: "fox")
        call.inputs = [Self.picture(.png, padding: 300_000), Self.picture(.jpeg, padding: 10)]

        guard case .bytes(let buffers) = try await Self.send(call).request.body else {
            Issue.record("no bytes")
            return
        }

        try #require(buffers.count == 3)
        #expect(buffers.map(\.readableBytes)[1] == (call.inputs[0].bytes.readableBytes + 2) / 3 * 4)
    }

    @Test func `an edit is told a shape only if one is wished`() throws {
        var call = ProviderCall(model: "gemini-3-pro-image", prompt: "fox")
        call.inputs = [Self.picture(.png)]
        #expect(GeminiWire.body(call)["generationConfig"]?["imageConfig"] == nil)

        call.tier = .twoK
        #expect(GeminiWire.body(call)["generationConfig"]?["imageConfig"] == ["imageSize": "2K"])

        call.aspectRatio = AspectRatio("4:3")
        let both: JSON = ["aspectRatio": "4:3", "imageSize": "2K"]
        #expect(GeminiWire.body(call)["generationConfig"]?["imageConfig"] == both)
    }

    @Test func `what would be refused is not sent`() async throws {
        var masked = ProviderCall(model: "gemini-3-pro-image", prompt: "fox")
        masked.inputs = [Self.picture(.png)]
        masked.mask = masked.inputs[0]
        var huge = masked
        huge.mask = nil
        huge.inputs = Array(repeating: Self.picture(.png, padding: 40_000_000), count: 2)

        for (call, words) in [(masked, "no mask"), (huge, "larger than the provider takes")] {
            let transport = ReplayTransport([])
            let error = await #expect(throws: ProviderError.self) {
                try await GeminiTests.provider(transport).submit(call, key: Secret("secret-key"))
            }
            #expect(transport.sent.isEmpty)
            #expect(error?.code == .invalidRequest)
            #expect(error?.outcome == .notSent)
            #expect(error?.recovery == .report)
            #expect(error?.message.contains(words) == true)
        }
        huge.inputs = Array(repeating: Self.picture(.png, padding: 36_000_000), count: 2)
        #expect(throws: Never.self) { try GeminiWire.check(huge) }
    }

    @Test(arguments: GeminiProvider.descriptor.models.map(\.id) + ["gemini-9-image"])
    func `every model edits up to fourteen pictures, and none takes a mask`(model: String) {
        let capabilities = GeminiProvider.descriptor.capabilities(of: model)

        #expect(capabilities.maxInputs == 14)
        #expect(capabilities.inputFormats == [.png, .jpeg, .webp])
        #expect(!capabilities.takesMask)
        #expect(capabilities.promptLimit == 32_000)
    }

    @Test func `Imagen edits nothing, and buys nothing instead`() async throws {
        var call = ProviderCall(model: "imagen-4.0-generate-001", prompt: "fox")
        call.inputs = [Self.picture(.png)]
        let transport = ReplayTransport([])

        let error = await #expect(throws: ProviderError.self) {
            try await ImagenTests.provider(transport).submit(call, key: Secret("secret-key"))
        }

        #expect(transport.sent.isEmpty)
        #expect(error?.code == .invalidRequest && error?.outcome == .notSent && error?.recovery == .report)
        #expect(ImagenProvider.descriptor.models.allSatisfy { $0.capabilities.maxInputs == 0 })
        #expect(ImagenProvider.descriptor.unknownModel.maxInputs == 0)
    }

    // MARK: Helpers

    /// A file that begins like a picture, and goes on with noise.
    static func picture(_ format: PictureFormat, padding: Int = 0) -> InputPicture {
        let head: [UInt8] =
            switch format {
            case .png:
                [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13] + Array("IHDR".utf8) + [0, 0, 0, 8, 0, 0, 0, 6]
            case .jpeg: [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 24, 1, 1, 17, 0]
            case .webp:
                Array("RIFF".utf8) + [22, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0]
                    + [31, 0, 0, 23, 0, 0]
            }
        var bytes = ByteBuffer(bytes: head)
        // Larger paddings are for sizes only.
        if padding < 1 << 20 {
            bytes.writeBytes((0..<padding).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 8) })
        } else {
            bytes.writeRepeatingByte(7, count: padding)
        }
        guard let picture = InputPicture(bytes) else { preconditionFailure("the test's own picture") }
        return picture
    }

    static func send(_ call: ProviderCall) async throws -> ReplayTransport.Sent {
        let transport = ReplayTransport([.text("", status: 503)])
        _ = try? await GeminiTests.provider(transport).submit(call, key: Secret("secret-key"))
        return try #require(transport.sent.first)
    }
}
