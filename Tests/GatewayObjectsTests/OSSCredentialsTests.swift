// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

/// Credentials for OSS that somebody else renews.
@Suite struct OSSCredentialsTests {
    static let moment = Timestamp(seconds: 1_700_000_000)

    static let forms: [(name: String, text: String, profile: String, token: String?)] = [
        (
            "ossutil 2", "[default]\naccessKeyId = AKID\naccessKeySecret = S/K+==\nregion = cn-hangzhou\n", "default",
            nil
        ),
        (
            "ossutil 2, a profile",
            "[default]\naccessKeyId=NO\naccessKeySecret=NO\n[profile p]\naccessKeyId=AKID\naccessKeySecret=S/K+==\nstsToken=t=1",
            "p", "t=1"
        ),
        (
            "ossutil 1",
            "[Credentials]\nlanguage=EN\nendpoint=oss-cn-hangzhou.aliyuncs.com\naccessKeyID=AKID\naccessKeySecret=S/K+==\nstsToken=t=1\n",
            "default", "t=1"
        ),
        (
            "the SDKs' shared file",
            "[default]\nenable = true\ntype = sts\naccess_key_id = AKID\naccess_key_secret = S/K+==\nsecurity_token = t=1\n",
            "default", "t=1"
        ),
        (
            "variables", "OSS_ACCESS_KEY_ID=AKID\nOSS_ACCESS_KEY_SECRET=S/K+==\nOSS_SESSION_TOKEN=t=1\n", "default",
            "t=1"
        ),
        (
            "Aliyun's command line",
            #"{"current": "work", "profiles": [{"name": "other", "access_key_id": "NO", "access_key_secret": "NO"}, {"name": "work", "mode": "AK", "access_key_id": "AKID", "access_key_secret": "S/K+==", "sts_token": "", "expired_seconds": 0}], "meta_path": ""}"#,
            "default", nil
        ),
        (
            "Aliyun's command line, a profile",
            #"{"current": "other", "profiles": [{"name": "other", "access_key_id": "NO", "access_key_secret": "NO"}, {"name": "p", "mode": "StsToken", "access_key_id": "AKID", "access_key_secret": "S/K+==", "sts_token": "t=1"}]}"#,
            "p", "t=1"
        ),
        (
            "a machine's role",
            #"{"AccessKeyId": "AKID", "AccessKeySecret": "S/K+==", "Expiration": "2023-11-15T22:13:20Z", "SecurityToken": "t=1", "LastUpdated": "2023-11-15T16:13:20Z", "Code": "Success"}"#,
            "default", "t=1"
        ),
        (
            "an assumed role",
            #"{"RequestId": "1", "AssumedRoleUser": {"Arn": "a"}, "Credentials": {"SecurityToken": "t=1", "AccessKeyId": "AKID", "AccessKeySecret": "S/K+==", "Expiration": "2023-11-15T22:13:20Z"}}"#,
            "default", "t=1"
        ),
    ]

    @Test(arguments: forms)
    func `what Aliyun's tools write is read`(
        form: (name: String, text: String, profile: String, token: String?)
    ) throws {
        let credentials = try CredentialsText.read(ByteBuffer(string: form.text), profile: form.profile)

        #expect(credentials.accessKeyID == "AKID")
        #expect(credentials.secretAccessKey == Secret("S/K+=="))
        #expect(credentials.sessionToken == form.token.map { Secret($0) })
        let end = form.text.contains("Expiration") ? Timestamp(seconds: 1_700_086_400) : nil
        #expect(credentials.expires == end)
    }

    @Test func `a profile that the command line's file has not is named as such`() {
        let text =
            #"{"current": "work", "profiles": [{"name": "work", "access_key_id": "A", "access_key_secret": "S"}]}"#

        let error = #expect(throws: CredentialsText.Mistake.self) {
            try CredentialsText.read(ByteBuffer(string: text), profile: "p")
        }

