// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

/// What the tests of AiToEarn have in common.
enum AiToEarnFixture {
    static let name = "6958f1c2a4b7e30d5c9f8812"
    static let key = Secret("ai_secret-key")
    static let taken: ReplayTransport.Answer = .json(envelope(["logId": JSON(name), "status": "generating"]))

    static func provider(
        _ transport: any HTTPTransport,
        baseURL: String = "https://aitoearn.cn",
        resultBaseURL: String? = nil
    ) -> AiToEarnProvider {
        let settings = ProviderSettings(
            name: "vendor",
            baseURL: baseURL,
            timeout: .seconds(180),
            resultBaseURL: resultBaseURL
        )
        return AiToEarnProvider(settings: settings, transport: transport)
    }

    static func envelope(_ data: JSON, code: Int = 0, message: String = "请求成功") -> JSON {
        ["data": data, "code": JSON(code), "message": JSON(message)]
    }

    /// The body that a call is submitted with.
    static func body(of call: ProviderCall) async throws -> (JSON, ReplayTransport.Sent) {
        let transport = ReplayTransport([taken])
        _ = try await provider(transport).submit(call, key: key)
        let sent = try #require(transport.sent.first)
        return (try JSON(reading: sent.body), sent)
    }

    /// What a poll gives.
    static func poll(_ answer: ReplayTransport.Answer, of name: String = name) async throws(ProviderError)
        -> ProviderProgress
    {
        try await provider(ReplayTransport([answer])).poll(ProviderJob(id: name), key: key)
    }

    /// The error of a poll.
    static func pollError(_ answer: ReplayTransport.Answer) async -> ProviderError? {
        do throws(ProviderError) {
            _ = try await poll(answer)
            return nil
        } catch {
            return error
        }
    }

    /// The beginning of a picture of a size, padded with zeros.
    static func picture(_ format: PictureFormat = .png, width: UInt8 = 16, length: Int = 40) -> ByteBuffer {
        var bytes: [UInt8]
        switch format {
        case .png:
            bytes = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
            bytes += [0, 0, 0, width, 0, 0, 0, 9, 8, 2, 0, 0, 0]
        case .jpeg: bytes = [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0, 9, 0, width, 3]
        case .webp:
            bytes = [UInt8]("RIFF".utf8) + [0, 0, 0, 0] + [UInt8]("WEBPVP8X".utf8)
            bytes += [10, 0, 0, 0, 0, 0, 0, 0, width - 1, 0, 0, 8, 0, 0]
        }
        bytes += [UInt8](repeating: 0, count: max(0, length - bytes.count))
        return ByteBuffer(bytes: bytes)
    }

    static func input(_ format: PictureFormat = .png, width: UInt8 = 16, length: Int = 40) throws -> InputPicture {
        try #require(InputPicture(picture(format, width: width, length: length)))
    }
}

@Suite struct AiToEarnRequestTests {
    static let sizes: [(String?, SizeTier?, String?)] = [
        (nil, nil, nil), ("1:1", nil, "1024x1024"), ("16:9", .oneK, "1536x864"), ("9:16", .twoK, "1440x2560"),
        ("16:9", .fourK, "3840x2160"), ("5:4", .fourK, "3200x2560"), ("3:2", .twoK, "2304x1536"),
        (nil, .twoK, "1920x1920"), (nil, .fourK, "2880x2880"), ("7:5", .oneK, nil),
    ]

    @Test(arguments: sizes)
    func `a size is one of the vendor's own, or is left out`(ratio: String?, tier: SizeTier?, size: String?)
        async throws
    {
        var call = ProviderCall(model: "gpt-image-2", prompt: "fox")
        call.aspectRatio = ratio.flatMap { AspectRatio($0) }
        call.tier = tier

        let (body, sent) = try await AiToEarnFixture.body(of: call)

        #expect(body["size"]?.string == size)
        #expect(body.members?.map(\.name) == ["model", "prompt"] + (size == nil ? [] : ["size"]))
        #expect(sent.request.url == "https://aitoearn.cn/api/ai/image/generate/async")
    }

    @Test(arguments: [
        (ImageRequest.Quality.low, "low"), (.medium, "medium"), (.standard, "medium"), (.high, "high"), (.hd, "high"),
        (.xhigh, "high"), (.max, "high"),
    ])
    func `quality is one of three words`(quality: ImageRequest.Quality, word: String) async throws {
        var call = ProviderCall(model: "gpt-image-2", prompt: "fox")
        call.quality = quality

        #expect(try await AiToEarnFixture.body(of: call).0["quality"]?.string == word)
    }

    @Test func `there are 27 sizes, each a shape in a class`() {
        let model = AiToEarnProvider.descriptor.models.first?.capabilities
        let sizes = (model?.aspectRatios ?? []).flatMap { ratio in
            (model?.tiers ?? []).compactMap { model?.pixels[ratio, $0] }
        }

        #expect(Set(sizes).count == 27)
        #expect(model?.tiers == [.oneK, .twoK, .fourK] && model?.aspectRatios.count == 9)
        #expect(AiToEarnProvider.descriptor.unknownModel.tiers == [.oneK])
    }

