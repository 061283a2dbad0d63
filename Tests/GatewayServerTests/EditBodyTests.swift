// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import NIOCore
import Testing

/// Edits whose pictures are named, or come, in JSON.
@Suite struct EditBodyTests {
    static let url = "https://a.example/1.png"
    static let inline = TestPicture.dataURL(TestPicture.png())
    static let upload = InputImage.upload(PictureHeader(format: .png, size: PixelSize(64, 48)), bytes: 300)

    private static func body(_ changes: KeyValuePairs<String, JSON>) -> JSON {
        let plain = Call.body(["model": "editor"]).members ?? []
        return .object(plain + changes.map { JSON.Member($0, $1) })
    }

    private func expectRefused(
        _ body: JSON,
        _ code: String,
        parameter: String?,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            for path in [Call.edits, Call.edited] {
                try await client.post(path, body).expectError(400, code, parameter: parameter, at: location)
            }
        }
        #expect(gateway.store.all.isEmpty, sourceLocation: location)
    }

    private func inputs(_ body: JSON) async throws -> [InputImage] {
        let gateway = TestGateway()
        let answer = try await gateway.run { try await $0.post(Call.edited, body) }
        try #require(answer.status == 200, "\(answer.text.prefix(300))")
        return try #require(gateway.store.all.first?.request.inputs)
    }

    // MARK: Where pictures are

    static let spellings: [(String, JSON)] = [
        ("images", [["image_url": JSON(url)]]), ("images", [JSON(url)]), ("image", JSON(url)), ("image", [JSON(url)]),
        ("image", ["url": JSON(url), "type": "image_url"]), ("image", ["image_url": ["url": JSON(url)]]),
        ("image_urls", [JSON(url)]), ("image_urls", JSON(url)), ("image_url", JSON(url)),
        ("image_url", ["url": JSON(url)]), ("images", [.null, JSON(url), ""]),
    ]

    @Test(arguments: spellings)
    func `an address comes under every member that clients use`(name: String, value: JSON) async throws {
        #expect(try await inputs(Self.body([name: value])) == [.url(Self.url)])
    }

    @Test func `members are taken one after the other, each in its own order`() async throws {
        let body = Self.body([
            "image_url": "https://a.example/6", "image_urls": ["https://a.example/4", "https://a.example/5"],
            "image": "https://a.example/3", "images": [["image_url": "https://a.example/1"], JSON(Self.inline)],
            "mask": .null,
        ])
        #expect(
            try await inputs(body) == [.url("https://a.example/1"), Self.upload]
                + (3...6).map { .url("https://a.example/\($0)") }
        )
    }

    static let inlines: [String] = {
        let base64 = String(buffer: Base64.encode(TestPicture.png()))
        let escaped = base64.map { $0 == "+" ? "%2B" : $0 == "/" ? "%2f" : $0 == "=" ? "%3D" : "\($0)" }.joined()
        let raw = TestPicture.png().readableBytesView.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return [
            inline, "data:;base64,\(base64)", "data:image/jpeg;base64,\(base64)", "DATA:IMAGE/PNG;BASE64,\(base64)",
            "data:image/png;name=x.png; base64,\(base64)", "data:image/png;base64,\(escaped)",
            "data:image/png,\(raw.joined())", base64,
        ]
    }()

    @Test(arguments: inlines.indices)
    func `a picture inside the body is read in every spelling`(place: Int) async throws {
        #expect(try await inputs(Self.body(["images": [["image_url": JSON(Self.inlines[place])]]])) == [Self.upload])
    }

    @Test func `an address is kept as it is but for what no address may have`() async throws {
        let written = "HTTPS://a.example:8443/a%20b/%2F?q=ü&x=[1]#f"
        let kept = "HTTPS://a.example:8443/a%20b/%2F?q=%C3%BC&x=[1]#f"
        #expect(try await inputs(Self.body(["image": JSON(written)])) == [.url(kept)])
    }

    // MARK: What is refused

    static let wrong: [(JSON, String)] = [
        ("fox.png", "invalid_value"), ("/etc/passwd", "invalid_value"), ("file:///etc/passwd", "invalid_value"),
        ("ftp://a.example/x.png", "invalid_value"), ("https:/a.example/x.png", "invalid_value"),
        ("https://", "invalid_value"), ("https:///x", "invalid_value"),
        ("https://me:secret@a.example/", "invalid_value"),
        ("https://a.example/a b", "invalid_value"), ("https://a.example/\r\nx", "invalid_value"),
        ("https://füchse.example/", "invalid_value"), (" https://a.example/", "invalid_value"),
        (JSON("https://a.example/" + String(repeating: "x", count: 8192)), "invalid_value"),
        ("javascript:alert(1)", "invalid_value"), (1, "invalid_value"), (true, "invalid_value"),
        (["image_url": 7], "invalid_value"), ([:], "invalid_value"), (["image_url": [:]], "invalid_value"),
        (["image_url": ["image_url": [:]]], "invalid_value"), ([["deep"]], "invalid_value"),
        (["file_id": "file-123"], "unsupported_parameter"), ("data:image/png;base64,@@@", "invalid_image"),
        ("data:image/png;base64", "invalid_image"), ("data:image/png;base64,%G0", "invalid_image"),
        ("data:image/png;base64,", "invalid_image"), ("data:text/plain,hello", "invalid_image"),
        (JSON(TestPicture.dataURL(TestPicture.svg)), "invalid_image"),
        (JSON(TestPicture.dataURL(TestPicture.png(50_000, 50_000))), "invalid_image"),
        (JSON(String(repeating: "QUJD", count: 100)), "invalid_image"),
    ]

    @Test(arguments: wrong.indices)
    func `what cannot be a picture is refused by the member's name`(place: Int) async throws {
        let (value, code) = Self.wrong[place]
        try await expectRefused(Self.body(["images": [value]]), code, parameter: "images")
        try await expectRefused(
            Self.body(["image": Self.inline == value.string ? value : [value]]),
            code,
            parameter: "image"
        )
        let masked = Self.body(["image": JSON(Self.inline), "mask": value])
        // A list is no mask, whatever is in it.
        try await expectRefused(masked, value.array == nil ? code : "invalid_value", parameter: "mask")
    }

    @Test func `a picture inside the body may have fifty megabytes`() async throws {
        let gateway = TestGateway { $0.settings.maxBody = 100 << 20 }
        try await gateway.run { client in
            let large = TestPicture.dataURL(TestPicture.png(bytes: (50 << 20) + 1))
            let answer = try await client.post(Call.edited, Self.body(["image": JSON(large)]))
            answer.expectError(413, "payload_too_large", parameter: "image")
            let huge = JSON("data:;base64," + String(repeating: "A", count: 80 << 20))
            let other = try await client.post(Call.edited, Self.body(["image": huge]))
            other.expectError(413, "payload_too_large", parameter: "image")
        }
    }

    @Test(arguments: [[], .null, "", [.null], [""]] as [JSON])
    func `no picture is missed by name`(value: JSON) async throws {
        try await expectRefused(Self.body(["images": value]), "missing_required_parameter", parameter: "image")
    }

    @Test func `seventeen pictures are too many`() async throws {
        let many = JSON.array(Array(repeating: JSON(Self.url), count: 17))
        try await expectRefused(Self.body(["images": many]), "invalid_value", parameter: "images")
        #expect(try await inputs(Self.body(["images": .array(many.array?.dropLast() ?? [])])).count == 16)
    }

    @Test(arguments: spellings + [("mask", JSON(url)), ("image", JSON(inline))])
    func `text-to-image says where pictures belong`(name: String, value: JSON) async throws {
        try await TestGateway().run { client in
            for path in [Call.generations, Call.asynchronous] {
                let answer = try await client.post(path, Self.body([name: value]))
                answer.expectError(400, "unsupported_parameter", parameter: name)
                #expect(answer.text.contains("/v1/images/edits"))
            }
        }
    }

    @Test(arguments: [[], .null, ""] as [JSON])
    func `text-to-image takes members without pictures in them`(value: JSON) async throws {
        try await TestGateway().run { client async throws in
            let answer = try await client.post(Call.asynchronous, Self.body(["images": value, "mask": .null]))
            #expect(answer.status == 200)
        }
    }

    // MARK: Who can do it

    @Test(arguments: ParameterMode.allCases)
    func `what no candidate can do is refused in every mode, in the first one's words`(mode: ParameterMode) async throws
    {
        let gateway = TestGateway { $0.settings.parameterMode = mode }
        let cases: [(String, KeyValuePairs<String, JSON>, String)] = [
            ("imagen-plain", ["image": JSON(Self.url)], "image"),
            ("editor", ["image": JSON(Self.url), "mask": JSON(Self.url)], "image"),
            ("masked", ["image": [JSON(Self.url), JSON(Self.url)], "mask": JSON(Self.url)], "mask"),
            ("masked", ["image": JSON(Self.url), "mask": JSON(Self.url), "prompt": "p"], ""),
            ("editor", ["image": JSON(Self.url), "prompt": JSON(String(repeating: "p", count: 1001))], "image"),
        ]
        try await gateway.run { client in
            for (model, changes, parameter) in cases {
                let body = JSON.object((Self.body(changes).members ?? []) + [JSON.Member("model", JSON(model))])
                let answer = try await client.post(Call.edited, body)
                if parameter.isEmpty {
                    #expect(answer.status == 200, "\(answer.text)")
                } else {
                    answer.expectError(400, "unsupported_parameter", parameter: parameter)
                }
            }
        }
        #expect(gateway.store.all.count == 1)
    }

    @Test func `a format the gateway makes itself is honored in strict mode`() async throws {
        let body = Call.body(["model": "imagen-plain", "output_format": "webp"])
        let gateway = TestGateway {
            $0.settings.parameterMode = .strict
            $0.settings.transcodes = true
        }
        #expect(try await gateway.run { try await $0.post(Call.asynchronous, body) }.status == 200)
    }
}
