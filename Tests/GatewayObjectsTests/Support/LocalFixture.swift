// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@testable import GatewayObjects

/// A local store in a folder of its own.
struct LocalFixture: Sendable {
    static let base = "https://gateway.example.com"
    static let moment = Timestamp(seconds: 1_700_000_000)

    let folder: TemporaryFolder
    let store: LocalObjectStore

    init() throws {
        folder = try TemporaryFolder()
        store = try LocalObjectStore(path: folder.path, publicURL: Self.base)
    }

    static func key(_ name: String = "2026/11/21/image_01K-0.png") throws -> ObjectKey { try #require(ObjectKey(name)) }

    func put(_ text: String, at key: ObjectKey) async throws {
        try await store.put(ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: text)]), at: key)
    }

    func open(_ key: ObjectKey) async throws -> LinkedFile {
        try await follow(try store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60)), now: Self.moment)
    }

    /// Opens a link as the server does it.
    func follow(_ link: String, now: Timestamp) async throws -> LinkedFile {
        #expect(link.hasPrefix("\(Self.base)/files/"))
        let parts = link.dropFirst("\(Self.base)/files/".count).split(separator: "?", maxSplits: 1)
        return try await store.open(path: String(parts[0]), query: String(parts[1]), now: now)
    }

    /// Where the only picture is, from the root.
    func place() throws -> String {
        try #require(folder.files().first { $0.hasPrefix("objects/") })
    }
}
