// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

@Suite struct AiToEarnResultTests {
    static let path = "67a0/ai/images/gpt-image-2/202601/q.png"
    static let bases: [(String, String?, String)] = [
        ("https://aitoearn.cn", nil, "https://assets.aitoearn.cn/"),
        ("https://aitoearn.ai", nil, "https://assets.aitoearn.ai/"),
        ("https://AiToEarn.AI:443/", nil, "https://assets.aitoearn.ai/"),
        ("https://www.aitoearn.cn/x", nil, "https://assets.aitoearn.cn/"),
        ("https://notaitoearn.cn", nil, "https://notaitoearn.cn/"),
        ("http://127.0.0.1:9090/aitoearn", nil, "http://127.0.0.1:9090/"),
        ("http://[::1]:9090/aitoearn", nil, "http://[::1]:9090/"),
        ("https://aitoearn.cn", "https://cdn.example/pictures", "https://cdn.example/pictures/"),
        ("https://aitoearn.cn", "https://cdn.example/", "https://cdn.example/"),
    ]

    @Test(arguments: bases)
    func `a path is completed by site, or as the operator says`(base: String, override: String?, prefix: String)
        async throws
    {
        for path in [Self.path, "/\(Self.path)"] {
            let data: JSON = ["status": "success", "images": [["url": JSON(path)]]]
            let transport = ReplayTransport([.json(AiToEarnFixture.envelope(data))])
            let provider = AiToEarnFixture.provider(transport, baseURL: base, resultBaseURL: override)

            let progress = try await provider.poll(ProviderJob(id: AiToEarnFixture.name), key: AiToEarnFixture.key)

            #expect(Self.urls(progress) == [prefix + Self.path])
        }
    }

    @Test(arguments: [
        ("https://a.example/x.png?y=%20", "https://a.example/x.png?y=%20"),
        ("HTTP://a.example/x", "HTTP://a.example/x"),
        ("https://a.example/a b/é", "https://a.example/a%20b/%C3%A9"), ("//a.example/x", "https://a.example/x"),
        ("a b.png", "https://assets.aitoearn.cn/a%20b.png"), ("javascript:alert(1)", nil), ("file:///etc/passwd", nil),
        ("data:image/png;base64,AAAA", nil), ("", nil),
    ])
    func `an address is one of the web, or none`(text: String, address: String?) {
        let settings = ProviderSettings(name: "v", baseURL: "https://aitoearn.cn", timeout: .seconds(1))

        #expect(AiToEarnResults(settings: settings).address(text) == address)
        #expect(AiToEarnResults(settings: settings).address(String(repeating: "x", count: 5000)) == nil)
    }

