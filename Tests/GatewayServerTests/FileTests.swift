// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// The gateway's own files, by signed link.
@Suite struct FileTests {
    /// Files whose only valid query is `sig=ok`.
    final class FakeFiles: LinkedFiles {
        static let bytes = ByteBuffer(bytes: (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
        static let large = ByteBuffer(bytes: (0..<700_001).lazy.map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) })
        let asked = Mutex<[String]>([])

        func open(path: String, query: String, now: Timestamp) async throws(ObjectError) -> LinkedFile {
            asked.withLock { $0.append("\(path)?\(query)") }
            guard query == "sig=ok" else { throw ObjectError(.forbidden, isTemporary: false, "canary") }
            let bytes: ByteBuffer
            switch path {
            case "2026/fox.png": bytes = Self.bytes
            case "large.png": bytes = Self.large
            case "empty.png": bytes = ByteBuffer()
            case "gone%2Ffox.png", "gone.png": throw ObjectError(.notFound, isTemporary: false, "canary")
            default: throw ObjectError(.unavailable, isTemporary: true, "canary")
            }
            return LinkedFile(
                contentType: "image/png",
                length: bytes.readableBytes,
                entityTag: "\"tag-1\"",
                modified: Timestamp(seconds: 1_700_000_000)
            ) { (offset, count) throws(ObjectError) in
                guard let slice = bytes.getSlice(at: offset, length: min(count, bytes.readableBytes - offset)) else {
                    throw ObjectError(.unavailable, isTemporary: false, "read past the end")
                }
                return slice
            }
        }
    }

    static let fox = "/files/2026/fox.png?sig=ok"

    private func ask(
        _ path: String = fox,
        _ method: HTTPRequest.Method = .get,
        _ headers: [String: String] = [:]
    ) async throws -> Answer {
        let gateway = TestGateway { $0.files = FakeFiles() }
        return try await gateway.run { try await $0.ask(method, path, key: nil, headers: headers) }
    }

    @Test func `a signed link needs no key and gives the picture`() async throws {
        let answer = try await ask()
        #expect(answer.status == 200)
        #expect(answer.body == FakeFiles.bytes)
        #expect(answer[header: "content-type"] == "image/png")
        #expect(answer[header: "content-length"] == "1000")
        #expect(answer[header: "etag"] == "\"tag-1\"")
        #expect(answer[header: "last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT")
        #expect(answer[header: "accept-ranges"] == "bytes")
        #expect(answer[header: "x-content-type-options"] == "nosniff")
        #expect(answer[header: "cache-control"]?.hasPrefix("private") == true)
        #expect(answer[header: "x-request-id"] != nil)
    }

    @Test func `a file larger than one piece arrives whole`() async throws {
        #expect(try await ask("/files/large.png?sig=ok").body == FakeFiles.large)
    }

    @Test(arguments: [
        ("/files/2026/fox.png", 403, "invalid_link"), ("/files/2026/fox.png?sig=bad", 403, "invalid_link"),
        ("/files/gone.png?sig=ok", 404, "not_found"), ("/files/broken.png?sig=ok", 503, "storage_error"),
    ])
    func `what cannot be given is an error like every other`(path: String, status: Int, code: String) async throws {
        let answer = try await ask(path)
        answer.expectError(status, code)
        #expect(!answer.text.contains("canary"))
        let head = try await ask(path, .head)
        #expect(head.status == status)
        #expect(head.body.readableBytes == 0)
    }

    @Test func `path and query reach the store as they were sent`() async throws {
        let files = FakeFiles()
        let gateway = TestGateway { $0.files = files }
        try await gateway.run { _ = try await $0.get("/files/gone%2Ffox.png?a=%41&sig=x%2Bx", key: nil) }
        #expect(files.asked.withLock { $0 } == ["gone%2Ffox.png?a=%41&sig=x%2Bx"])
    }

    @Test func `a key is no link`() async throws {
        let gateway = TestGateway { $0.files = FakeFiles() }
        let answer = try await gateway.run { try await $0.get("/files/2026/fox.png") }
        answer.expectError(403, "invalid_link")
    }

    @Test func `HEAD gives everything but the bytes`() async throws {
        let answer = try await ask(Self.fox, .head, ["range": "bytes=0-9"])
        #expect(answer.status == 200)
        #expect(answer[header: "content-length"] == "1000")
        #expect(answer[header: "etag"] == "\"tag-1\"")
        #expect(answer.body.readableBytes == 0)
    }

    // MARK: Conditions

    @Test(arguments: [
        ["if-none-match": "\"tag-1\""], ["if-none-match": "*"], ["if-none-match": "\"x\" , \"tag-1\""],
        ["if-none-match": "W/\"tag-1\""], ["if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"],
        ["if-none-match": "\"tag-1\"", "if-modified-since": "Mon, 13 Nov 2023 22:13:20 GMT"],
        ["if-modified-since": "Wed, 15 Nov 2023 22:13:20 GMT"], ["if-match": "\"tag-1\"", "if-none-match": "*"],
    ])
    func `what the caller has is not sent again`(headers: [String: String]) async throws {
        for method in [HTTPRequest.Method.get, .head] {
            let answer = try await ask(Self.fox, method, headers)
            #expect(answer.status == 304)
            #expect(answer.body.readableBytes == 0)
            #expect(answer[header: "etag"] == "\"tag-1\"")
        }
    }