    // MARK: Edits

    @Test func `an edit sends its pictures as data, in order, each in a buffer of its own`() async throws {
        var call = ProviderCall(model: "gpt-image-2", prompt: "a \"woodcut\"")
        call.inputs = [try AiToEarnFixture.input(), try AiToEarnFixture.input(.jpeg), try AiToEarnFixture.input(.webp)]
        call.mask = try AiToEarnFixture.input(length: 41)
        call.quality = .high
        call.tier = .twoK

        let (body, sent) = try await AiToEarnFixture.body(of: call)

        #expect(sent.request.url == "https://aitoearn.cn/api/ai/image/edit/async")
        #expect(body.members?.map(\.name) == ["model", "prompt", "size", "image", "mask"])
        #expect(body["prompt"]?.string == "a \"woodcut\"")
        // 16:9 because the first picture is of that shape.
        #expect(body["size"]?.string == "2560x1440")
        let types = ["image/png", "image/jpeg", "image/webp"]
        let images = body["image"]?.array ?? []
        #expect(images.count == 3)
        for (image, (type, input)) in zip(images, zip(types, call.inputs)) {
            #expect(image.string == "data:\(type);base64,\(String(buffer: Base64.encode(input.bytes)))")
        }
        #expect(body["mask"]?.string?.hasPrefix("data:image/png;base64,") == true)
        guard case .bytes(let buffers) = sent.request.body else { return #expect(Bool(false)) }
        #expect(buffers.count == 9)
    }

    @Test func `a body that the front end would refuse is not sent`() async throws {
        var call = ProviderCall(model: "gpt-image-2", prompt: "woodcut")
        let transport = ReplayTransport([AiToEarnFixture.taken])
        call.inputs = [try AiToEarnFixture.input(length: 37_500_000)]

        let error = await #expect(throws: ProviderError.self) {
            try await AiToEarnFixture.provider(transport).submit(call, key: AiToEarnFixture.key)
        }

        #expect(error?.code == .invalidRequest && error?.outcome == .rejected)
        #expect(error?.recovery.failsOver == true && error?.message.contains("37 MB") == true)
        #expect(transport.sent.isEmpty)

        call.inputs = [try AiToEarnFixture.input(length: 37_400_000)]
        let (_, sent) = try await AiToEarnFixture.body(of: call)
        #expect(sent.body.readableBytes > 49_800_000 && sent.body.readableBytes <= 50_000_000)
        #expect(sent.request.limits.total == .seconds(125))
    }

    @Test(arguments: [(PictureFormat.png, UInt8(17)), (.webp, 16), (.jpeg, 16)])
    func `a mask that would fail later is not sent`(format: PictureFormat, width: UInt8) async throws {
        var call = ProviderCall(model: "gpt-image-2", prompt: "woodcut")
        call.inputs = [try AiToEarnFixture.input()]
        call.mask = try AiToEarnFixture.input(format, width: width)
        let transport = ReplayTransport([AiToEarnFixture.taken])

        let error = await #expect(throws: ProviderError.self) {
            try await AiToEarnFixture.provider(transport).submit(call, key: AiToEarnFixture.key)
        }

        #expect(error?.code == .invalidRequest && error?.message.contains("mask") == true)
        #expect(transport.sent.isEmpty)
    }

    @Test func `a submission has half a minute and is nobody's to repeat`() async throws {
        let (_, sent) = try await AiToEarnFixture.body(of: ProviderCall(model: "gpt-image-2", prompt: "fox"))

        #expect(sent.request.limits.total == .seconds(30))
        #expect(!sent.request.isRepeatable)
        #expect(
            sent.request.headers.filter { $0.value.contains("secret-key") }.map(\.name.canonicalName) == ["x-api-key"]
        )
    }

    @Test(arguments: [
        "../../keys", "6958f1c2a4b7e30d5c9f881", "6958f1c2a4b7e30d5c9f88123", "6958f1c2a4b7e30d5c9f881é", "",
        "6958f1c2a4b7e30d5c9f881/", "６９５８f1c2a4b7e30d5c9f8812", "6958f1c2a4b7e30d5c9f881\n",
    ])
    func `a name that could leave its place in the path is none`(name: String) async {
        let transport = ReplayTransport([.json(AiToEarnFixture.envelope(["logId": JSON(name)]))])
        let provider = AiToEarnFixture.provider(transport)

        let submission = await #expect(throws: ProviderError.self) {
            try await provider.submit(ProviderCall(model: "gpt-image-2", prompt: "fox"), key: AiToEarnFixture.key)
        }
        let poll = await #expect(throws: ProviderError.self) {
            try await provider.poll(ProviderJob(id: name), key: AiToEarnFixture.key)
        }

        #expect(submission?.outcome == .unknown && submission?.recovery == .report)
        #expect(poll?.code == .jobNotFound)
        #expect(transport.sent.count == 1)
    }
}
