// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// Edits whose pictures come in a form.
@Suite struct EditFormTests {
    private func taken(_ form: TestForm, _ gateway: TestGateway = TestGateway()) async throws -> ImageRequest {
        let answer = try await gateway.run { try await $0.post(Call.edited, form) }
        try #require(answer.status == 200, "\(answer.text)")
        return try #require(gateway.store.all.first?.request)
    }

    private func refused(
        _ form: TestForm,
        _ code: String,
        status: Int = 400,
        parameter: String?,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let gateway = TestGateway()
        let answers = try await gateway.run { client async throws in
            [try await client.post(Call.edits, form), try await client.post(Call.edited, form)]
        }
        for answer in answers { answer.expectError(status, code, parameter: parameter, at: location) }
        #expect(gateway.store.all.isEmpty, sourceLocation: location)
        #expect((gateway.objects as? MemoryObjectStore)?.calls == [], sourceLocation: location)
        return answers.first?.error?["message"]?.string ?? ""
    }

    private func upload(_ picture: ByteBuffer) throws -> InputImage {
        .upload(try #require(PictureHeader(picture.readableBytesView)), bytes: picture.readableBytes)
    }

    // MARK: Pictures

    @Test(arguments: ["image", "image[]", "image[0]", "images[]", "image[anything]"])
    func `a picture comes under every name that clients use`(name: String) async throws {
        var form = TestForm()
        form.add(name, file: TestPicture.webp())
        let request = try await taken(form)
        #expect(request.kind == .edit)
        #expect(request.inputs == [try upload(TestPicture.webp())])
        #expect(request.mask == nil)
    }

    @Test(arguments: [
        ("in.png", "image/png"), ("in.png", "text/plain"), ("in.txt", nil), (nil, "application/octet-stream"),
        (nil, nil), ("", "application/octet-stream"),
    ])
    func `what a picture is, its bytes say`(fileName: String?, type: String?) async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.jpeg(), named: fileName, type: type)
        #expect(try await taken(form).inputs == [try upload(TestPicture.jpeg())])
    }

    @Test func `pictures keep their order: files, those with an index by it, then addresses`() async throws {
        var form = TestForm()
        let pictures = (1...6).map { TestPicture.png($0) }
        form.add("image_urls[1]", "https://b.example/2.png")
        form.add("image[10]", file: pictures[4])
        form.add("image_url", "https://a.example/1.png")
        form.add("image", file: pictures[0])
        form.add("image[2]", file: pictures[3])
        form.add("image[]", file: pictures[1])
        form.add("image_urls[0]", TestPicture.dataURL(pictures[5]))
        form.add("image[0]", file: pictures[2])
        let request = try await taken(form)
        #expect(
            request.inputs == (try pictures[..<5].map(upload)) + [
                .url("https://a.example/1.png"), try upload(pictures[5]), .url("https://b.example/2.png"),
            ]
        )
    }

    @Test func `an address in the place of a file is an address`() async throws {
        var form = TestForm()
        form.add("image", "https://a.example/1.png")
        form.add("image", TestPicture.dataURL(TestPicture.png()))
        #expect(try await taken(form).inputs == [.url("https://a.example/1.png"), try upload(TestPicture.png())])
    }

    @Test func `the mask goes with the first picture`() async throws {
        var form = TestForm(["model": "masked", "prompt": "a hat"])
        form.add("image", file: TestPicture.jpeg(640, 480))
        form.add("mask", file: TestPicture.png(640, 480))
        #expect(try await taken(form).mask == (try upload(TestPicture.png(640, 480))))
    }

    @Test func `a file field that nobody filled in is absent`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        form.add("mask", file: ByteBuffer(), named: "")
        form.add("image_urls[]", "")
        let request = try await taken(form)
        #expect(request.inputs.count == 1)
        #expect(request.mask == nil)
    }

    // MARK: Pictures that are none

    static let noPictures: [(String, ByteBuffer)] = [
        ("nothing", ByteBuffer()), ("a byte", ByteBuffer(bytes: [0x89])), ("text", ByteBuffer(string: "not a picture")),
        ("an SVG", TestPicture.svg), ("a GIF", ByteBuffer(string: "GIF89a\u{1}\u{0}\u{1}\u{0}")),
        ("a bomb", TestPicture.png(50_000, 50_000)), ("sides of nothing", TestPicture.png(0, 0)),
    ]

    @Test(arguments: noPictures)
    func `what is no picture is refused by its name`(name: String, bytes: ByteBuffer) async throws {
        for member in ["image", "mask"] {
            var form = TestForm()
            if member == "mask" { form.add("image", file: TestPicture.png()) }
            form.add(member, file: bytes)
            _ = try await refused(form, "invalid_image", parameter: member)
        }
    }

    @Test func `a picture over fifty megabytes is refused, one of as many is taken`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png(bytes: (50 << 20) + 1))
        _ = try await refused(form, "payload_too_large", status: 413, parameter: "image")
        var fitting = TestForm()
        fitting.add("image", file: TestPicture.png(bytes: 50 << 20))
        #expect(try await taken(fitting).inputs.count == 1)
    }

    @Test func `a mask without transparency or of another size is refused`() async throws {
        var opaque = TestForm(["model": "masked", "prompt": "a hat"])
        opaque.add("image", file: TestPicture.png())
        opaque.add("mask", file: TestPicture.jpeg())
        _ = try await refused(opaque, "invalid_image", parameter: "mask")
        var small = TestForm(["model": "masked", "prompt": "a hat"])
        small.add("image", file: TestPicture.png(64, 48))
        small.add("mask", file: TestPicture.png(48, 64))
        #expect(try await refused(small, "invalid_image", parameter: "mask").contains("48x64"))
    }

    @Test func `an edit without a picture, or with too many, says so`() async throws {
        _ = try await refused(TestForm(), "missing_required_parameter", parameter: "image")
        var many = TestForm()
        for _ in 0...16 { many.add("image[]", file: TestPicture.png()) }
        _ = try await refused(many, "invalid_value", parameter: "image")
    }

    // MARK: Members

    @Test func `text becomes what the member is`() async throws {
        var form = TestForm([
            "model": "editor", "prompt": "hat 🎩", "n": " 2 ", "stream": "False", "seed": "7", "partial_images": "0",
            "output_compression": "80", "output_format": "webp", "size": "16:9", "quality": "high", "user": "",
            "metadata[order]": "7", "metadata[shop name]": "zürich", "frobnicate": "x", "style": "", "webhook_url": "",
        ])
        form.add("image", file: TestPicture.png())
        form.add("thumbnail", file: TestPicture.png(bytes: 3 << 20))
        let request = try await taken(form)
        #expect(request.prompt == "hat 🎩")
        #expect(request.count == 2)
        #expect(request.seed == 7)
        #expect(request.outputCompression == 80)
        #expect(request.outputFormat == .webp)
        #expect(request.size == .ratio(AspectRatio(16, 9)))
        #expect(request.quality == .high)
        #expect(request.metadata == ["order": "7", "shop name": "zürich"])
        #expect(request.user == nil)
    }

    @Test func `metadata may be one JSON text`() async throws {
        var form = TestForm(["model": "editor", "prompt": "x", "metadata": #"{"order":"7"}"#])
        form.add("image", file: TestPicture.png())
        #expect(try await taken(form).metadata == ["order": "7"])
    }

    @Test(
        arguments: [
            ("n", "two", "invalid_value"), ("n", "0", "invalid_value"), ("n", "1.5", "invalid_value"),
            ("stream", "maybe", "invalid_value"), ("partial_images", "2", "invalid_value"),
            ("webhook_url", "https://a.example", "unsupported_parameter"), ("size", "huge", "invalid_value"),
            ("metadata", "text", "invalid_value"), ("prompt", " ", "missing_required_parameter"),
            ("model", "", "missing_required_parameter"), ("api_base", "https://a.example", "unsupported_parameter"),
            ("API_KEY", "x", "unsupported_parameter"), ("fallbacks[0]", "x", "unsupported_parameter"),
            ("user_config[model_list]", "x", "unsupported_parameter"), ("image_urls", "in.png", "invalid_value"),
            ("image_urls[]", "ftp://a.example/x", "invalid_value"),
            ("mask", "data:image/png;base64,xx", "invalid_image"),
            ("markup", "https://a.example", "unsupported_parameter"),
        ]
    )
    func `a member that cannot be meant is named in a form, too`(
        name: String,
        value: String,
        code: String
    ) async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        form.add(name, value)
        let parameter = name == "image_urls[]" ? "image_urls" : name
        _ = try await refused(form, code, parameter: parameter)
    }

    @Test func `steering by the name of a file is refused as well`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        form.add("vertex_credentials", file: ByteBuffer(string: "{}"), named: "key.json")
        _ = try await refused(form, "unsupported_parameter", parameter: "vertex_credentials")
    }

    @Test func `text that is not UTF-8 is refused`() async throws {
        var form = TestForm()
        form.addPart(["Content-Disposition: form-data; name=\"user\""], ByteBuffer(bytes: [0xFF, 0xFE]))
        _ = try await refused(form, "invalid_value", parameter: "user")
    }

    @Test func `a member of ten megabytes is refused before it is in memory`() async throws {
        var form = TestForm()
        form.add("prompt", String(repeating: "x", count: 10 << 20))
        _ = try await refused(form, "invalid_value", parameter: "prompt")
    }

    // MARK: Bodies

    @Test func `a form that breaks off is refused`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        let (type, body) = (form.contentType, form.unfinished)
        try await TestGateway().run { client in
            let answer = try await client.ask(.post, Call.edits, headers: ["content-type": type], body: body)
            answer.expectError(400, "invalid_value")
            #expect(answer.text.contains("broke off"))
        }
    }

    @Test func `a form over the limit is refused whether its length is said or not`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png(bytes: 9000))
        let gateway = TestGateway { $0.settings.maxBody = 8192 }
        let sent = form
        try await gateway.run { client in
            for headers in [[:], ["content-length": ""]] {
                try await client.post(Call.edits, sent, headers: headers).expectError(413, "payload_too_large")
            }
        }
    }

    @Test(arguments: [
        "text/plain", "application/x-www-form-urlencoded", "image/png", "multipart/mixed; boundary=x",
    ])
    func `a body of another type is refused`(type: String) async throws {
        try await TestGateway().run { client in
            for path in [Call.edits, Call.edited] {
                let answer = try await client.ask(.post, path, headers: ["content-type": type], body: ByteBuffer())
                answer.expectError(415, "unsupported_media_type")
            }
        }
    }

    @Test func `a form for text-to-image is shown the way`() async throws {
        try await TestGateway().run { client in
            let answer = try await client.post(Call.generations, TestForm())
            answer.expectError(415, "unsupported_media_type")
            #expect(answer.text.contains("/v1/images/edits"))
        }
    }

    @Test func `a form whose header names no boundary is refused`() async throws {
        try await TestGateway().run { client in
            let headers = ["content-type": "multipart/form-data"]
            let answer = try await client.ask(.post, Call.edits, headers: headers, body: TestForm().bytes)
            answer.expectError(400, "invalid_value", parameter: "Content-Type")
        }
    }
}
