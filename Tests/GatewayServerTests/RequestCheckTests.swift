// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// What a request may say, member by member.
@Suite struct RequestCheckTests {
    /// One member, a value, and what is said about it.
    struct Wrong: Sendable, CustomTestStringConvertible {
        let name: String
        let value: JSON
        var code = "invalid_value"
        var testDescription: String { "\(name): \(String(buffer: value.encoded()).prefix(40))" }
    }

    static let wrong: [Wrong] = wrongTypes + wrongNumbers + wrongWords + wrongLengths + unsupported

    static let wrongTypes: [Wrong] = {
        let texts = [
            "model", "prompt", "size", "aspect_ratio", "quality", "background", "output_format", "response_format",
            "negative_prompt", "style", "moderation", "user", "webhook_url",
        ]
        let numbers = ["n", "output_compression", "seed", "partial_images"]
        let noText: [JSON] = [1, true, ["x"], ["a": "b"]]
        let noNumber: [JSON] = ["2", true, [], [:]]
        let noFlag: [JSON] = ["true", 1, []]
        let noPairs: [JSON] = ["text", 1, ["a"]]
        var all: [Wrong] = []
        for name in texts { all += noText.map { Wrong(name: name, value: $0) } }
        for name in numbers { all += noNumber.map { Wrong(name: name, value: $0) } }
        all += noFlag.map { Wrong(name: "stream", value: $0) }
        all += noPairs.map { Wrong(name: "metadata", value: $0) }
        return all
    }()

    static let wrongNumbers: [Wrong] = {
        let counts = ["0", "11", "-1", "100", "1e20", "1.5", "1e400", "-0.1"]
        let others = [
            ("output_compression", "101"), ("output_compression", "-1"), ("seed", "-1"), ("seed", "4294967296"),
        ]
        return counts.map { Wrong(name: "n", value: .number($0)) }
            + others.map { Wrong(name: $0, value: .number($1)) }
    }()

    static let wrongWords: [Wrong] = {
        let sizes = ["huge", "1024", "1024*1024", "0x0", "99999x1", "3K", "-1x5", "16:", "१०२४x१०२४"]
        let words = [
            ("aspect_ratio", "16x9"), ("aspect_ratio", "1:0"), ("aspect_ratio", "wide"), ("quality", "best"),
            ("background", "pink"), ("output_format", "gif"), ("response_format", "base64"), ("style", "plain"),
            ("moderation", "high"),
        ]
        return sizes.map { Wrong(name: "size", value: JSON($0)) } + words.map { Wrong(name: $0, value: JSON($1)) }
            + [Wrong(name: "model", value: "no-such-model", code: "model_not_found")]
    }()

    static let wrongLengths: [Wrong] = {
        var all: [Wrong] = []
        for name in ["model", "prompt"] {
            for blank in ["", "   ", "\n\t"] {
                all.append(Wrong(name: name, value: JSON(blank), code: "missing_required_parameter"))
            }
        }
        let notes = JSON.object((0...16).map { JSON.Member("k\($0)", "v") })
        all.append(Wrong(name: "prompt", value: JSON(String(repeating: "p", count: 32_001))))
        all.append(Wrong(name: "prompt", value: JSON(String(repeating: "p", count: 1 << 20))))
        all.append(Wrong(name: "negative_prompt", value: JSON(String(repeating: "p", count: 32_001))))
        all.append(Wrong(name: "user", value: JSON(String(repeating: "u", count: 513))))
        all.append(Wrong(name: "metadata", value: notes))
        all.append(Wrong(name: "metadata", value: ["k": JSON(String(repeating: "v", count: 2049))]))
        return all
    }()

    static let unsupported: [Wrong] = [
        Wrong(name: "partial_images", value: 1),
        Wrong(name: "webhook_url", value: "https://example.com/hook", code: "unsupported_parameter"),
    ]

