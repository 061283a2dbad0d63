// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct LocalLinkTests {
    static let moment = LocalFixture.moment

    static func refusal(_ body: () async throws -> LinkedFile) async -> ObjectError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? ObjectError)?.code
        }
    }

    @Test func `a link has one form`() throws {
        let local = try LocalFixture()

        let link = try local.store.link(to: try LocalFixture.key(), signedAt: Self.moment, lifetime: .seconds(86_400))

        let form =
            #/https://gateway\.example\.com/files/2026/11/21/image_01K-0\.png\?expires=1700086400&signature=[A-Za-z0-9_-]{43}/#
        #expect(link.wholeMatch(of: form) != nil)
    }

    @Test func `a public address may have a port, a path and a slash`() throws {
        let folder = try TemporaryFolder()
        let store = try LocalObjectStore(path: folder.path, publicURL: "http://127.0.0.1:8080/images/")

        let link = try store.link(to: try LocalFixture.key("a.png"), signedAt: Self.moment, lifetime: .seconds(1))

        #expect(link.hasPrefix("http://127.0.0.1:8080/images/files/a.png?expires=1700000001&"))
    }

    @Test func `a link dies exactly when it should`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("picture", at: key)
        let link = try local.store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60))
        let end = Self.moment.advanced(by: .seconds(60))

        let last = try await local.follow(link, now: Timestamp(milliseconds: end.milliseconds - 1))
        let after = await Self.refusal { try await local.follow(link, now: end) }

        #expect(last.length == 7)
        #expect(after == .forbidden)
    }

    @Test func `a right link to a picture that is gone says so`() async throws {
        let local = try LocalFixture()

        #expect(await Self.refusal { try await local.open(try LocalFixture.key()) } == .notFound)
    }

    static let queries: [(String, @Sendable (_ expires: String, _ signature: String) -> String)] = [
        ("later end", { "expires=\((Int($0) ?? 0) + 1)&signature=\($1)" }),
        ("earlier end", { "expires=\((Int($0) ?? 0) - 1)&signature=\($1)" }),
        ("leading zero", { "expires=0\($0)&signature=\($1)" }),
        ("plus sign", { "expires=+\($0)&signature=\($1)" }),
        ("negative end", { "expires=-1&signature=\($1)\($0.prefix(0))" }),
        ("huge end", { "expires=99999999999999999999&signature=\($1)\($0.prefix(0))" }),
        ("escaped digit", { "expires=%31\($0.dropFirst())&signature=\($1)" }),
        ("no signature", { "expires=\($0)\($1.prefix(0))" }),
        ("empty signature", { "expires=\($0)&signature=\($1.prefix(0))" }),
        ("shorter signature", { "expires=\($0)&signature=\($1.dropLast())" }),
        ("longer signature", { "expires=\($0)&signature=\($1)A" }),
        ("padded signature", { "expires=\($0)&signature=\($1)=" }),
        ("other signature", { "expires=\($0)&signature=\(String($1.reversed()))" }),
        ("lower-case signature", { "expires=\($0)&signature=\($1.lowercased())" }),
        ("no end", { "signature=\($1)\($0.prefix(0))" }),
        ("two ends", { "expires=\($0)&expires=\($0)&signature=\($1)" }),
        ("two ends, no signature", { "expires=\($0)&expires=\($0)\($1.prefix(0))" }),
        ("one parameter more", { "expires=\($0)&signature=\($1)&x=1" }),
        ("an empty parameter more", { "expires=\($0)&signature=\($1)&" }),
        ("upper-case name", { "Expires=\($0)&signature=\($1)" }),
        ("nothing", { "\($0.prefix(0))\($1.prefix(0))" }),
    ]

    @Test(arguments: queries.indices)
    func `a query that was changed is refused`(index: Int) async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("picture", at: key)
        let link = try local.store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60))
        let match = try #require(link.firstMatch(of: #/expires=(\d+)&signature=(.+)/#))
        let query = Self.queries[index].1(String(match.1), String(match.2))

        let code = await Self.refusal { try await local.store.open(path: "\(key)", query: query, now: Self.moment) }

        #expect(code == .forbidden, "\(Self.queries[index].0)")
    }

    @Test func `the order of the two parameters does not matter`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("picture", at: key)
        let link = try local.store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60))
        let match = try #require(link.firstMatch(of: #/(expires=\d+)&(signature=.+)/#))

        let file = try await local.store.open(path: "\(key)", query: "\(match.2)&\(match.1)", now: Self.moment)

        #expect(file.length == 7)
    }

    static let traversals = [
        "../link.key", "..%2flink.key", "%2e%2e/link.key", "%2e%2e%2flink.key", "..%5clink.key", "..\\link.key",
        "%252e%252e%252flink.key", "..;/link.key", "....//link.key", "./link.key", ".%2flink.key", "a/../../link.key",
        "a/%2e%2e/%2e%2e/link.key", "/link.key", "%2flink.key", "//link.key", "2026//link.key", "link.key/",
        "link.key%00.png",
        "link.key%00", "%00link.key", ".link.key", "2026/.hidden", "..%c0%aflink.key", "%c0%ae%c0%ae/link.key",
        "%uff0e%uff0e/link.key", "\u{FF0E}\u{FF0E}/link.key", "file:///etc/passwd", "/etc/passwd", "%2fetc%2fpasswd",
        "~/link.key", "link.key?x", "link.key#x", "+5c/link.key", "%2B5c/link.key", "a%0a/link.key", "..", ".", "", "%",
        "link.key%", "..%2", "C:\\link.key", "2026/11/21/%2b5c/x.png",
    ]

    @Test(arguments: traversals)
    func `no path leads out, not even one that is signed`(path: String) async throws {
        let local = try LocalFixture()
        try await local.put("picture", at: try LocalFixture.key("x.png"))
        let secret = try local.folder.bytes(of: "link.key")
        let spellings = Set([
            path, Escaping.unescape(path) ?? path, Escaping.unescape(path).flatMap { Escaping.unescape($0) } ?? path,
        ])

        for spelling in spellings {
            let code = Digest.base64URL(try Digest.hmac(key: secret, "image-gateway link 1\n\(spelling)\n1700000060"))
            let query = "expires=1700000060&signature=\(code)"
            #expect(
                await Self.refusal { try await local.store.open(path: path, query: query, now: Self.moment) }
                    == .forbidden
            )
        }
    }

    @Test func `the signature of these tests is the store's own`() async throws {
        let local = try LocalFixture()
        try await local.put("picture", at: try LocalFixture.key("x.png"))
        let secret = try local.folder.bytes(of: "link.key")
        let code = Digest.base64URL(try Digest.hmac(key: secret, "image-gateway link 1\nx.png\n1700000060"))

        let query = "expires=1700000060&signature=\(code)"

        #expect(try await local.store.open(path: "x.png", query: query, now: Self.moment).length == 7)
        #expect(try await local.store.open(path: "%78.png", query: query, now: Self.moment).length == 7)
    }

    @Test func `symbolic links are not followed, neither as a file nor as a folder`() async throws {
        let local = try LocalFixture()
        let outside = try TemporaryFolder()
        let (key, other) = (try LocalFixture.key("a/one.png"), try LocalFixture.key("b/two.png"))
        try await local.put("picture", at: key)
        let place = "\(local.folder.path)/\(try local.place())"
        try outside.write(Array("stolen".utf8), to: "one.png")
        try FileManager.default.removeItem(atPath: place)
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "\(outside.path)/one.png")
        let folder = "\(local.folder.path)/objects/b"
        try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: outside.path)

        #expect(await Self.refusal { try await local.open(key) } == .notFound)
        #expect(await Self.refusal { try await local.open(other) } == .notFound)
        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await local.store.put(ObjectBody(contentType: "image/png", buffers: []), at: other)
        }
        #expect(error?.code == .misconfigured)
        #expect(outside.files() == ["one.png"])
    }

    @Test func `what is no plain file is not served`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("picture", at: key)
        let place = "\(local.folder.path)/\(try local.place())"
        try FileManager.default.removeItem(atPath: place)
        #expect(mkfifo(place, 0o600) == 0)

        #expect(await Self.refusal { try await local.open(key) } == .notFound)
    }

    @Test(arguments: [
        (0, 10, "0123456789"), (0, 3, "012"), (7, 3, "789"), (7, 100, "789"), (9, 1, "9"), (10, 5, ""), (50, 5, ""),
        (3, 0, ""),
        (-4, 2, "01"), (2, -1, ""), (0, .max, "0123456789"), (.max, .max, ""),
    ])
    func `parts are read as asked, and end where the file ends`(offset: Int, count: Int, text: String) async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("0123456789", at: key)

        let file = try await local.open(key)

        #expect(String(buffer: try await file.read(offset, count)) == text)
    }

    @Test func `an open file stays what it was when it is replaced or deleted`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("old picture", at: key)
        let old = try await local.open(key)

        try await local.put("new", at: key)
        let new = try await local.open(key)
        try await local.store.delete(key)

        #expect(String(buffer: try await old.read(0, 100)) == "old picture")
        #expect(String(buffer: try await new.read(0, 100)) == "new")
        #expect(old.entityTag != new.entityTag)
    }

    @Test func `a file says what it is`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        let before = SystemTime().now
        try await local.put("picture", at: key)

        let (file, again) = (try await local.open(key), try await local.open(key))

        #expect(file.contentType == "image/png")
        #expect(file.length == 7)
        #expect(file.entityTag == again.entityTag)
        #expect(file.entityTag.wholeMatch(of: #/"[0-9a-f]{32}"/#) != nil)
        #expect(abs(before.duration(to: file.modified).milliseconds) < 60_000)
    }

    @Test(arguments: [
        ("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a.jpeg", "image/jpeg"), ("a.webp", "image/webp"),
        ("a.html", "application/octet-stream"), ("a", "application/octet-stream"), ("png", "application/octet-stream"),
    ])
    func `the media type is that of the name`(name: String, type: String) async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key(name)
        try await local.put("picture", at: key)

        #expect(try await local.open(key).contentType == type)
    }

    #if os(Linux)
        @Test func `a file is closed when nobody holds it any more`() async throws {
            let local = try LocalFixture()
            let key = try LocalFixture.key()
            try await local.put("picture", at: key)
            let place = "\(local.folder.path)/\(try local.place())"

            var file: LinkedFile? = try await local.open(key)
            let held = Self.descriptors(of: place)
            _ = try await file?.read(0, 1)
            file = nil

            #expect(held == 1)
            #expect(Self.descriptors(of: place) == 0)
        }

        private static func descriptors(of path: String) -> Int {
            let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            return numbers.filter { number in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")) == path
            }
            .count
        }
    #endif
}
