// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayObjects
import Testing

@testable import ImageGateway

/// What `storage` takes for a bucket beyond its place.
@Suite struct S3SectionTests {
    private static let place = "kind: s3, endpoint: \"https://s3.example.com\", bucket: pictures"
    private static let keys = "access_key_id: A, secret_access_key: S"

    private static func bucket(
        _ more: String,
        _ environment: [String: String] = [:]
    ) throws -> GatewayConfiguration.S3? {
        let configuration = try SampleFile.read("storage: { \(place), \(more) }", environment)
        guard case .s3(let bucket) = configuration.storage else { return nil }
        return bucket
    }

    private static func mistakes(_ more: String, _ environment: [String: String] = [:]) -> [String] {
        SampleFile.mistakes(SampleFile.text("storage: { \(place), \(more) }"), environment)
    }

    @Test func `what else can be set is read`() throws {
        let configuration = try SampleFile.read(
            """
            storage:
              kind: s3
              endpoint: https://s3.example.com
              public_endpoint: https://pictures.example.com
              public_addressing: domain
              bucket: pictures
              credentials_file: /run/secrets/s3
              credentials_profile: gateway
              server_side_encryption: aws:kms
              kms_key_id: alias/pictures
              storage_class: STANDARD_IA
              tags: { app: image-gateway, team: art }
              link_disposition: attachment
              link_content_type: true
            """
        )
        guard case .s3(let bucket) = configuration.storage else { return #expect(Bool(false), "no bucket") }
        #expect(bucket.accessKeyID.isEmpty)
        #expect(bucket.more.credentialsFile == "/run/secrets/s3")
        #expect(bucket.more.credentialsProfile == "gateway")
        #expect(bucket.more.publicAddressing == .domain)
        #expect(bucket.more.encryption == "aws:kms")
        #expect(bucket.more.kmsKeyID == "alias/pictures")
        #expect(bucket.more.storageClass == "STANDARD_IA")
        #expect(bucket.more.tags == ["app": "image-gateway", "team": "art"])
        #expect(configuration.links.disposition == .attachment)
        #expect(configuration.links.statesContentType)
    }

    @Test func `without keys in the file the usual variables count`() throws {
        let environment = ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "E", "AWS_SESSION_TOKEN": "T"]

        let bucket = try #require(try Self.bucket("region: us-east-1, url_lifetime: 1h", environment))
        let named = try #require(try Self.bucket(Self.keys, environment))

        #expect(bucket.accessKeyID == "ENV")
        #expect(bucket.secretAccessKey == Secret("E"))
        #expect(bucket.sessionToken == Secret("T"))
        #expect(named.accessKeyID == "A" && named.sessionToken == nil, "nothing is mixed")
    }

    @Test(arguments: [
        ("region: us-east-1", ["storage.access_key_id is missing.", "storage.secret_access_key is missing."]),
        ("access_key_id: A", ["storage.secret_access_key is missing."]),
        (
            "credentials_file: f, \(keys)",
            ["storage.credentials_file and storage.access_key_id are both there: take one out."]
        ),
        (
            "\(keys), link_disposition: save",
            ["storage.link_disposition must be one of: inline, attachment, not 'save'."]
        ),
        ("\(keys), url_lifetime: 1500ms", ["storage.url_lifetime must be whole seconds."]),
        (
            "\(keys), public_addressing: cdn",
            ["storage.public_addressing must be one of: virtual, path, domain, not 'cdn'."]
        ),
        ("\(keys), tags: [a]", ["storage.tags must be a mapping of names."]),
    ])
    func `a mistake is a sentence`(more: String, sentences: [String]) {
        #expect(Self.mistakes(more, ["AWS_ACCESS_KEY_ID": "half"]) == sentences)
    }

    @Test func `a kind of encryption that there is not is refused when the store is made`() throws {
        let configuration = try SampleFile.read(
            "storage: { \(Self.place), \(Self.keys), server_side_encryption: rot13 }"
        )
        guard case .s3(let bucket) = configuration.storage else { return #expect(Bool(false), "no bucket") }

        let error = #expect(throws: ObjectError.self) { _ = try S3Settings(bucket, configuration) }

        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("storage.server_side_encryption") == true)
    }

    @Test func `the configurations in the documents are right`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/storage.md"), encoding: .utf8)
        let blocks = text.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
        let parts = blocks.flatMap { $0.split(separator: "\n---\n") }.filter { $0.contains("kind: s3") }
        let environment = [
            "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "S3_ACCESS_KEY_ID": "A",
            "S3_SECRET_ACCESS_KEY": "S",
        ]

        #expect(parts.count >= 8)
        for part in parts {
            let configuration = try SampleFile.read(String(part), environment)
            guard case .s3(let bucket) = configuration.storage else { return #expect(Bool(false), "\(part)") }
            #expect(try S3Settings(bucket, configuration).mistakes == [], "\(part)")
        }
    }
}