    @Test(arguments: [
        ["if-none-match": "\"other\""], ["if-none-match": "tag-1"], ["if-modified-since": "yesterday"],
        ["if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT"], ["if-match": "\"x\", \"tag-1\""], ["if-match": "*"],
        ["if-unmodified-since": "Tue, 14 Nov 2023 22:13:20 GMT"], ["if-unmodified-since": "yesterday"],
        // The tag decides when there is one.
        ["if-none-match": "\"other\"", "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"],
    ])
    func `what the caller has not is sent`(headers: [String: String]) async throws {
        #expect(try await ask(Self.fox, .get, headers).status == 200)
    }

    @Test(arguments: [
        ["if-match": "\"other\""], ["if-match": "W/\"tag-1\""],
        ["if-unmodified-since": "Tue, 14 Nov 2023 22:13:19 GMT"],
    ])
    func `another version than there is is not given`(headers: [String: String]) async throws {
        let answer = try await ask(Self.fox, .get, headers)
        answer.expectError(412, "precondition_failed")
    }

    // MARK: Ranges

    @Test(arguments: [
        ("bytes=0-9", 0..<10), ("bytes=990-", 990..<1000), ("bytes=-10", 990..<1000), ("bytes=500-5000", 500..<1000),
        ("bytes=0-0", 0..<1), ("bytes=0-", 0..<1000), ("bytes=-5000", 0..<1000), ("bytes=999-999", 999..<1000),
        ("bytes=0-9223372036854775807", 0..<1000), ("bytes=-9223372036854775807", 0..<1000),
    ])
    func `one range is one part`(text: String, range: Range<Int>) async throws {
        let answer = try await ask(Self.fox, .get, ["range": text])
        #expect(answer.status == 206)
        #expect(answer[header: "content-range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/1000")
        #expect(answer[header: "content-length"] == "\(range.count)")
        #expect(answer.body == FakeFiles.bytes.getSlice(at: range.lowerBound, length: range.count))
    }

    @Test(arguments: [
        "bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,x", "bytes=0-1,,5-6", "items=0-1", "bytes",
        "bytes=--5", "bytes=1--3",
        "bytes=99999999999999999999-",
    ])
    func `a range that cannot be read is none`(text: String) async throws {
        let answer = try await ask(Self.fox, .get, ["range": text])
        #expect(answer.status == 200)
        #expect(answer.body == FakeFiles.bytes)
    }

    @Test(arguments: ["bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=9223372036854775807-9223372036854775807"])
    func `a range behind the end cannot be satisfied`(text: String) async throws {
        let answer = try await ask(Self.fox, .get, ["range": text])
        answer.expectError(416, "invalid_value", parameter: "Range")
        #expect(answer[header: "content-range"] == "bytes */1000")
    }

    @Test(arguments: ["bytes=0-", "bytes=0-5", "bytes=-5"])
    func `an empty file has no parts`(text: String) async throws {
        #expect(try await ask("/files/empty.png?sig=ok", .get, ["range": text]).status == 416)
        #expect(try await ask("/files/empty.png?sig=ok").status == 200)
    }

    @Test(arguments: [
        ("\"tag-1\"", 206), ("\"other\"", 200), ("Mon, 13 Nov 2023 22:13:20 GMT", 200),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 206), ("W/\"tag-1\"", 200), ("x", 200),
    ])
    func `a part of another version is not mixed in`(condition: String, status: Int) async throws {
        let answer = try await ask(Self.fox, .get, ["range": "bytes=0-9", "if-range": condition])
        #expect(answer.status == status)
    }

    @Test func `several ranges are several parts, in the order asked for`() async throws {
        let answer = try await ask(Self.fox, .get, ["range": "bytes=500-509, 0-4,-1, 2000-"])
        let type = try #require(answer[header: "content-type"])
        let boundary = try #require(type.split(separator: "boundary=").last)
        var expected = ByteBuffer()
        for range in [500..<510, 0..<5, 999..<1000] {
            expected.writeString("\r\n--\(boundary)\r\nContent-Type: image/png\r\n")
            expected.writeString("Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/1000\r\n\r\n")
            expected.writeImmutableBuffer(
                try #require(FakeFiles.bytes.getSlice(at: range.lowerBound, length: range.count))
            )
        }
        expected.writeString("\r\n--\(boundary)--\r\n")

        #expect(answer.status == 206)
        #expect(type.hasPrefix("multipart/byteranges; "))
        #expect(answer[header: "content-range"] == nil)
        #expect(answer[header: "content-length"] == "\(expected.readableBytes)")
        #expect(answer.body == expected)
    }

    @Test(arguments: [
        "bytes=0-9,5-14", "bytes=0-,0-", "bytes=0-0" + String(repeating: ",2-2", count: 16),
        (0..<17).map { "\($0 * 10)-\($0 * 10)" }.joined(separator: ",").replacing(
            "0-0",
            with: "bytes=0-0",
            maxReplacements: 1
        ),
    ])
    func `parts that overlap or are too many get the whole file`(text: String) async throws {
        let answer = try await ask(Self.fox, .get, ["range": text])
        #expect(answer.status == 200)
        #expect(answer.body == FakeFiles.bytes)
    }

    @Test func `several ranges behind the end cannot be satisfied, one within is one part`() async throws {
        try await ask(Self.fox, .get, ["range": "bytes=1000-,2000-"]).expectError(
            416,
            "invalid_value",
            parameter: "Range"
        )
        let one = try await ask(Self.fox, .get, ["range": "bytes=1000-,0-1"])
        #expect(one.status == 206 && one[header: "content-range"] == "bytes 0-1/1000")
    }
}