        #expect(error?.reason.contains("storage.credentials_profile") == true)
    }

    /// A store whose keys are in a file, and what it complained about.
    private struct Fixture {
        let folder: TemporaryFolder
        let time = ManualTime(moment)
        let transport = FakeTransport(.fine)
        let complaints = Complaints()
        var signature = OSSSettings.Signature.v4

        final class Complaints: Sendable {
            let sentences = Mutex<[String]>([])
        }

        init(_ signature: OSSSettings.Signature = .v4) throws {
            folder = try TemporaryFolder()
            self.signature = signature
        }

        func write(_ id: String, token: String? = nil, expires: Timestamp? = nil) throws {
            let more = [
                token.map { #", "SecurityToken": "\#($0)""# },
                expires.map { #", "Expiration": "\#(CivilDate($0).extended)""# },
            ]
            let text = #"{"AccessKeyId": "\#(id)", "AccessKeySecret": "S"\#(more.compactMap(\.self).joined())}"#
            try folder.write(Array(text.utf8), to: "credentials")
        }

        func store(lifetime: Duration = .seconds(3600)) throws -> OSSObjectStore {
            let settings = OSSSettings.example().with {
                $0.signature = signature
                $0.linkLifetime = lifetime
                $0.accessKeyID = ""
                $0.secretAccessKey = Secret("")
                $0.credentialsFile = "\(folder.path)/credentials"
            }
            return try OSSObjectStore(settings, transport: transport, time: time) { [complaints] sentence in
                complaints.sentences.withLock { $0.append(sentence) }
            }
        }

        func refusal(lifetime: Duration = .seconds(3600)) -> ObjectError? {
            do {
                _ = try store(lifetime: lifetime)
                return nil
            } catch {
                return error as? ObjectError
            }
        }

        func link(_ store: OSSObjectStore) throws -> String {
            try store.link(to: try #require(ObjectKey("a.png")), signedAt: moment, lifetime: .seconds(60))
        }
    }

    @Test(arguments: OSSSettings.Signature.allCases)
    func `a token that is renewed is used for uploads and links within a second`(
        signature: OSSSettings.Signature
    ) async throws {
        let fixture = try Fixture(signature)
        try fixture.write("STS.ONE", token: "T1")
        let store = try fixture.store()
        let first = try fixture.link(store)
        try await store.delete(try #require(ObjectKey("a.png")))

        try fixture.write("STS.TWO", token: "T2")
        #expect(try fixture.link(store) == first, "not looked at more often than once a second")
        fixture.time.advance(by: .seconds(1))
        let second = try fixture.link(store)
        try await store.delete(try #require(ObjectKey("a.png")))

        #expect(first.contains("STS.ONE") && first.contains("security-token=T1"))
        #expect(second.contains("STS.TWO") && second.contains("security-token=T2"))
        let sent = fixture.transport.requests
        #expect(sent.map { $0.header("x-oss-security-token") } == ["T1", "T2"])
        #expect(sent.last?.header("authorization")?.contains("STS.TWO") == true)
        #expect(fixture.complaints.sentences.withLock(\.self).isEmpty)
    }

    @Test func `a file that breaks keeps the old credentials and is complained about once`() throws {
        let fixture = try Fixture()
        try fixture.write("ONE")
        let store = try fixture.store()

        try FileManager.default.removeItem(atPath: "\(fixture.folder.path)/credentials")
        for _ in 1...3 {
            fixture.time.advance(by: .seconds(2))
            #expect(try fixture.link(store).contains("ONE"))
        }

        let complaints = fixture.complaints.sentences.withLock(\.self)
        #expect(complaints.count == 1 && complaints.first?.contains("stay as they were") == true)
    }

    @Test func `a file that is not there at the start is refused by name`() throws {
        let error = try Fixture().refusal()

        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("storage.credentials_file cannot be used: there is no such file") == true)
    }

    @Test func `a token is refused for links that would outlive it, with the ways out`() throws {
        let fixture = try Fixture()
        try fixture.write("STS.A", token: "CANARY")

        let sentence = try #require(fixture.refusal(lifetime: .seconds(43_201))?.message)

        #expect(sentence.contains("12 hours") && sentence.contains("storage.url_lifetime to 12h"))
        #expect(sentence.contains("long-lived keys") && !sentence.contains("CANARY"))
        #expect(fixture.refusal(lifetime: .seconds(43_200)) == nil)
    }

    @Test(arguments: [(3599, true), (3600, false), (-5, true)] as [(Int64, Bool)])
    func `a token that says when it ends must not end before a link made now`(left: Int64, isRefused: Bool) throws {
        let fixture = try Fixture()
        let end = Self.moment.advanced(by: .seconds(left))
        try fixture.write("STS.A", token: "T", expires: end)

        let error = fixture.refusal()

        #expect((error != nil) == isRefused)
        if isRefused { #expect(error?.message.contains(CivilDate(end).extended) == true) }
    }
}
