// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import HTTPTypes
import Logging
import NIOCore
import Synchronization
import Testing

@testable import ImageGateway

/// What `image-gateway check` says about a storage.
@Suite struct StorageCheckTests {
    private static func check(_ bucket: FakeBucket, publicEndpoint: Bool = false) async throws -> GatewayCheck.Result {
        let configuration = try SampleFile.read(
            """
            storage:
              kind: s3
              endpoint: https://s3.us-east-1.amazonaws.com
              bucket: pictures
              access_key_id: AKID
              secret_access_key: SECRET
              \(publicEndpoint ? "public_endpoint: https://cdn.example.com" : "")
            """
        )
        let transport = ReplayTransport { bucket.answer($0) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try await GatewayCheck(configuration, transport: transport, time: HurriedTime(), logger: logger)
            .checkStorage()
    }

    @Test func `a bucket that works is written, followed as callers do, and left as it was`() async throws {
        let bucket = FakeBucket()

        let result = try await Self.check(bucket)

        #expect(result.mistake == nil)
        #expect(result.detail == "wrote, signed, fetched and deleted a test object")
        #expect(bucket.calls == ["PUT", "GET with a link", "GET", "DELETE"])
        #expect(bucket.isEmpty)
    }

    private struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: [String]
        let bucket: FakeBucket
        var publicEndpoint = false

        init(
            _ description: String,
            says words: String...,
            publicEndpoint: Bool = false,
            rule: @escaping @Sendable (FakeBucket.Call, ByteBuffer?) -> ReplayTransport.Answer?
        ) {
            testDescription = description
            self.words = words
            self.publicEndpoint = publicEndpoint
            bucket = FakeBucket(rule)
        }
    }

    private static let mistakes: [Row] = [
        Row("wrong region", says: "in the region eu-west-1, not us-east-1") { call, _ in
            call == .put
                ? FakeBucket.refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>") : nil
        },
        Row("wrong secret", says: "storage.secret_access_key") { call, _ in
            call == .put ? FakeBucket.refusal(403, "SignatureDoesNotMatch") : nil
        },
        Row("may not write", says: "s3:PutObject") { call, _ in
            call == .put ? FakeBucket.refusal(403, "AccessDenied") : nil
        },
        Row("no bucket", says: "storage.bucket") { call, _ in
            call == .put ? FakeBucket.refusal(404, "NoSuchBucket") : nil
        },
        Row("no such host", says: "storage.endpoint", "nameNotResolved") { _, _ in FakeBucket.lost(.nameNotResolved) },
        Row("clock that cannot be followed", says: "clock is more than 15 minutes off") { call, _ in
            call == .put ? FakeBucket.refusal(403, "RequestTimeTooSkewed", ahead: .seconds(7200)) : nil
        },
        Row("links die of the clock", says: "The link does not work", "clock is more than 15 minutes off") { call, _ in
            call == .link ? FakeBucket.refusal(403, "AccessDenied", ahead: .seconds(-7200)) : nil
        },
        Row("may not read", says: "The link does not work", "s3:GetObject") { call, _ in
            call == .link ? FakeBucket.refusal(403, "AccessDenied") : nil
        },
        Row(
            "public host changes the path",
            says: "The link does not work",
            "a proxy at storage.public_endpoint",
            publicEndpoint: true
        ) { call, _ in
            call == .link ? FakeBucket.refusal(403, "SignatureDoesNotMatch") : nil
        },
        Row("public host without a name", says: "storage.public_endpoint", "no address", publicEndpoint: true) {
            call,
            _ in
            call == .link ? FakeBucket.lost(.nameNotResolved) : nil
        },
        Row("public host that is down", says: "storage.public_endpoint", "nothing listens", publicEndpoint: true) {
            call,
            _ in
            call == .link ? FakeBucket.lost(.notConnected) : nil
        },
        Row("public host of another bucket", says: "storage.public_endpoint", "another bucket", publicEndpoint: true) {
            call,
            _ in
            call == .link ? FakeBucket.refusal(404, "NoSuchKey") : nil
        },
        Row("something in between", says: "changes it") { call, _ in
            call == .link ? FakeBucket.text(ByteBuffer(string: "<html>")) : nil
        },
        Row("may not delete", says: "could not be deleted", "s3:DeleteObject") { call, _ in
            call == .delete ? FakeBucket.refusal(403, "AccessDenied") : nil
        },
    ]

