// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayObjects
import Testing

@testable import ImageGateway

/// What `storage` takes for a bucket of OSS beyond its place.
@Suite struct OSSSectionTests {
    private static let place = "kind: oss, endpoint: \"https://oss-cn-hangzhou.aliyuncs.com\", bucket: pictures"
    private static let keys = "access_key_id: A, secret_access_key: S"

    private static func bucket(_ more: String, _ environment: [String: String] = [:]) throws -> OSSSettings? {
        let configuration = try SampleFile.read("storage: { \(place), \(more) }", environment)
        guard case .oss(let bucket) = configuration.storage else { return nil }
        return bucket.settings(configuration)
    }

    private static func mistakes(_ more: String, _ environment: [String: String] = [:]) -> [String] {
        SampleFile.mistakes(SampleFile.text("storage: { \(place), \(more) }"), environment)
    }

    @Test func `a file with credentials and what links say reach the store's settings`() throws {
        let settings = try #require(
            try Self.bucket(
                "credentials_file: /run/secrets/oss, credentials_profile: gateway, session_token: '', "
                    + "link_disposition: attachment, link_content_type: true"
            )
        )

        #expect(settings.credentialsFile == "/run/secrets/oss" && settings.credentialsProfile == "gateway")
        #expect(settings.presentation == LinkPresentation(disposition: .attachment, statesContentType: true))
        #expect(settings.mistakes == [])
    }

    @Test func `without keys in the file the variables of Aliyun's tools count`() throws {
        let environment = ["OSS_ACCESS_KEY_ID": "ENV", "OSS_ACCESS_KEY_SECRET": "E", "OSS_SESSION_TOKEN": "T"]
        let amazon = ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "E"]

        let bucket = try #require(try Self.bucket("url_lifetime: 1h", environment))
        let named = try #require(try Self.bucket(Self.keys, environment))

        #expect(bucket.accessKeyID == "ENV" && bucket.secretAccessKey == Secret("E"))
        #expect(bucket.sessionToken == Secret("T"))
        #expect(named.accessKeyID == "A" && named.sessionToken == nil, "nothing is mixed")
        #expect(
            Self.mistakes("url_lifetime: 1h", amazon)
                == ["storage.access_key_id is missing.", "storage.secret_access_key is missing."]
        )
    }

    @Test func `an empty token in the environment is none`() throws {
        let environment = ["OSS_ACCESS_KEY_ID": "ENV", "OSS_ACCESS_KEY_SECRET": "E", "OSS_SESSION_TOKEN": ""]

        #expect(try Self.bucket("url_lifetime: 24h", environment)?.mistakes == [])
    }

    @Test(arguments: [
        ("\(keys), server_side_encryption: AES256", ["storage.server_side_encryption is for s3 only."]),
        ("\(keys), kms_key_id: k", ["storage.kms_key_id is for s3 only."]),
        (
            "\(keys), storage_class: IA, tags: { a: b }",
            ["storage.storage_class is for s3 only.", "storage.tags is for s3 only."]
        ),
        ("\(keys), addressing: path", ["storage.addressing must be one of: virtual, domain, not 'path'."]),
        (
            "\(keys), link_disposition: save",
            ["storage.link_disposition must be one of: inline, attachment, not 'save'."]
        ),
        ("access_key_id: A", ["storage.secret_access_key is missing."]),
        (
            "credentials_file: f, \(keys)",
            ["storage.credentials_file and storage.access_key_id are both there: take one out."]
        ),
        (
            "credentials_file: f, session_token: T",
            ["storage.credentials_file and storage.session_token are both there: take one out."]
        ),
        ("credentials_file: '', \(keys)", ["storage.credentials_file may not be empty."]),
    ])
    func `a mistake is a sentence`(more: String, sentences: [String]) {
        #expect(Self.mistakes(more, ["OSS_ACCESS_KEY_ID": "half"]) == sentences)
    }

    @Test func `what is of one kind of bucket may stay in the file while pictures go to a folder`() throws {
        let configuration = try SampleFile.read(
            "storage: { kind: local, endpoint: e, bucket: b, \(Self.keys), addressing: domain, signature: v1, "
                + "sign_host: true, storage_class: IA, tags: { a: b }, credentials_file: f }"
        )

        guard case .local = configuration.storage else { return #expect(Bool(false), "not a folder") }
    }

    @Test func `temporary credentials of the environment are refused for links that outlive them`() throws {
        let environment = ["OSS_ACCESS_KEY_ID": "ENV", "OSS_ACCESS_KEY_SECRET": "E", "OSS_SESSION_TOKEN": "CANARY"]
        let settings = try #require(try Self.bucket("url_lifetime: 24h", environment))

        let sentence = try #require(settings.mistakes.first)

        #expect(settings.mistakes.count == 1)
        #expect(sentence.contains("storage.url_lifetime to 12h") && !sentence.contains("CANARY"))
    }

    @Test func `the configurations in the documents are right`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/storage.md"), encoding: .utf8)
        let blocks = text.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
        let parts = blocks.flatMap { $0.split(separator: "\n---\n") }.filter { $0.contains("kind: oss") }
        let environment = ["OSS_ACCESS_KEY_ID": "A", "OSS_ACCESS_KEY_SECRET": "S"]

        #expect(parts.count >= 2)
        for part in parts {
            let configuration = try SampleFile.read(String(part), environment)
            guard case .oss(let bucket) = configuration.storage else { return #expect(Bool(false), "\(part)") }
            #expect(bucket.settings(configuration).mistakes == [], "\(part)")
        }
    }
}