    @Test(arguments: wrong)
    func `a member that cannot be meant is named`(wrong: Wrong) async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            for path in [Call.generations, Call.asynchronous] {
                let answer = try await client.post(path, Call.body([wrong.name: wrong.value]))
                let status = wrong.code == "model_not_found" ? 404 : 400
                answer.expectError(status, wrong.code, parameter: wrong.name)
            }
        }
        #expect(gateway.store.all.isEmpty)
    }

    @Test func `a metadata value that is no string is named by its key`() async throws {
        try await TestGateway().run { client in
            let answer = try await client.post(Call.asynchronous, Call.body(["metadata": ["shop": 7]]))
            answer.expectError(400, "invalid_value", parameter: "metadata.shop")
        }
    }

    @Test func `what is required is missed by name`() async throws {
        try await TestGateway().run { client in
            for (body, name) in [
                (["prompt": "x"], "model"), (["model": "imagen-plain"], "prompt"), ([:], "model"),
                (["model": .null, "prompt": "x"], "model"), (["model": "imagen-plain", "prompt": .null], "prompt"),
            ] as [(JSON, String)] {
                let answer = try await client.post(Call.generations, body)
                answer.expectError(400, "missing_required_parameter", parameter: name)
            }
        }
    }

    // MARK: What is fine

    static let right: [JSON.Member] = {
        let words: [(String, [String])] = [
            ("size", ["auto", "1024x1024", "4096X4096", "1K", "2k", "4K", "16:9", "512"]),
            ("aspect_ratio", ["1:1", "21:9", "auto"]),
            ("quality", ["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]),
            ("output_format", ["png", "jpeg", "jpg", "webp"]), ("background", ["auto", "transparent", "opaque"]),
            ("response_format", ["b64_json", "url"]), ("style", ["vivid"]), ("moderation", ["low", "auto"]),
            ("negative_prompt", ["", "fog"]), ("prompt", [String(repeating: "é", count: 32_000)]),
        ]
        let numbers = [
            ("n", ["1", "10", "2.0", "1e1"]), ("output_compression", ["0", "100"]), ("seed", ["0", "2147483647"]),
            ("partial_images", ["0"]),
        ]
        var all = [JSON.Member("stream", false), JSON.Member("metadata", [:])]
        for (name, values) in words { all += values.map { JSON.Member(name, JSON($0)) } }
        for (name, values) in numbers { all += values.map { JSON.Member(name, .number($0)) } }
        return all
    }()

    @Test(arguments: right)
    func `a member as the contract has it is taken`(member: JSON.Member) async throws {
        try await TestGateway().run { client in
            let answer = try await client.post(Call.asynchronous, Call.body([member.name: member.value]))
            #expect(answer.status == 200, "\(answer.text.prefix(300))")
        }
    }

    @Test func `null means absent, for every member`() async throws {
        let names = [
            "n", "size", "aspect_ratio", "quality", "background", "output_format", "output_compression",
            "response_format", "seed", "negative_prompt", "user", "style", "moderation", "stream", "partial_images",
            "webhook_url", "metadata",
        ]
        let gateway = TestGateway()
        let body = JSON.object(Call.body().members ?? []).members ?? []
        let nulls = names.map { JSON.Member($0, .null) }
        try await gateway.run { client async throws in
            #expect(try await client.post(Call.asynchronous, .object(body + nulls)).status == 200)
            #expect(try await client.post(Call.asynchronous).status == 200)
        }
        let requests = Set(gateway.store.all.map(\.request))
        #expect(requests.count == 1)
    }

    @Test func `what was written is what is stored`() async throws {
        let gateway = TestGateway()
        let body = Call.body([
            "n": 3, "size": "16:9", "quality": "high", "background": "opaque", "output_format": "webp",
            "output_compression": 80, "seed": 42, "negative_prompt": "fog", "user": "u-1", "style": "natural",
            "moderation": "low", "metadata": ["order": "7", "shop": "zürich"],
        ])
        try await gateway.run { client in _ = try await client.post(Call.asynchronous, body) }
        let request = try #require(gateway.store.all.first?.request)
        #expect(request.count == 3)
        #expect(request.size == .ratio(AspectRatio(16, 9)))
        #expect(request.quality == .high)
        #expect(request.background == .opaque)
        #expect(request.outputFormat == .webp)
        #expect(request.outputCompression == 80)
        #expect(request.seed == 42)
        #expect(request.negativePrompt == "fog")
        #expect(request.user == "u-1")
        #expect(request.style == .natural)
        #expect(request.moderation == .low)
        #expect(request.metadata == ["order": "7", "shop": "zürich"])
        #expect(request.kind == .generation)
    }

    // MARK: Steering

    @Test(arguments: [
        "api_base", "base_url", "api_key", "fallbacks", "user_config", "user_config[x]", "user_config.model_list",
        "API_BASE", "vertex_credentials", "custom_llm_provider", "headers", "extra_headers", "organization",
    ])
    func `a member that would steer the call elsewhere is refused, not ignored`(name: String) async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            for value in ["https://evil.example", ["a": "b"], .null] as [JSON] {
                var members = Call.body().members ?? []
                members.append(JSON.Member(name, value))
                let answer = try await client.post(Call.generations, .object(members))
                answer.expectError(400, "unsupported_parameter", parameter: name)
                #expect(!answer.text.contains("evil.example"))
            }
        }
        #expect(gateway.store.all.isEmpty)
    }

    @Test func `unknown members are ignored`() async throws {
        try await TestGateway().run { client async throws in
            let body = Call.body(["frobnicate": ["deep": [1, 2]], "safety_identifier": "x", "extra": .null])
            #expect(try await client.post(Call.asynchronous, body).status == 200)
        }
    }

    @Test func `of members with one name the last counts`() async throws {
        let gateway = TestGateway()
        let text = #"{"model":"imagen-plain","prompt":"first","prompt":"second"}"#
        try await gateway.run { client async throws in
            #expect(try await client.ask(.post, Call.asynchronous, body: .init(string: text)).status == 200)
        }
        #expect(gateway.store.all.first?.request.prompt == "second")
    }

    // MARK: Models and modes

    @Test func `a key for some models may not use the others`() async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            let others = Call.body(["model": "imagen-plain"])
            for path in [Call.generations, Call.asynchronous] {
                let answer = try await client.post(path, others, key: "key-bob")
                answer.expectError(403, "model_not_allowed", parameter: "model")
                let unknown = try await client.post(path, Call.body(["model": "no-such"]), key: "key-bob")
                unknown.expectError(404, "model_not_found", parameter: "model")
            }
            #expect(try await client.post(Call.asynchronous, key: "key-bob").status == 200)
            #expect(try await client.post(Call.asynchronous, others, key: "key-carol").status == 200)
        }
        #expect(gateway.store.all.map(\.owner) == ["bob", "carol"])
    }

    @Test(
        arguments: [
            ("size", "4K"), ("size", "1536x1024"), ("aspect_ratio", "16:9"), ("output_format", "webp"), ("seed", 1),
            ("negative_prompt", "fog"), ("background", "transparent"),
        ] as [(String, JSON)]
    )
    func `strict mode refuses what no candidate honors`(name: String, value: JSON) async throws {
        let body = Call.body(["model": "imagen-plain", name: value])
        let strict = TestGateway { $0.settings.parameterMode = .strict }
        try await strict.run { client in
            for path in [Call.generations, Call.asynchronous] {
                try await client.post(path, body).expectError(400, "unsupported_parameter", parameter: name)
            }
        }
        #expect(strict.store.all.isEmpty)
        try await TestGateway().run { client async throws in
            #expect(try await client.post(Call.asynchronous, body).status == 200)
        }
    }

    @Test func `strict mode takes what any candidate honors`() async throws {
        let gateway = TestGateway { $0.settings.parameterMode = .strict }
        try await gateway.run { client async throws in
            let body = Call.body(["model": "imagen-4.0-generate-001", "seed": 1, "output_format": "webp"])
            #expect(try await client.post(Call.asynchronous, body).status == 200)
        }
    }

    // MARK: Size

    @Test func `a body over the limit is refused, one at the limit is taken`() async throws {
        let limit = 4096
        let gateway = TestGateway { $0.settings.maxBody = limit }
        let bare = Call.body(["unknown": ""]).encoded().readableBytes
        try await gateway.run { client in
            for (length, status) in [(limit, 200), (limit + 1, 413), (limit * 100, 413)] {
                let filler = String(repeating: "x", count: length - bare)
                let answer = try await client.post(Call.asynchronous, Call.body(["unknown": JSON(filler)]))
                #expect(answer.status == status)
                guard status == 413 else { continue }
                answer.expectError(413, "payload_too_large")
                #expect(answer[header: "connection"] == "close")
            }
        }
        #expect(gateway.store.all.count == 1)
    }
}
