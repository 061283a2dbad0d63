// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// Credentials that somebody else renews.
@Suite struct S3CredentialsTests {
    static let moment = Timestamp(seconds: 1_700_000_000)

    /// A store whose keys are in a file, and what it complained about.
    private struct Fixture {
        let folder = try? TemporaryFolder()
        let time = ManualTime(moment)
        let transport = FakeTransport(.fine)
        let complaints = Complaints()

        var path: String { "\(folder?.path ?? "")/credentials" }

        final class Complaints: Sendable {
            let sentences = Mutex<[String]>([])
        }

        func write(_ text: String) throws {
            try folder?.write(Array(text.utf8), to: "credentials")
        }

        func store(profile: String = "default", lifetime: Duration = .seconds(3600)) throws -> S3ObjectStore {
            var settings = S3Settings.example().with { $0.linkLifetime = lifetime }
            settings.credentialsFile = path
            settings.credentialsProfile = profile
            return try S3ObjectStore(settings, transport: transport, time: time) { [complaints] sentence in
                complaints.sentences.withLock { $0.append(sentence) }
            }
        }

        func refusal(profile: String = "default", lifetime: Duration = .seconds(3600)) -> ObjectError? {
            do {
                _ = try store(profile: profile, lifetime: lifetime)
                return nil
            } catch {
                return error as? ObjectError
            }
        }

        /// Whose key a link carries.
        func keyID(_ store: S3ObjectStore) throws -> String {
            let key = try #require(ObjectKey("a.png"))
            let link = try store.link(to: key, signedAt: moment, lifetime: .seconds(60))
            return String(try #require(link.firstMatch(of: #/X-Amz-Credential=([^%]+)%2F/#)).1)
        }
    }

    static let forms: [(name: String, text: String, token: String?)] = [
        ("ini", "[default]\naws_access_key_id = AKID\naws_secret_access_key=S/K+==\n", nil),
        (
            "ini with a token",
            "# made by hand\n[default]\naws_access_key_id=AKID\naws_secret_access_key=S/K+==\naws_session_token = t=1\n",
            "t=1"
        ),
        (
            "ini with other profiles",
            "[other]\naws_access_key_id=NO\naws_secret_access_key=NO\n[ default ]\r\naws_access_key_id=AKID\r\naws_secret_access_key=S/K+==\r\n[third]\naws_access_key_id=NO",
            nil
        ),
        ("ini without a profile", "access_key_id = AKID\nsecret_access_key = S/K+==\n", nil),
        (
            "JSON of a credential process",
            #"{"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "S/K+==", "SessionToken": "t=1", "Expiration": "2023-11-15T22:13:20Z"}"#,
            "t=1"
        ),
        (
            "JSON of the instance metadata",
            #"{"Code": "Success", "AccessKeyId": "AKID", "SecretAccessKey": "S/K+==", "Token": "t=1", "Expiration": "2023-11-15T23:13:20.5+01:00"}"#,
            "t=1"
        ),
        (
            "JSON of assume-role",
            #" {"Credentials": {"AccessKeyId": "AKID", "SecretAccessKey": "S/K+==", "SessionToken": "t=1"}}"#, "t=1"
        ),
        (
            "JSON of another vendor", #"{"AccessKeyId": "AKID", "AccessKeySecret": "S/K+==", "SecurityToken": "t=1"}"#,
            "t=1"
        ),
    ]

    @Test(arguments: forms)
    func `the usual forms are read`(form: (name: String, text: String, token: String?)) throws {
        let credentials = try CredentialsText.read(ByteBuffer(string: form.text), profile: "default")

        #expect(credentials.accessKeyID == "AKID")
        #expect(credentials.secretAccessKey == Secret("S/K+=="))
        #expect(credentials.sessionToken == form.token.map { Secret($0) })
        let end = form.text.contains("Expiration") ? Timestamp(seconds: 1_700_086_400) : nil
        #expect(credentials.expires == end)
    }

