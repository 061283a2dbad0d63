// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayProviders

@Suite struct GeminiRequestTests {
    static let qualities: [(String, ImageRequest.Quality, String?)] = [
        ("gemini-nano-banana-2.1", .low, "MINIMAL"), ("gemini-nano-banana-2.1", .medium, "MEDIUM"),
        ("gemini-nano-banana-2.1", .high, "HIGH"), ("gemini-nano-banana-2.1", .standard, nil),
        ("gemini-3.1-flash-image", .low, "MINIMAL"), ("gemini-3.1-flash-image", .medium, nil),
        ("gemini-3.1-flash-lite-image", .high, "HIGH"), ("gemini-3-pro-image", .high, nil),
        ("gemini-2.5-flash-image", .high, nil), ("gemini-9-image", .high, nil),
    ]

    @Test(arguments: qualities)
    func `quality becomes a level only where the model has it`(
        model: String,
        quality: ImageRequest.Quality,
        level: String?
    ) {
        var call = ProviderCall(model: model, prompt: "fox")
        call.quality = quality

        let config = GeminiWire.body(call)["generationConfig"]

        #expect(config?["thinkingConfig"]?["thinkingLevel"]?.string == level)
        #expect((config?["thinkingConfig"] == nil) == (level == nil))
    }

    static let geometries: [(String, SizeTier, String, String?, String?)] = [
        ("gemini-nano-banana-2.1", .half, "8:1", nil, "8:1"),
        ("gemini-3.1-flash-image", .half, "1:4", "512", "1:4"),
        ("gemini-3-pro-image", .fourK, "1:8", "4K", nil), ("gemini-2.5-flash-image", .oneK, "3:2", nil, "3:2"),
        ("gemini-2.5-flash-image-next", .twoK, "3:2", nil, "3:2"),
        ("gemini-3.1-flash-lite-image", .twoK, "4:1", nil, "4:1"),
        ("models/gemini-3-pro-image", .twoK, "4:3", "2K", "4:3"), ("gemini-9-image", .twoK, "4:3", "2K", "4:3"),
    ]

    @Test(arguments: geometries)
    func `size and shape are sent only as the model takes them`(
        model: String,
        tier: SizeTier,
        ratio: String,
        size: String?,
        shape: String?
    ) {
        var call = ProviderCall(model: model, prompt: "fox")
        call.tier = tier
        call.aspectRatio = AspectRatio(ratio)

        let config = GeminiWire.body(call)["generationConfig"]?["imageConfig"]

        #expect(config?["imageSize"]?.string == size)
        #expect(config?["aspectRatio"]?.string == shape)
    }

    @Test(arguments: [
        ("gemini-3-pro-image", "21:9", SizeTier.fourK, "6336x2688"),
        ("gemini-3.1-flash-image", "1:8", .half, "192x1536"),
        ("gemini-nano-banana-2.1", "3:4", .twoK, "1792x2400"), ("gemini-2.5-flash-image", "21:9", .oneK, "1536x672"),
        ("gemini-3.1-flash-lite-image", "8:1", .oneK, "3072x384"),
    ])
    func `the pixel tables are those of the vendor`(model: String, ratio: String, tier: SizeTier, size: String) throws {
        let capabilities = GeminiProvider.descriptor.capabilities(of: model)

        #expect(capabilities.pixels[try #require(AspectRatio(ratio)), tier]?.description == size)
    }

    @Test func `the recommended model comes first, and retired names lead on`() {
        let models = GeminiProvider.descriptor.models

        #expect(models.first?.id == "gemini-nano-banana-2.1")
        #expect(models.first { $0.aliases.contains("nano-banana-pro-preview") }?.id == "gemini-3-pro-image")
        #expect(models.first { $0.aliases.contains("gemini-3-pro-image-preview") }?.id == "gemini-3-pro-image")
        #expect(models.first { $0.aliases.contains("gemini-2.5-flash-image-preview") }?.id == "gemini-2.5-flash-image")
        #expect(models.first { $0.aliases.contains("gemini-3.1-flash-image-preview") }?.id == "gemini-3.1-flash-image")
    }

    @Test func `a model's name cannot leave its place in the path`() async throws {
        let transport = ReplayTransport([])
        let call = ProviderCall(model: "../x?key=1#é/y", prompt: "fox")

        _ = try? await GeminiTests.provider(transport).submit(call, key: Secret("secret-key"))

        #expect(
            transport.sent.first?.request.url
                == "https://vendor.example/v1beta/models/..%2Fx%3Fkey%3D1%23%C3%A9%2Fy:generateContent"
        )
    }
}
