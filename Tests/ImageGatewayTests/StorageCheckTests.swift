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
    /// A clock on which nothing takes time.
    private struct HurriedTime: TimeSource {
        let now = Timestamp(seconds: 1_700_000_000)

        func sleep(for duration: Duration) async throws {}
    }

    /// A bucket that keeps what is put; a test puts its own answer in front.
    private final class FakeBucket: Sendable {
        enum Call: String { case put = "PUT", link = "GET with a link", bare = "GET", delete = "DELETE" }

        private let state = Mutex((body: ByteBuffer?.none, calls: [String]()))
        private let rule: @Sendable (Call, ByteBuffer?) -> ReplayTransport.Answer?

        init(_ rule: @escaping @Sendable (Call, ByteBuffer?) -> ReplayTransport.Answer? = { _, _ in nil }) {
            self.rule = rule
        }

        var calls: [String] { state.withLock(\.calls) }
        var isEmpty: Bool { state.withLock { $0.body == nil } }

        func answer(_ sent: ReplayTransport.Sent) -> ReplayTransport.Answer {
            let isLink = sent.request.url.contains("X-Amz-Signature=")
            let call: Call =
                switch sent.request.method {
                case .put: .put
                case .delete: .delete
                default: isLink ? .link : .bare
                }
            let body = state.withLock { state in
                state.calls.append(call.rawValue)
                return state.body
            }
            if let answer = rule(call, body) { return answer }
            switch call {
            case .put:
                state.withLock { $0.body = sent.body }
                return .text("")
            case .delete:
                state.withLock { $0.body = nil }
                return .text("", status: 204)
            case .link: return Self.text(body ?? ByteBuffer())
            case .bare: return Self.refusal(403, "AccessDenied")
            }
        }

        static func text(_ body: ByteBuffer, type: String = "image/png", ahead: Duration = .zero)
            -> ReplayTransport.Answer
        {
            let date = CivilDate(Timestamp(seconds: 1_700_000_000).advanced(by: ahead)).http
            return .response(TransportResponse(status: 200, headers: [.contentType: type, .date: date], body: body))
        }

        static func refusal(_ status: Int, _ code: String, _ more: String = "", ahead: Duration = .zero)
            -> ReplayTransport.Answer
        {
            let date = CivilDate(Timestamp(seconds: 1_700_000_000).advanced(by: ahead)).http
            let text = "<Error><Code>\(code)</Code><Message>CANARY</Message>\(more)</Error>"
            return .response(TransportResponse(status: status, headers: [.date: date], body: ByteBuffer(string: text)))
        }

        static func lost(_ code: TransportError.Code) -> ReplayTransport.Answer {
            .failure(TransportError(code, mayHaveArrived: false, "CANARY"))
        }
    }

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
        Row("links die of the clock", says: "The link is denied", "clock is more than 15 minutes off") { call, _ in
            call == .link ? FakeBucket.refusal(403, "AccessDenied", ahead: .seconds(-7200)) : nil
        },
        Row("may not read", says: "The link is denied", "s3:GetObject") { call, _ in
            call == .link ? FakeBucket.refusal(403, "AccessDenied") : nil
        },
        Row("public host changes the path", says: "The link is denied", "a proxy", publicEndpoint: true) { call, _ in
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
