// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@testable import GatewayObjects

@Suite struct LinkKeyTests {
    @Test func `the secret is made at the first start, for the owner alone`() throws {
        let local = try LocalFixture()

        #expect(try local.folder.bytes(of: "link.key").count == 32)
        #expect(try local.folder.mode(of: "link.key") == 0o600)
    }

    @Test func `the secret stays, and with it the links`() throws {
        let local = try LocalFixture()
        let again = try LocalObjectStore(path: local.folder.path, publicURL: LocalFixture.base)
        let other = try LocalFixture()
        let key = try LocalFixture.key()

        let link = try local.store.link(to: key, signedAt: LocalFixture.moment, lifetime: .seconds(9))

        #expect(try again.link(to: key, signedAt: LocalFixture.moment, lifetime: .seconds(9)) == link)
        #expect(try other.store.link(to: key, signedAt: LocalFixture.moment, lifetime: .seconds(9)) != link)
    }

    @Test func `stores that start at once agree on one secret`() async throws {
        let folder = try TemporaryFolder()
        let key = try LocalFixture.key()

        let links = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    let store = try LocalObjectStore(path: folder.path, publicURL: LocalFixture.base)
                    return try store.link(to: key, signedAt: LocalFixture.moment, lifetime: .seconds(9))
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }

        #expect(links.count == 1)
        #expect(folder.files() == ["link.key"])
    }

    @Test(arguments: [0, 1, 31])
    func `a secret that is too short is refused, not replaced`(length: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write(Array(repeating: 7, count: length), to: "link.key")

        let error = #expect(throws: ObjectError.self) {
            try LocalObjectStore(path: folder.path, publicURL: LocalFixture.base)
        }

        #expect(error?.code == .misconfigured && error?.message.contains("link.key") == true)
        #expect(try folder.bytes(of: "link.key").count == length)
    }

    @Test func `a secret that is a folder or a symbolic link is refused`() throws {
        let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
        try FileManager.default.createDirectory(atPath: "\(first.path)/link.key", withIntermediateDirectories: false)
        try second.write(Array(repeating: 7, count: 32), to: "elsewhere")
        try FileManager.default.createSymbolicLink(atPath: "\(second.path)/link.key", withDestinationPath: "elsewhere")

        for folder in [first, second] {
            let error = #expect(throws: ObjectError.self) {
                try LocalObjectStore(path: folder.path, publicURL: LocalFixture.base)
            }
            #expect(error?.code == .misconfigured && error?.message.contains("link.key") == true)
        }
    }

    @Test func `a secret that others may read is taken away from them`() throws {
        let local = try LocalFixture()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(local.folder.path)/link.key")

        _ = try LocalObjectStore(path: local.folder.path, publicURL: LocalFixture.base)

        #expect(try local.folder.mode(of: "link.key") == 0o600)
    }
}
