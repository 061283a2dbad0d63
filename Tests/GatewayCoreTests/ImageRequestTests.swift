// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite struct ImageRequestTests {
    typealias Draft = ImageRequest.Draft

    /// A change to a good draft, named for the test's output.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout Draft) -> Void

        init(_ name: String, _ change: @escaping @Sendable (inout Draft) -> Void) {
            testDescription = name
            self.change = change
        }
    }

    static func request(_ change: (inout Draft) -> Void = { _ in }) throws(InvalidRequest) -> ImageRequest {
        var draft = Draft()
        draft.model = "gemini-3-pro-image-preview"
        draft.prompt = "a fox"
        change(&draft)
        return try ImageRequest(draft)
    }

    static let good: [Case] = [
        Case("only model and prompt") { _ in },
        Case("longest model") { $0.model = String(repeating: "m", count: 256) },
        Case("longest prompt") { $0.prompt = String(repeating: "ä", count: 32_000) },
        Case("prompt with spaces around") { $0.prompt = "  fox\n" },
        Case("most pictures") { $0.count = 10 },
        Case("size auto") { $0.size = "auto" },
        Case("size in pixels") { $0.size = "1536x1024" },
        Case("size with a capital X") { $0.size = "1536X1024" },
        Case("largest size") { $0.size = "65535x65535" },
        Case("size class") { $0.size = "4k" },
        Case("size as ratio") { $0.size = "16:9" },
        Case("ratio") { $0.aspectRatio = "9:16" },
        Case("ratio auto") { $0.aspectRatio = "AUTO" },
        Case("every quality") { $0.quality = "hd" },
        Case("quality auto") { $0.quality = "auto" },
        Case("background") { $0.background = "transparent" },
        Case("transparent webp") { ($0.background, $0.outputFormat) = ("transparent", "webp") },
        Case("opaque jpeg") { ($0.background, $0.outputFormat) = ("opaque", "jpeg") },
        Case("least compression") { $0.outputCompression = 0 },
        Case("most compression") { $0.outputCompression = 100 },
        Case("url") { $0.responseFormat = "url" },
        Case("largest seed") { $0.seed = 2_147_483_647 },
        Case("blank negative prompt") { $0.negativePrompt = " " },
        Case("longest negative prompt") { $0.negativePrompt = String(repeating: "n", count: 32_000) },
        Case("longest user") { $0.user = String(repeating: "u", count: 512) },
        Case("style") { $0.style = "natural" },
        Case("moderation") { $0.moderation = "low" },
        Case("sixteen notes") { $0.metadata = notes(16) },
        Case("longest note") {
            $0.metadata = [String(repeating: "k", count: 64): String(repeating: "v", count: 2048)]
        },
    ]

    @Test(arguments: good)
    func `a good request is taken`(change: Case) {
        #expect(throws: Never.self) { try Self.request(change.change) }
    }

    static let bad: [(parameter: String, code: InvalidRequest.Code, change: Case)] = [
        ("model", .missingParameter, Case("no model") { $0.model = nil }),
        ("model", .missingParameter, Case("empty model") { $0.model = "" }),
        ("model", .invalidValue, Case("long model") { $0.model = String(repeating: "m", count: 257) }),
        ("prompt", .missingParameter, Case("no prompt") { $0.prompt = nil }),
        ("prompt", .missingParameter, Case("blank prompt") { $0.prompt = " \n\t\u{3000}" }),
        ("prompt", .invalidValue, Case("32,001 characters") { $0.prompt = String(repeating: "a", count: 32_001) }),
        (
            "prompt", .invalidValue,
            Case("one letter under 32,000 combining marks") {
                $0.prompt = "a" + String(repeating: "\u{301}", count: 32_000)
            }
        ),
        ("n", .invalidValue, Case("n 0") { $0.count = 0 }),
        ("n", .invalidValue, Case("n 11") { $0.count = 11 }),
        ("n", .invalidValue, Case("n -1") { $0.count = -1 }),
        ("size", .invalidValue, Case("size 0x0") { $0.size = "0x0" }),
        ("size", .invalidValue, Case("one side") { $0.size = "1024" }),
        ("size", .invalidValue, Case("three sides") { $0.size = "1x2x3" }),
        ("size", .invalidValue, Case("negative side") { $0.size = "-1x1024" }),
        ("size", .invalidValue, Case("too large") { $0.size = "65536x1" }),
        ("size", .invalidValue, Case("other digits") { $0.size = "١٠٢٤x١٠٢٤" }),
        ("size", .invalidValue, Case("many digits") { $0.size = "00000001x1" }),
        ("size", .invalidValue, Case("spaces") { $0.size = "1024 x 1024" }),
        ("size", .invalidValue, Case("unknown class") { $0.size = "8K" }),
        ("size", .invalidValue, Case("empty") { $0.size = "" }),
        ("aspect_ratio", .invalidValue, Case("ratio 0:1") { $0.aspectRatio = "0:1" }),
        ("aspect_ratio", .invalidValue, Case("ratio with x") { $0.aspectRatio = "16x9" }),
        ("aspect_ratio", .invalidValue, Case("long ratio") { $0.aspectRatio = "10000:1" }),
        ("aspect_ratio", .invalidValue, Case("half a ratio") { $0.aspectRatio = "16:" }),
        ("quality", .invalidValue, Case("quality") { $0.quality = "best" }),
        ("background", .invalidValue, Case("background") { $0.background = "red" }),
        ("output_format", .invalidValue, Case("format") { $0.outputFormat = "gif" }),
        ("output_format", .invalidValue, Case("format auto") { $0.outputFormat = "auto" }),
        ("output_compression", .invalidValue, Case("compression 101") { $0.outputCompression = 101 }),
        ("output_compression", .invalidValue, Case("compression -1") { $0.outputCompression = -1 }),
        ("response_format", .invalidValue, Case("response format") { $0.responseFormat = "base64" }),
        ("seed", .invalidValue, Case("seed -1") { $0.seed = -1 }),
        ("seed", .invalidValue, Case("seed 2^31") { $0.seed = 2_147_483_648 }),
        (
            "negative_prompt", .invalidValue,
            Case("negative") { $0.negativePrompt = String(repeating: "n", count: 32_001) }
        ),
        ("style", .invalidValue, Case("style") { $0.style = "baroque" }),
        ("moderation", .invalidValue, Case("moderation") { $0.moderation = "none" }),
        ("user", .invalidValue, Case("user") { $0.user = String(repeating: "u", count: 513) }),
        ("metadata", .invalidValue, Case("17 notes") { $0.metadata = notes(17) }),
        ("metadata", .invalidValue, Case("long name") { $0.metadata = [String(repeating: "k", count: 65): ""] }),
        ("metadata", .invalidValue, Case("long note") { $0.metadata = ["k": String(repeating: "v", count: 2049)] }),
        (
            "background", .invalidValue,
            Case("transparent jpeg") { ($0.background, $0.outputFormat) = ("transparent", "jpg") }
        ),
    ]

    @Test(arguments: bad)
    func `a bad request is refused by the name of its mistake`(
        parameter: String,
        code: InvalidRequest.Code,
        change: Case
    ) {
        let error = #expect(throws: InvalidRequest.self) { try Self.request(change.change) }

        #expect(error?.parameter == parameter)
        #expect(error?.code == code)
        #expect(error?.message.contains(parameter) == true)
        #expect(error?.message.hasSuffix(".") == true)
    }

    @Test func `absent members have the contract's defaults`() throws {
        let request = try Self.request()

        #expect(request.kind == .generation)
        #expect(request.count == 1)
        #expect(request.responseFormat == .base64)
        #expect(request.size == nil && request.aspectRatio == nil && request.quality == nil)
        #expect(request.background == nil && request.outputFormat == nil && request.outputCompression == nil)
        #expect(request.seed == nil && request.negativePrompt == nil && request.style == nil)
        #expect(request.moderation == nil && request.user == nil && request.metadata.isEmpty)
    }

    @Test func `members are read as they were meant`() throws {
        let request = try Self.request { draft in
            draft.kind = .edit
            draft.inputs = [.url("https://example.com/fox.png")]
            draft.size = "1536X1024"
            draft.aspectRatio = "21:9"
            draft.outputFormat = "jpg"
            draft.quality = "auto"
            draft.background = "opaque"
            draft.metadata = ["order": "7"]
        }

        #expect(request.kind == .edit)
        #expect(request.size == .pixels(PixelSize(1536, 1024)))
        #expect(request.aspectRatio == AspectRatio(21, 9))
        #expect(request.outputFormat == .jpeg)
        #expect(request.quality == nil)
        #expect(request.background == .opaque)
        #expect(request.metadata == ["order": "7"])
    }

    static let sizes: [(text: String, size: RequestedSize)] = [
        ("1k", .tier(.oneK)), ("2K", .tier(.twoK)), ("512", .tier(.half)), ("16:9", .ratio(AspectRatio(16, 9))),
        ("1x65535", .pixels(PixelSize(1, 65_535))),
    ]

    @Test(arguments: sizes)
    func `a size is pixels, a class or a shape, and prints as it is written`(text: String, size: RequestedSize) {
        #expect(RequestedSize(text) == size)
        #expect(RequestedSize(size.description) == size)
    }

    static let tiers: [(size: PixelSize, tier: SizeTier)] = [
        (PixelSize(1, 1), .half), (PixelSize(767, 767), .half), (PixelSize(768, 768), .oneK),
        (PixelSize(1376, 768), .oneK), (PixelSize(1535, 1535), .oneK), (PixelSize(1536, 1536), .twoK),
        (PixelSize(3071, 3071), .twoK), (PixelSize(3072, 3072), .fourK), (PixelSize(65_535, 65_535), .fourK),
    ]

    @Test(arguments: tiers)
    func `pixels belong to the class whose side is nearest`(size: PixelSize, tier: SizeTier) {
        #expect(SizeTier.nearest(to: size) == tier)
    }

    private static func notes(_ count: Int) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (0..<count).map { ("note \($0)", "text") })
    }
}