    @Test(arguments: [
        ("", "no profile"), ("[other]\naws_access_key_id=A\naws_secret_access_key=S", "no profile"),
        ("{", "no valid JSON"),
        ("{}", "no access key id"), ("[default]\naws_secret_access_key=S", "no access key id"),
        (#"{"AccessKeyId": "A"}"#, "no secret access key"),
        (#"{"AccessKeyId": "A", "SecretAccessKey": ""}"#, "no secret"),
        (#"{"AccessKeyId": "A B", "SecretAccessKey": "S"}"#, "access_key_id has blanks"),
        (#"{"AccessKeyId": "A", "SecretAccessKey": "S\n"}"#, "secret_access_key has blanks"),
        (#"{"AccessKeyId": "A", "SecretAccessKey": "S", "Expiration": "soon"}"#, "expiration is no time"),
    ])
    func `what cannot be used is refused at the start, without a word of it`(text: String, reason: String) throws {
        let fixture = Fixture()
        try fixture.write(text)

        let error = try #require(fixture.refusal())

        #expect(error.code == .misconfigured)
        #expect(error.message.hasPrefix("storage.credentials_file cannot be used: ") && error.message.hasSuffix("."))
        #expect(error.message.contains(reason), "\(error.message)")
    }

    @Test func `a file that is missing, a folder or far too large is named as such`() throws {
        let fixture = Fixture()
        #expect(fixture.refusal()?.message.contains("there is no such file") == true)
        try FileManager.default.createDirectory(atPath: fixture.path, withIntermediateDirectories: true)
        #expect(fixture.refusal()?.message.contains("no plain file") == true)
        try FileManager.default.removeItem(atPath: fixture.path)
        try fixture.write(String(repeating: "#\n", count: 40_000))
        #expect(fixture.refusal()?.message.contains("64 KiB") == true)
    }

    @Test func `a file that changes is read again within a second, for links and for uploads`() async throws {
        let fixture = Fixture()
        try fixture.write("[p]\naws_access_key_id=ONE\naws_secret_access_key=S")
        let store = try fixture.store(profile: "p")
        #expect(try fixture.keyID(store) == "ONE")

        try fixture.write("[p]\naws_access_key_id=TWO\naws_secret_access_key=S\naws_session_token=TOKEN")
        #expect(try fixture.keyID(store) == "ONE", "not looked at more often than once a second")
        fixture.time.advance(by: .seconds(1))

        #expect(try fixture.keyID(store) == "TWO")
        try await store.delete(try #require(ObjectKey("a.png")))
        let sent = try #require(fixture.transport.requests.first)
        #expect(sent.header("authorization")?.contains("Credential=TWO/") == true)
        #expect(sent.header("x-amz-security-token") == "TOKEN")
        #expect(fixture.complaints.sentences.withLock(\.self).isEmpty)
    }

    @Test func `with the same credentials a link is the same on every read, however often the file is written`() throws
    {
        let fixture = Fixture()
        let text = "[default]\naws_access_key_id=ONE\naws_secret_access_key=S"
        try fixture.write(text)
        let store = try fixture.store()
        let key = try #require(ObjectKey("a.png"))
        let first = try store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60))

        try fixture.write(text + "\n# again\n")
        fixture.time.advance(by: .seconds(5))

        #expect(try store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60)) == first)
    }

    @Test func `a file that breaks keeps the old credentials and is complained about once`() throws {
        let fixture = Fixture()
        try fixture.write("[default]\naws_access_key_id=ONE\naws_secret_access_key=S3CRET")
        let store = try fixture.store()
        func later() throws -> String {
            fixture.time.advance(by: .seconds(2))
            return try fixture.keyID(store)
        }

        try fixture.write("[default]\naws_access_key_id=TWO\n")
        #expect(try [later(), later(), later()] == ["ONE", "ONE", "ONE"])
        try FileManager.default.removeItem(atPath: fixture.path)
        #expect(try [later(), later()] == ["ONE", "ONE"])
        #expect(fixture.complaints.sentences.withLock(\.count) == 1)
        try fixture.write("[default]\naws_access_key_id=THREE\naws_secret_access_key=S3CRET")
        #expect(try later() == "THREE")
        try fixture.write("{")
        #expect(try later() == "THREE")

        let complaints = fixture.complaints.sentences.withLock(\.self)
        #expect(complaints.count == 2)
        #expect(
            complaints.allSatisfy { $0.contains("stay as they were") && !$0.contains("S3CRET") && !$0.contains("TWO") }
        )
    }

    @Test func `a mounted secret that is swapped by its symbolic link is followed`() throws {
        let fixture = Fixture()
        let folder = try #require(fixture.folder)
        for (version, id) in [("1", "ONE"), ("2", "TWO")] {
            try folder.write(
                Array("[default]\naws_access_key_id=\(id)\naws_secret_access_key=S".utf8),
                to: "v\(version)/credentials"
            )
        }
        try FileManager.default.createSymbolicLink(atPath: fixture.path, withDestinationPath: "v1/credentials")
        let store = try fixture.store()
        #expect(try fixture.keyID(store) == "ONE")

        try FileManager.default.removeItem(atPath: fixture.path)
        try FileManager.default.createSymbolicLink(atPath: fixture.path, withDestinationPath: "v2/credentials")
        fixture.time.advance(by: .seconds(1))

        #expect(try fixture.keyID(store) == "TWO")
    }

    // MARK: Temporary credentials

    @Test func `temporary credentials are refused for links that would outlive them, at the start and later`() throws {
        let fixture = Fixture()
        try fixture.write("[default]\naws_access_key_id=TEMP\naws_secret_access_key=S\naws_session_token=T")
        let sentence = try #require(fixture.refusal(lifetime: .seconds(86_400))?.message)
        #expect(sentence.contains("12 hours") && sentence.contains("storage.url_lifetime to 12h"))
        #expect(fixture.refusal(lifetime: .seconds(43_200)) == nil)

        try fixture.write("[default]\naws_access_key_id=LONG\naws_secret_access_key=S")
        let store = try fixture.store(lifetime: .seconds(86_400))
        try fixture.write("[default]\naws_access_key_id=TEMP\naws_secret_access_key=S\naws_session_token=T")
        fixture.time.advance(by: .seconds(1))
        #expect(try fixture.keyID(store) == "LONG")
        #expect(fixture.complaints.sentences.withLock(\.first)?.contains("12 hours") == true)
    }

    @Test(arguments: [(3599, true), (3600, false), (-5, true)] as [(Int64, Bool)])
    func `credentials that say when they end must not end before a link made now`(left: Int64, isRefused: Bool) throws {
        let fixture = Fixture()
        let end = CivilDate(Self.moment.advanced(by: .seconds(left))).extended
        try fixture.write(
            #"{"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T", "Expiration": "\#(end)"}"#
        )

        let error = fixture.refusal()

        #expect((error != nil) == isRefused)
        if isRefused { #expect(error?.message.contains(end) == true && error?.message.contains("renew") == true) }
    }

    @Test func `a task of the time before temporary credentials keeps its link`() throws {
        let link = try S3LinkTests.link("a.png", lifetime: .seconds(86_400)) {
            $0.sessionToken = Secret("TOKEN")
            $0.linkLifetime = .seconds(3600)
        }

        #expect(link.contains("X-Amz-Expires=86400&X-Amz-Security-Token=TOKEN&"))
    }
}
