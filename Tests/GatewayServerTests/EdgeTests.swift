// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayServer
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

/// What every request meets first: names, keys, paths, methods.
@Suite struct EdgeTests {
    // MARK: Names of requests

    @Test(arguments: ["abc", "req_1.2-3", String(repeating: "x", count: 128)])
    func `the caller's own sane name for a request comes back`(name: String) async throws {
        try await TestGateway().run { client in
            #expect(try await client.get("/v1/models", headers: ["x-request-id": name])[header: "x-request-id"] == name)
            let failed = try await client.get("/nowhere", headers: ["x-request-id": name])
            #expect(failed[header: "x-request-id"] == name)
        }
    }

    @Test(arguments: ["with space", "semi;colon", "ünicode", String(repeating: "x", count: 129), "a\"b", "<script>"])
    func `an insane name is replaced`(name: String) async throws {
        try await TestGateway().run { client in
            let given = try await client.get("/v1/models", headers: ["x-request-id": name])[header: "x-request-id"]
            #expect(given?.hasPrefix("req_") == true)
            #expect(given != name)
        }
    }

    @Test func `every request without a name gets another one`() async throws {
        try await TestGateway().run { client in
            var names: Set<String> = []
            for path in ["/v1/models", "/health/live", "/nowhere", "/v1/images/tasks/x"] {
                names.insert(try #require(try await client.get(path)[header: "x-request-id"]))
            }
            #expect(names.count == 4)
        }
    }

    @Test func `an answer says who gave it, and when`() async throws {
        let time = ManualTime()
        try await TestGateway(time: time).run(on: .live) { client in
            for (path, moment) in [("/v1/models", "22:13:20"), ("/nowhere", "22:13:20"), ("/health/live", "22:13:21")] {
                if moment.hasSuffix("21") { time.advance(by: .seconds(1)) }
                let answer = try await client.get(path)
                #expect(answer[header: "server"] == "image-gateway")
                #expect(answer[header: "date"] == "Tue, 14 Nov 2023 \(moment) GMT")
            }
        }
    }

    // MARK: Keys

    @Test(arguments: [
        "/v1/images/generations", "/v1/images/generations/async", "/v1/images/tasks", "/v1/models", "/v1/models/x",
        "/v1/images/tasks/image_01KCRVET35FAVZME1CEEED9VBS", "/v1/images/edits/image_01KCRVET35FAVZME1CEEED9VBS",
        "/v1/images/tasks/image_01KCRVET35FAVZME1CEEED9VBS/content",
    ])
    func `nothing of the API is there without a key`(path: String) async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            let method: HTTPRequest.Method = path.contains("generations") ? .post : .get
            for key in [nil, "key-nobody", "key-alic", "KEY-ALICE"] {
                let answer = try await client.ask(method, path, key: key, body: Call.body().encoded())
                answer.expectError(401, "invalid_api_key")
                #expect(answer[header: "www-authenticate"] == "Bearer")
            }
        }
        #expect(gateway.store.all.isEmpty)
    }

    @Test(arguments: [
        ["authorization": "Bearer key-alice"], ["authorization": "bearer   key-alice"], ["x-api-key": "key-alice"],
        ["authorization": "Basic YTpi", "x-api-key": "key-alice"],
    ])
    func `a key is taken from either header`(headers: [String: String]) async throws {
        try await TestGateway().run { client async throws in
            #expect(try await client.get("/v1/models", key: nil, headers: headers).status == 200)
        }
    }

    @Test(arguments: [
        ["authorization": "key-alice"], ["authorization": "Basic key-alice"], ["authorization": "Bearer"],
        ["authorization": "Bearer "], ["authorization": "Bearer key-wrong", "x-api-key": "key-alice"],
    ])
    func `what is no bearer key is no key`(headers: [String: String]) async throws {
        try await TestGateway().run { client in
            try await client.get("/v1/models", key: nil, headers: headers).expectError(401, "invalid_api_key")
        }
    }

    @Test func `a key does not show in the answer that refuses it`() async throws {
        try await TestGateway().run { client in
            let answer = try await client.get("/v1/models", key: "sk-canary-123")
            #expect(!answer.text.contains("canary"))
        }
    }

    @Test func `without keys everybody is the same caller`() async throws {
        try await TestGateway { $0.callers = NoCallerDirectory() }.run { client in
            let task = try await client.post(Call.asynchronous, key: nil).json["id"]?.string ?? ""
            #expect(try await client.get("/v1/images/tasks/\(task)", key: "anything").status == 200)
        }
    }

    // MARK: Paths and methods

    @Test(arguments: ["/", "/v1", "/v1/images", "/v1/chat/completions", "/v1/images/tasks/x/y", "/files/x.png", "/%00"])
    func `an unknown path is not found`(path: String) async throws {
        try await TestGateway().run { client in
            try await client.get(path).expectError(404, "not_found")
            try await client.post(path).expectError(404, "not_found")
        }
    }

    @Test(arguments: [
        (HTTPRequest.Method.get, "/v1/images/generations/async/x", "404"),
        (.delete, "/v1/images/generations", "POST"), (.put, "/v1/images/generations/async", "GET, HEAD, POST"),
        (.post, "/v1/models", "GET, HEAD"), (.patch, "/v1/models/x", "GET, HEAD"),
        (.get, "/v1/images/generations/async", "GET, HEAD, POST"),
        (.put, "/v1/images/tasks/image_01KCRVET35FAVZME1CEEED9VBS", "DELETE, GET, HEAD"),
        (.delete, "/v1/images/edits/image_01KCRVET35FAVZME1CEEED9VBS", "GET, HEAD"),
        (.post, "/health/live", "GET, HEAD"),
    ])
    func `a wrong method is told the right ones`(method: HTTPRequest.Method, path: String, allowed: String) async throws
    {
        try await TestGateway().run { client in
            let answer = try await client.ask(method, path)
            if allowed == "404" { return answer.expectError(404, "not_found") }
            answer.expectError(405, "method_not_allowed")
            #expect(answer[header: "allow"] == allowed)
        }
    }

    @Test(arguments: [
        "/v1/models/", "//v1//models", "/v1/models//imagen-plain/", "//files//x.png", "/v1/images/tasks///",
    ])
    func `slashes too many do not matter`(path: String) async throws {
        try await TestGateway { $0.files = FileTests.FakeFiles() }.run { client in
            let answer = try await client.get(path)
            #expect(answer.status == (path.hasPrefix("//files") ? 403 : 200), "\(answer.text)")
        }
    }

    @Test(arguments: [
        ("/v1/models/:id", "/v1/models/a%2Fb", "a%2Fb"), ("/v1/models/:id", "/v1/models/", nil),
        ("/v1/models/:id", "/v1/models/a/b", nil), ("/a/:id/events", "/a/events", nil),
        ("/a/:id/events", "/a//events", nil),
        ("/a/:id/events", "/a/b/events/", "b"), ("/a/:id/events", "/a/events/events", "events"),
        ("/files/**", "/files/2026/x", "2026/x"), ("/files/**", "/files/", nil), ("/files/**", "/files///", nil),
        ("/files/**", "/filesx", nil),
    ])
    func `a pattern takes what has its form`(pattern: String, path: String, name: String?) {
        let book = RouteBook()
        Routes(book: book).on(.get, pattern) { _, _ in Response(status: .ok) }
        #expect(book.table.find(.get, path)?.name == name)
        #expect((book.table.find(.head, path) == nil) == (name == nil))
        #expect((book.table.methods(at: path) == nil) == (name == nil))
        #expect(book.table.find(.post, path) == nil)
    }

    @Test(arguments: ["/v1/models", "/health/live", "/v1/images/tasks", "/v1/models/nothing", "/nowhere"])
    func `HEAD answers as GET does, without a body`(path: String) async throws {
        try await TestGateway().run { client in
            let (head, get) = (try await client.ask(.head, path), try await client.get(path))
            #expect(head.status == get.status)
            #expect(head.body.readableBytes == 0)
            #expect(head[header: "x-request-id"] != nil)
        }
    }

    // MARK: Bodies

    @Test(arguments: [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
        "application/xml",
    ])
    func `a body of another type is refused`(type: String) async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            for path in [Call.generations, Call.asynchronous] {
                let answer = try await client.post(path, headers: ["content-type": type])
                answer.expectError(415, "unsupported_media_type")
            }
        }
        #expect(gateway.store.all.isEmpty)
    }

    @Test(arguments: ["application/json", "application/json; charset=utf-8", "Application/JSON", ""])
    func `JSON is JSON by every spelling, and by none`(type: String) async throws {
        try await TestGateway().run { client in
            let answer = try await client.post(Call.asynchronous, headers: ["content-type": type])
            #expect(answer.status == 200)
        }
    }

    @Test(arguments: [
        "", "{", "{\"model\":", "nonsense", "{\"model\":\"x\"} {}", "{'model':'x'}", "{\"a\":1,}", "\u{1}",
        "{\"prompt\":\"a\nb\"}",
    ])
    func `broken JSON is told apart from wrong JSON`(text: String) async throws {
        try await TestGateway().run { client in
            let answer = try await client.ask(.post, Call.generations, body: .init(string: text))
            answer.expectError(400, "invalid_json")
        }
    }

    @Test(arguments: ["[]", "\"text\"", "1", "null", "true"])
    func `a body that is no object is refused`(text: String) async throws {
        try await TestGateway().run { client in
            let answer = try await client.ask(.post, Call.generations, body: .init(string: text))
            answer.expectError(400, "invalid_value")
        }
    }

    @Test func `bytes that are no UTF-8 are broken JSON, however long`() async throws {
        for length in [4, 4000] {
            var body = "{\"model\":\"gemini-3-pro-image-preview\",\"prompt\":\"".utf8.map { $0 }
            body += [UInt8](repeating: 0xC3, count: length) + "\"}".utf8
            let bytes = body
            try await TestGateway().run { client in
                let answer = try await client.ask(.post, Call.generations, body: .init(bytes: bytes))
                #expect(answer.status == 400)
                #expect(answer.error?["code"]?.string == "invalid_json")
            }
        }
    }

    @Test func `JSON that is too deep or has too many values is refused`() async throws {
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        let many = "[" + String(repeating: "1,", count: 100_001) + "1]"
        try await TestGateway().run { client in
            for value in [deep, many] {
                let body = "{\"model\":\"gemini-3-pro-image-preview\",\"prompt\":\"x\",\"unknown\":\(value)}"
                let answer = try await client.ask(.post, Call.asynchronous, body: .init(string: body))
                answer.expectError(400, "invalid_json")
            }
        }
    }

    // MARK: What goes wrong inside

    @Test func `a database that is away is said so, to be tried again`() async throws {
        let gateway = TestGateway()
        try await gateway.run { client in
            for (method, path) in [(HTTPRequest.Method.post, Call.asynchronous), (.get, "/v1/images/tasks")] {
                gateway.store.fail([StoreError(.unavailable, "canary: disk on fire")])
                let answer = try await client.ask(method, path, body: method == .post ? Call.body().encoded() : nil)
                answer.expectError(503, "provider_unavailable")
                #expect(answer[header: "retry-after"] == "2")
                #expect(!answer.text.contains("canary"))
            }
        }
    }
}
