// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct LocalObjectStoreTests {
    @Test func `a picture lies under its day, in one of 256 folders, with its own name`() async throws {
        let local = try LocalFixture()

        try await local.put("picture", at: try LocalFixture.key())

        let place = try local.place()
        #expect(place.wholeMatch(of: #/objects/2026/11/21/\+[0-9a-f]{2}/image_01K-0\.png/#) != nil)
        #expect(try local.folder.bytes(of: place) == Array("picture".utf8))
        #expect(local.folder.files() == ["link.key", place])
        #expect(try local.folder.mode(of: place) & 0o007 == 0)
    }

    @Test func `many pictures of a day are spread evenly`() async throws {
        let local = try LocalFixture()

        for number in 0..<200 {
            try await local.put("x", at: try LocalFixture.key("2026/11/21/image_\(number)-0.png"))
        }

        let folders = Dictionary(grouping: local.folder.files().filter { $0.hasPrefix("objects/") }) { $0.prefix(22) }
        #expect(folders.count > 90)
        #expect(folders.values.allSatisfy { $0.count < 9 })
    }

    @Test func `a key may be a name and a folder at the same time`() async throws {
        let local = try LocalFixture()
        let keys = try ["a", "a/b", "a/b/c", "link.key", "incoming/x", "objects"].map(LocalFixture.key)

        for key in keys { try await local.put("\(key)", at: key) }

        for key in keys { #expect(try await local.open(key).length == key.description.count) }
    }

    @Test func `deleting a picture takes the folders it leaves empty`() async throws {
        let local = try LocalFixture()
        let keys = try (0..<3).map { try LocalFixture.key("2026/11/2\($0)/image.png") }
        for key in keys { try await local.put("picture", at: key) }

        for key in keys.dropLast() { try await local.store.delete(key) }

        let objects = FileManager.default.enumerator(atPath: "\(local.folder.path)/objects")?.compactMap {
            $0 as? String
        }
        #expect(objects?.filter { !$0.contains("2026/11/22") }.sorted() == ["2026", "2026/11"])
        #expect(try await local.open(keys[2]).length == 7)
    }

    @Test func `puts and deletions at once never disturb each other`() async throws {
        let local = try LocalFixture()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<48 {
                group.addTask {
                    let (kept, gone) = (
                        try LocalFixture.key("d/\(number % 5)/kept-\(number)"),
                        try LocalFixture.key("d/\(number % 5)/gone-\(number)")
                    )
                    for _ in 0..<5 {
                        try await local.put("\(number)", at: gone)
                        try await local.store.delete(gone)
                    }
                    try await local.put("\(number)", at: kept)
                }
            }
            try await group.waitForAll()
        }

        let names = local.folder.files()
        #expect(names.filter { $0.contains("kept-") }.count == 48)
        #expect(names.count == 49)
    }

    @Test func `what a crash has left is removed at the next start, and nothing else`() throws {
        let local = try LocalFixture()
        let leftover = "incoming/put-0123456789abcdef0123456789abcdef.part"
        let busy = "incoming/put-ffffffffffffffffffffffffffffffff.part"
        let strange = [
            "incoming/put-notes.part", "incoming/README", "incoming/put-0123456789ABCDEF0123456789ABCDEF.part",
        ]
        for name in [leftover, busy] + strange { try local.folder.write([1, 2, 3], to: name) }
        let writer = try Descriptor.folder(at: "\(local.folder.path)/incoming").file(String(busy.dropFirst(9)))
        #expect(writer.lock())

        _ = try LocalObjectStore(path: local.folder.path, publicURL: LocalFixture.base)

        #expect(local.folder.files().filter { $0.hasPrefix("incoming/") } == ([busy] + strange).sorted())
        withExtendedLifetime(writer) {}
    }

    @Test func `a put that fails leaves nothing behind and the old picture as it was`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key()
        try await local.put("old", at: key)
        let place = try local.place()
        let folder = "\(local.folder.path)/\((place as NSString).deletingLastPathComponent)"
        try FileManager.default.removeItem(atPath: "\(local.folder.path)/\(place)")
        try FileManager.default.createDirectory(
            atPath: "\(local.folder.path)/\(place)",
            withIntermediateDirectories: false
        )

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await local.store.put(
                ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: "new")]),
                at: key
            )
        }

        #expect(error?.code == .misconfigured)
        #expect(local.folder.files() == ["link.key"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["image_01K-0.png"])
    }

    @Test func `a folder that is taken away is named`() async throws {
        let local = try LocalFixture()
        try FileManager.default.removeItem(atPath: local.folder.path)
        let key = try LocalFixture.key()

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await local.store.put(ObjectBody(contentType: "image/png", buffers: []), at: key)
        }

        #expect(error?.code == .noBucket)
    }

    @Test(arguments: [
        (ENOSPC, ObjectError.Code.full, true), (EDQUOT, .full, true), (EACCES, .denied, false), (EROFS, .denied, false),
        (ENOENT, .noBucket, false), (ELOOP, .misconfigured, false), (EIO, .unavailable, true),
        (EMFILE, .unavailable, true),
    ])
    func `what the system says becomes a sentence`(code: CInt, expected: ObjectError.Code, isTemporary: Bool) {
        let error = SystemFailure(code: code, action: "write").objectError

        #expect(error.code == expected)
        #expect(error.isTemporary == isTemporary)
        #expect(error.message.contains("storage.path") && error.message.hasSuffix("."))
    }

    @Test func `a part of a key longer than a file name is refused, not cut`() async throws {
        let local = try LocalFixture()
        let key = try LocalFixture.key(String(repeating: "k", count: 300))

        let error = await S3ObjectStoreTests.failure { () throws(ObjectError) in
            try await local.store.put(ObjectBody(contentType: "image/png", buffers: []), at: key)
        }

        #expect(error?.code == .misconfigured)
        try await local.store.delete(key)
    }

    @Test(arguments: ["", "gateway.example.com", "ftp://x"])
    func `a public address that is no URL is refused`(url: String) throws {
        let folder = try TemporaryFolder()

        let error = #expect(throws: ObjectError.self) { try LocalObjectStore(path: folder.path, publicURL: url) }

        #expect(error?.code == .misconfigured && error?.message.contains("server.public_url") == true)
    }

    @Test func `a root that is a file is refused`() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "file")

        let error = #expect(throws: ObjectError.self) {
            try LocalObjectStore(path: "\(folder.path)/file", publicURL: LocalFixture.base)
        }

        #expect(error?.code == .misconfigured)
    }

    @Test func `a root is made with all that is above it`() async throws {
        let folder = try TemporaryFolder()

        _ = try LocalObjectStore(path: "\(folder.path)/a/b/c/", publicURL: LocalFixture.base)

        #expect(folder.files() == ["a/b/c/link.key"])
    }
}
