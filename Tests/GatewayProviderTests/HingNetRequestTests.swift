// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct HingNetRequestTests {
    typealias Bench = HingNetBench

    static func call(_ model: String, _ change: (inout ProviderCall) -> Void = { _ in }) -> ProviderCall {
        var call = ProviderCall(model: model, prompt: "fox")
        change(&call)
        return call
    }

    static func wide(_ call: inout ProviderCall) {
        call.aspectRatio = AspectRatio("16:9")
        call.tier = .fourK
    }

    static func full(_ call: inout ProviderCall) {
        call.aspectRatio = AspectRatio("2:3")
        call.quality = .medium
        call.background = .transparent
        call.format = .png
        call.compression = 50
        call.count = 3
        call.seed = 7
        call.negativePrompt = "no people"
    }

    static let bodies: [(ProviderCall, String)] = [
        (
            call("gemini-3-pro-image-preview", wide),
            #"{"model":"gemini-3-pro-image-preview","prompt":"fox","n":1,"size":"4K","aspect_ratio":"16:9","#
                + #""response_format":"b64_json"}"#
        ),
        (
            call("gemini-3-pro-image-preview", full),
            #"{"model":"gemini-3-pro-image-preview","prompt":"fox","n":1,"aspect_ratio":"2:3","#
                + #""response_format":"b64_json"}"#
        ),
        (
            call("gemini-2.5-flash-image", wide),
            #"{"model":"gemini-2.5-flash-image","prompt":"fox","n":1,"aspect_ratio":"16:9","#
                + #""response_format":"b64_json"}"#
        ),
        (
            call("gemini-3-pro-image-preview-4k", wide),
            #"{"model":"gemini-3-pro-image-preview-4k","prompt":"fox","n":1,"response_format":"b64_json"}"#
        ),
        (
            call("imagen-4.0-generate-001", full),
            #"{"model":"imagen-4.0-generate-001","prompt":"fox","n":3,"response_format":"b64_json"}"#
        ),
        (
            call("imagen-4.0-generate-001", wide),
            #"{"model":"imagen-4.0-generate-001","prompt":"fox","n":1,"aspect_ratio":"16:9","#
                + #""response_format":"b64_json"}"#
        ),
        (
            call("gpt-image-2", full),
            #"{"model":"gpt-image-2","prompt":"fox","n":3,"size":"1024x1536","quality":"medium","#
                + #""background":"transparent","output_format":"png","response_format":"b64_json"}"#
        ),
        (
            call("gpt-image-2") {
                $0.format = .jpeg
                $0.compression = 0
                $0.quality = .max
            },
            #"{"model":"gpt-image-2","prompt":"fox","n":1,"size":"auto","output_format":"jpeg","#
                + #""output_compression":0,"response_format":"b64_json"}"#
        ),
        (call("doubao-seedream-5.0", full), #"{"model":"doubao-seedream-5.0","prompt":"fox","watermark":false}"#),
        (call("tomorrow-1", full), #"{"model":"tomorrow-1","prompt":"fox"}"#),
    ]

    @Test(arguments: bodies)
    func `only what a model documents is sent`(call: ProviderCall, body: String) {
        let payload = HingNetRequest(call, .base64).payload

        #expect(payload.contentType == "application/json")
        #expect(payload.buffers.map { String(buffer: $0) }.joined() == body)
    }

    static let routes: [(String, Bool, String)] = [
        ("gemini-3-pro-image-preview", false, "generations/async"), ("gemini-9-image-2k", false, "generations/async"),
        ("gemini-3-pro-image-preview", true, "edits/async"), ("gemini-3-pro", false, "generations"),
        ("imagen-9", false, "generations/async"), ("gpt-image-2", false, "generations"), ("gpt-image-2", true, "edits"),
        ("doubao-seedream-5.0", false, "generations"), ("doubao-seedream-5.0", true, "generations"),
        ("tomorrow-1", true, "edits"),
    ]

    @Test(arguments: routes)
    func `a call goes where its model has a path`(model: String, isEdit: Bool, path: String) async throws {
        let picture = try #require(Bench.picture(8))
        let call = Self.call(model) { $0.inputs = isEdit ? [picture] : [] }

        let run = await Bench.submit(call, .json(Bench.created))

        #expect(run.sent.map(\.request.url) == ["https://vendor.example/v1/images/\(path)"])
    }

    @Test func `what makes no sense is not sent`() async throws {
        let picture = try #require(Bench.picture(8))
        let calls = [
            Self.call("imagen-4.0-generate-001") { $0.inputs = [picture] },
            Self.call("gemini-3-pro-image-preview") {
                $0.inputs = [picture]
                $0.mask = picture
            },
        ]
        for call in calls {
            let run = await Bench.submit(call, .json(Bench.created))

            #expect(run.sent.isEmpty)
            #expect(run.result.error?.code == .invalidRequest && run.result.error?.outcome == .notSent)
        }
    }

    // MARK: Forms

    /// A form as text, its boundary written as B.
    static func form(_ call: ProviderCall, _ delivery: HingNetRequest.Delivery = .base64) throws -> String {
        let payload = HingNetRequest(call, delivery).payload
        let boundary = try #require(payload.contentType.split(separator: "boundary=").last)
        #expect(payload.contentType.hasPrefix("multipart/form-data; boundary="))
        #expect(boundary.count > 40)
        return payload.buffers.map { String(decoding: $0.readableBytesView, as: UTF8.self) }.joined()
            .replacing(boundary, with: "B")
    }

    static func field(_ name: String, _ value: String) -> String {
        "--B\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n"
    }

    static func file(_ name: String, _ file: String, _ picture: InputPicture) -> String {
        "--B\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"\(file)\"\r\nContent-Type: image/png\r\n\r\n"
            + String(decoding: picture.bytes.readableBytesView, as: UTF8.self) + "\r\n"
    }

    @Test func `a form is spelled byte by byte`() throws {
        let picture = try #require(Bench.picture(8))
        let call = Self.call("gemini-3-pro-image-preview") {
            $0.prompt = "a \"fox\"\r\n--B"
            $0.inputs = [picture]
        }

        let fields = [
            Self.field("model", "gemini-3-pro-image-preview"), Self.field("prompt", "a \"fox\"\r\n--B"),
            Self.field("n", "1"), Self.field("size", "1K"), Self.field("response_format", "url"),
            Self.file("image", "image.png", picture),
        ]
        #expect(try Self.form(call, .url) == fields.joined() + "--B--\r\n")
    }

    @Test func `several pictures are a list, and only gpt-image has a mask`() throws {
        let pictures = try [8, 9].map { try #require(Bench.picture($0)) }
        let call = Self.call("gpt-image-2") {
            Self.full(&$0)
            $0.inputs = pictures
            $0.mask = pictures[1]
        }

        let fields = [
            Self.field("model", "gpt-image-2"), Self.field("prompt", "fox"), Self.field("n", "3"),
            Self.field("size", "1024x1536"), Self.field("quality", "medium"),
            Self.field("background", "transparent"), Self.field("output_format", "png"),
            Self.field("response_format", "b64_json"), Self.file("image[]", "image.png", pictures[0]),
            Self.file("image[]", "image.png", pictures[1]), Self.file("mask", "mask.png", pictures[1]),
        ]
        #expect(try Self.form(call) == fields.joined() + "--B--\r\n")
    }

    @Test func `shape and size of an edit are told if they are wished`() throws {
        let picture = try #require(Bench.picture(8))
        let wide = Self.call("gemini-3-pro-image-preview") {
            Self.wide(&$0)
            $0.inputs = [picture]
        }
        let unknown = Self.call("tomorrow-1") { $0.inputs = [picture] }

        #expect(try Self.form(wide).contains(Self.field("size", "4K") + Self.field("aspect_ratio", "16:9")))
        let fields = [Self.field("model", "tomorrow-1"), Self.field("prompt", "fox")]
        #expect(try Self.form(unknown) == fields.joined() + Self.file("image", "image.png", picture) + "--B--\r\n")
    }

    @Test func `pictures are sent from where they are, behind boundaries that nobody knew`() throws {
        let picture = try #require(Bench.picture(8, 1 << 20))
        let call = Self.call("gemini-3-pro-image-preview") { $0.inputs = [picture] }

        let first = HingNetRequest(call, .url).payload
        let second = HingNetRequest(call, .url).payload

        func address(_ buffer: ByteBuffer) -> UInt {
            buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        }
        #expect(first.buffers.contains { address($0) == address(picture.bytes) })
        #expect(first.contentType != second.contentType)
    }

    @Test func `pictures for Doubao stand in a field, one or many`() throws {
        let picture = try #require(Bench.picture(8))
        let one = HingNetRequest(Self.call("doubao-seedream-5.0") { $0.inputs = [picture] }, .base64).payload
        let two = HingNetRequest(Self.call("doubao-seedream-5.0") { $0.inputs = [picture, picture] }, .base64).payload

        let image = try JSON(reading: try #require(one.buffers.first))["image"]
        let images = try JSON(reading: try #require(two.buffers.first))["image"]?.array
        let text = try #require(image?.string)
        #expect(text.hasPrefix("data:image/png;base64,"))
        #expect(Base64.decode(ByteBuffer(string: String(text.dropFirst(22)))) == picture.bytes)
        #expect(images?.count == 2 && images?.first == image)
    }

    @Test(arguments: [
        ("gemini-3-pro-image-preview", "21:9", SizeTier.fourK, "6336x2688"),
        ("gemini-2.5-flash-image", "21:9", .oneK, "1536x672"),
        ("gemini-3.1-flash-image", "8:1", .twoK, "6144x768"), ("imagen-4.0-generate-001", "9:16", .oneK, "768x1408"),
        ("gpt-image-2", "2:3", .oneK, "1024x1536"),
    ])
    func `the pixel tables are those of the vendor`(model: String, ratio: String, tier: SizeTier, size: String) throws {
        let capabilities = HingNetProvider.descriptor.capabilities(of: model)

        #expect(capabilities.pixels[try #require(AspectRatio(ratio)), tier]?.description == size)
        #expect(capabilities.promptLimit == 4000)
    }
}
