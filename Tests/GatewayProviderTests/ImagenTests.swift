// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct ImagenTests {
    static let png = "iVBORw0KGgo="
    static let image = #"{"mimeType":"image/png","bytesBase64Encoded":"iVBORw0KGgo="}"#
    static let positive = #"{"contentType":"Positive Prompt","safetyAttributes":{"categories":[],"scores":[]}}"#

    @Test(arguments: [
        ("{}", ProviderError.Code.refused), (#"{"predictions":[]}"#, .refused), (#"{"predictions":null}"#, .refused),
        (#"{"deployedModelId":"1"}"#, .refused), (#"{"predictions":[{"raiFilteredReason":"no"}]}"#, .refused),
        (#"{"predictions":[\#(positive)]}"#, .refused), (#"{"predictions":[{"mimeType":"image/png"}]}"#, .noImage),
        (#"{"predictions":[{"bytesBase64Encoded":""}]}"#, .badPicture), (#"{"predictions":"none"}"#, .notUnderstood),
        (#"{"message":"welcome"}"#, .notUnderstood),
    ])
    func `an answer without a picture is no success`(text: String, code: ProviderError.Code) throws {
        let answer = try JSON(reading: ByteBuffer(string: text))

        let error = #expect(throws: ProviderError.self) { try ImagenWire.result(answer, count: 1) }

        #expect(error?.code == code)
        #expect(code != .refused || error?.recovery == .report)
        #expect(code != .refused || error?.outcome == .refused)
    }

    @Test(arguments: [
        ([image, image], 2, 2, [String]()),
        ([#"{"raiFilteredReason":"Support codes: 61493863"}"#, image, positive], 3, 1, ["violence", ""]),
        ([image], 4, 1, ["", "", ""]),
        ([image, #"{"raiFilteredReason":"code 58061214, 29310472"}"#], 2, 1, ["children"]),
        ([image, image, image], 2, 2, []),
    ])
    func `a missing picture has its sentence`(
        predictions: [String],
        asked: Int,
        given: Int,
        categories: [String]
    ) throws {
        let text = #"{"predictions":[\#(predictions.joined(separator: ","))]}"#

        let result = try ImagenWire.result(JSON(reading: ByteBuffer(string: text)), count: asked)

        #expect(result.images.count == given)
        #expect(
            result.missing
                == categories.map {
                    "A picture was withheld by the provider's content filter\($0 == "" ? "" : " (\($0))")."
                }
        )
    }

    @Test func `the rewritten prompt is kept`() async throws {
        let recording = try #require(try recordings(of: "imagen")["success"])
        let transport = ReplayTransport(recording.exchanges.map(\.answer))

        let progress = try await Self.provider(transport).submit(
            try #require(recording.call),
            key: Secret("secret-key")
        )

        guard case .done(let result) = progress else { return }
        #expect(result.images.count == 2)
        #expect(result.revisedPrompt == "A fox with red fur, in fresh snow, soft light")
        #expect(result.missing == [])
    }

    @Test(arguments: [
        (400, "The prompt could not be submitted. It contains sensitive words.", ProviderError.Code.refused),
        (400, "The safety filter threshold prohibited one or more words. Support codes: 90789179", .refused),
        (400, "The response is blocked, as it may violate our policies. Error Code: 1", .refused),
        (400, "Against our Responsible AI practices.", .refused),
        (400, "Imagen API is only accessible to billed users at this time.", .credential),
        (400, "sampleCount must be between 1 and 4", .invalidRequest),
        (400, "personGeneration allow_all is not supported", .invalidRequest),
        (400, "Project is not allowlisted to turn off child detection filter", .invalidRequest),
        (400, "User location is not supported for the API use.", .credential),
        (400, "API key not valid. Support codes: 1", .credential),
        (404, "models/imagen-4.0-generate-001 is not found for API version v1beta", .modelUnavailable),
        (413, "Support codes: 1", .invalidRequest), (503, "violate", .overloaded),
    ])
    func `a rejection has its meaning`(status: Int, message: String, code: ProviderError.Code) {
        let body: JSON = ["error": ["code": JSON(status), "message": JSON(message), "status": "X"]]

        let error = ImagenWire.failure(GoogleFault(VendorAPI.Rejection(status: status, body: body)))

        #expect(error.code == code)
        #expect(code != .refused || error.recovery == .report)
        #expect(code != .modelUnavailable || (error.consequence == .disableModel && error.recovery == .failOver))
        #expect(code != .refused || !message.contains("90789179") || error.message.contains("(sexual content)"))
    }

    static let sizes: [(String, SizeTier, String?)] = [
        ("imagen-4.0-generate-001", .twoK, "2K"), ("imagen-4.0-ultra-generate-001", .oneK, "1K"),
        ("imagen-4.0-fast-generate-001", .twoK, nil), ("imagen-9", .twoK, nil),
    ]

    @Test(arguments: sizes)
    func `a size is sent only to the models that take one`(model: String, tier: SizeTier, size: String?) {
        var call = ProviderCall(model: model, prompt: "fox", count: 3)
        call.tier = tier

        let body = ImagenWire.body(call, ImagenProvider.descriptor.capabilities(of: model))

        #expect(body["parameters"]?["sampleImageSize"]?.string == size)
        #expect(body["parameters"]?["sampleCount"]?.integer == 3)
        #expect(body["parameters"]?["includeRaiReason"]?.bool == true)
        #expect(body["parameters"]?["outputOptions"] == nil)
    }

    @Test(arguments: [
        ("imagen-4.0-generate-001", "9:16", SizeTier.twoK, "1536x2816"),
        ("imagen-4.0-ultra-generate-001", "3:4", .oneK, "896x1280"),
        ("imagen-4.0-fast-generate-001", "16:9", .oneK, "1408x768"),
    ])
    func `the pixel tables are those of the vendor`(model: String, ratio: String, tier: SizeTier, size: String) throws {
        let capabilities = ImagenProvider.descriptor.capabilities(of: model)

        #expect(capabilities.pixels[try #require(AspectRatio(ratio)), tier]?.description == size)
        #expect(capabilities.maxCount == 4)
    }

    static func provider(_ transport: any HTTPTransport) -> ImagenProvider {
        ImagenProvider(
            settings: ProviderSettings(name: "v", baseURL: "https://vendor.example", timeout: .seconds(300)),
            transport: transport
        )
    }
}