    @Test(arguments: mistakes.indices)
    func `what is wrong is one sentence, and what was written is taken back`(index: Int) async throws {
        let row = Self.mistakes[index]

        let result = try await Self.check(row.bucket, publicEndpoint: row.publicEndpoint)

        let mistake = try #require(result.mistake, "\(row.testDescription)")
        for word in row.words { #expect(mistake.contains(word), "\(row.testDescription): \(mistake)") }
        #expect(!mistake.contains("CANARY") && !mistake.contains("SECRET"))
        #expect(row.bucket.isEmpty || row.words.contains("could not be deleted"))
    }

    @Test func `what works but is not as it should be is said`() async throws {
        let open = try await Self.check(
            FakeBucket { call, body in call == .bare ? FakeBucket.text(body ?? ByteBuffer()) : nil }
        )
        let late = try await Self.check(
            FakeBucket { call, body in
                call == .link
                    ? FakeBucket.text(body ?? ByteBuffer(), type: "binary/octet-stream", ahead: .seconds(300)) : nil
            }
        )

        #expect(open.mistake == nil && open.detail.contains("the bucket is public"))
        #expect(late.mistake == nil && late.detail.contains("clock is 300 seconds behind"))
        #expect(late.detail.contains("storage.link_content_type"))
    }

    // MARK: Folders

    private static func checkFolder(_ path: String) async throws -> GatewayCheck.Result {
        let configuration = try SampleFile.read("storage: { kind: local, path: \"\(path)\" }")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try await GatewayCheck(
            configuration,
            transport: ReplayTransport([]),
            time: HurriedTime(),
            logger: logger
        ).checkStorage()
    }

    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "check-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    @Test func `a folder that no gateway has used is tried and not begun`() async throws {
        try await Self.withFolder { path in
            for place in [path, "\(path)/data/images"] {
                let result = try await Self.checkFolder(place)

                #expect(result.mistake == nil)
                #expect(result.detail.contains("will be made"))
                #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
            }
        }
    }

    @Test func `a folder in use keeps its key and its pictures`() async throws {
        try await Self.withFolder { path in
            let configuration = try SampleFile.read("storage: { kind: local, path: \"\(path)\" }")
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            _ = try Gateway.storage(configuration, transport: ReplayTransport([]), time: HurriedTime(), logger: logger)
            let before = try FileManager.default.subpathsOfDirectory(atPath: path).sorted()

            let result = try await Self.checkFolder(path)

            #expect(result.mistake == nil && !result.detail.contains("will be made"))
            #expect(try FileManager.default.subpathsOfDirectory(atPath: path).sorted() == before)
        }
    }

    @Test func `a folder that is a file is refused as a mistake of the configuration`() async throws {
        try await Self.withFolder { path in
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path)/file"))

            let result = try await Self.checkFolder("\(path)/file")

            #expect(result.mistake?.contains("storage.path") == true)
        }
    }

    @Test func `settings that cannot be are told apart from a service that refuses`() async throws {
        let configuration = try SampleFile.read(
            "storage: { kind: s3, endpoint: x, bucket: pictures, access_key_id: A, secret_access_key: S }"
        )
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        let result = try await GatewayCheck(
            configuration,
            transport: ReplayTransport([]),
            time: HurriedTime(),
            logger: logger
        ).checkStorage()

        #expect(result.isMisconfigured)
        #expect(result.mistake?.contains("storage.endpoint") == true)
    }
}