    static let lists: [(String, [String])] = [
        (#""images":[{"url":"https://a/1"},{"url":"https://a/2"}]"#, ["https://a/1", "https://a/2"]),
        (#""images":[],"response":{"list":[{"url":"https://a/1"}]}"#, ["https://a/1"]),
        (#""list":[{"url":"https://a/1"}]"#, ["https://a/1"]),
        (#""response":{"images":[{"url":"https://a/1"}]}"#, ["https://a/1"]),
        (#""response":{"image":{"url":"https://a/1"}}"#, ["https://a/1"]),
        (#""response":{"imageUrl":"https://a/1"}"#, ["https://a/1"]),
        (#""response":{"data":[{"url":"https://a/1"}]}"#, ["https://a/1"]),
        (#""images":[{"url":null},{"url":"https://a/2"}]"#, ["https://a/2"]),
        (#""images":[{"url":null,"b64_json":"iVBORw0KGgo="}]"#, ["iVBORw0KGgo="]),
        (#""images":[{"url":"https://a/1","b64_json":""}]"#, ["https://a/1"]),
    ]

    @Test(arguments: lists)
    func `pictures are found under each of their names`(members: String, expected: [String]) async throws {
        let text = #"{"code":0,"data":{"status":"success",\#(members)}}"#

        let progress = try await AiToEarnFixture.poll(.text(text))

        #expect(Self.urls(progress) == expected)
    }

    @Test(arguments: [
        #""images":[]"#, #""images":[{"url":null}]"#, #""images":[{}]"#, #""images":null"#, #""points":0"#,
        #""images":[{"url":"ftp://a"}]"#, #""images":[{"b64_json":""}]"#, #""images":7,"response":[]"#,
    ])
    func `a success without a picture was paid for`(members: String) async {
        let error = await AiToEarnFixture.pollError(.text(#"{"code":0,"data":{"status":"success",\#(members)}}"#))

        #expect(error?.code == .noImage && error?.outcome == .unknown)
    }

    @Test(arguments: ["generating", "queued", "cancelled", "GENERATING", "", "成功"])
    func `an unknown state is work that goes on`(status: String) async throws {
        let data: JSON = ["status": JSON(status), "images": [["url": "https://a/1"]]]

        let progress = try await AiToEarnFixture.poll(.json(AiToEarnFixture.envelope(data)))

        guard case .waiting(let job) = progress else { return #expect(Bool(false)) }
        #expect(job == ProviderJob(id: AiToEarnFixture.name))
    }

    @Test func `a missing state is work that goes on, and another task's answer is none`() async throws {
        guard case .waiting = try await AiToEarnFixture.poll(.json(AiToEarnFixture.envelope([:]))) else {
            return #expect(Bool(false))
        }
        let other: JSON = [
            "logId": "000000000000000000000000", "status": "success", "images": [["url": "https://a/1"]],
        ]

        let error = await AiToEarnFixture.pollError(.json(AiToEarnFixture.envelope(other)))

        #expect(error?.code == .notUnderstood && error?.outcome == .unknown)
    }

    @Test func `usage and the rewritten prompt are kept`() async throws {
        let data: JSON = [
            "status": "success",
            "images": [["url": "https://a/1"], ["url": "https://a/2", "revised_prompt": "A red fox"]],
            "response": [
                "usage": [
                    "input_tokens": 300, "output_tokens": 4160, "total_tokens": 4460,
                    "input_tokens_details": ["text_tokens": 14, "image_tokens": 286],
                ]
            ],
        ]

        guard case .done(let result) = try await AiToEarnFixture.poll(.json(AiToEarnFixture.envelope(data))) else {
            return #expect(Bool(false))
        }

        #expect(result.revisedPrompt == "A red fox")
        #expect(
            result.usage
                == Usage(
                    inputTokens: 300,
                    inputTextTokens: 14,
                    inputImageTokens: 286,
                    outputTokens: 4160,
                    totalTokens: 4460
                )
        )
    }

    @Test func `a poll may bring a picture larger than other answers`() async throws {
        let text = String(repeating: "A", count: 9 << 20)
        let answer = #"{"code":0,"data":{"status":"success","images":[{"b64_json":"\#(text)"}]}}"#

        let progress = try await AiToEarnFixture.poll(.text(answer))

        #expect(Self.urls(progress).first?.utf8.count == 9 << 20)
    }

    private static func urls(_ progress: ProviderProgress) -> [String] {
        guard case .done(let result) = progress else { return [] }
        return result.images.map { image in
            switch image {
            case .url(let url): url
            case .base64(let text): String(buffer: text)
            case .bytes: "bytes"
            }
        }
    }
}

@Suite struct AiToEarnListTests {
    @Test func `the recorded lists say what the table says`() async throws {
        let recording = try #require(try recordings(of: "aitoearn")["models"])
        let transport = ReplayTransport(recording.exchanges.map(\.answer))

        let published = try await AiToEarnFixture.provider(transport).capabilities(key: AiToEarnFixture.key)

        #expect(published == ["gpt-image-2": AiToEarnProvider.descriptor.capabilities(of: "gpt-image-2")])
        #expect(transport.sent.count == 2)
        #expect(transport.sent.allSatisfy { sent in !sent.request.headers.contains { $0.value.contains("secret") } })
    }

    @Test func `a wrong key is found by listing`() async {
        let transport = ReplayTransport([.json(AiToEarnFixture.envelope([:], code: 401, message: "Unauthorized"))])

        let error = await #expect(throws: ProviderError.self) {
            try await AiToEarnFixture.provider(transport).models(key: AiToEarnFixture.key)
        }

        #expect(error?.code == .credential && error?.outcome == .rejected)
    }

    @Test func `names come from both lists, each once`() async throws {
        let transport = ReplayTransport([
            .json(AiToEarnFixture.envelope([["name": "a"], ["name": "b"], ["label": "no name"], ["name": ""], 7])),
            .json(AiToEarnFixture.envelope(["list": [["name": "b"], ["name": "c"]]])),
        ])

        let names = try await AiToEarnFixture.provider(transport).models(key: AiToEarnFixture.key)

        #expect(names == ["a", "b", "c"])
    }

    /// What a list with one model in it makes of that model.
    private static func published(_ item: String, _ editor: String?) async throws -> ModelCapabilities? {
        let transport = ReplayTransport([
            .text(#"{"code":0,"data":[{"name":"m",\#(item)}]}"#),
            .text(#"{"code":0,"data":[\#(editor.map { #"{"name":"m",\#($0)}"# } ?? "")]}"#),
        ])
        return try await AiToEarnFixture.provider(transport).capabilities(key: AiToEarnFixture.key)["m"]
    }

    static let odd: [(String, [String], [SizeTier])] = [
        (#""sizes":["1024x1024","auto","999x998","1536x1024",7,null,"1024*768"]"#, ["1:1", "3:2"], [.oneK]),
        (#""sizes":["1024x1024","1536x1024","2048x2048"]"#, ["1:1", "3:2"], [.oneK]),
        (#""sizes":["1024x1024","2048x2048","2688x1152"]"#, ["1:1"], [.oneK, .twoK]),
        (#""sizes":["512x512"]"#, ["1:1"], [.half]), (#""sizes":["2520x1080"]"#, ["21:9"], [.twoK]),
        (#""sizes":[]"#, [], []), (#""sizes":["auto"]"#, [], []),
        (#""pricing":"1 credit","tags":[{"en-US":"a"}]"#, ["1:1", "3:2", "2:3"], [.oneK]),
        (#""pricing":[{"size":"1024x1024","price":1}]"#, ["1:1"], [.oneK]),
        (#""sizes":"all""#, ["1:1", "3:2", "2:3"], [.oneK]),
    ]

    @Test(arguments: odd)
    func `odd lists become a full table, or none`(item: String, ratios: [String], tiers: [SizeTier]) async throws {
        let capabilities = try #require(try await Self.published(item, nil))

        #expect(capabilities.aspectRatios.map(\.description) == ratios)
        #expect(capabilities.tiers == tiers)
        for ratio in capabilities.aspectRatios {
            for tier in tiers { #expect(capabilities.pixels[ratio, tier] != nil) }
        }
        #expect(capabilities.maxInputs == 0 && !capabilities.takesMask)
    }

    @Test func `qualities, inputs and sizes follow the lists, within bounds`() async throws {
        let few = try await Self.published(
            #""sizes":["1024x1024","1536x1024"],"qualities":["auto","high"]"#,
            #""sizes":["1536x1024"],"maxInputImages":3"#
        )
        let many = try await Self.published(#""qualities":[]"#, #""maxInputImages":1000"#)
        let silent = try await Self.published(#""label":{"en-US":"M"}"#, #""label":"M""#)

        #expect(few?.qualities == [.high] && few?.maxInputs == 3)
        #expect(few?.aspectRatios.map(\.description) == ["3:2"])
        #expect(many?.qualities == [] && many?.maxInputs == 16)
        #expect(silent?.qualities == [.low, .medium, .high] && silent?.maxInputs == 14 && silent?.takesMask == true)
    }

    @Test func `a call is spelled by the lists read last`() async throws {
        let list: JSON = [["name": "gpt-image-2", "sizes": ["1280x720"]]]
        let transport = ReplayTransport([
            .json(AiToEarnFixture.envelope(list)), .json(AiToEarnFixture.envelope([])), AiToEarnFixture.taken,
        ])
        let provider = AiToEarnFixture.provider(transport)
        _ = try await provider.capabilities(key: AiToEarnFixture.key)
        var call = ProviderCall(model: "gpt-image-2", prompt: "fox")
        call.aspectRatio = AspectRatio(16, 9)

        _ = try await provider.submit(call, key: AiToEarnFixture.key)

        let body = try JSON(reading: try #require(transport.sent.last).body)
        #expect(body["size"]?.string == "1280x720")
    }

    @Test func `lists without end are cut, and what is no list is an error`() async throws {
        let names = (0..<1000).map { number -> JSON in ["name": JSON("m\(number)")] }
        let long = ReplayTransport { _ in .json(AiToEarnFixture.envelope(.array(names))) }

        let many = try await AiToEarnFixture.provider(long).capabilities(key: AiToEarnFixture.key)

        #expect(many.count == 200)
        for text in [#"{"code":0,"data":{}}"#, #"{"code":0}"#, "<html>", #"[]"#] {
            let error = await #expect(throws: ProviderError.self) {
                try await AiToEarnFixture.provider(ReplayTransport([.text(text)]))
                    .capabilities(key: AiToEarnFixture.key)
            }
            #expect(error?.outcome == .rejected)
        }
    }
}
