// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayObjects

extension S3Settings {
    static func example() -> S3Settings {
        S3Settings(
            endpoint: "https://s3.us-east-1.amazonaws.com",
            region: "us-east-1",
            bucket: "pictures",
            accessKeyID: "AKID",
            secretAccessKey: Secret("SECRET/KEY+")
        )
    }

    func with(_ change: (inout S3Settings) -> Void) -> S3Settings {
        var copy = self
        change(&copy)
        return copy
    }
}

@Suite struct S3SettingsTests {
    @Test func `sensible settings have no mistake`() {
        let base = S3Settings.example()
        let fine = [
            base,
            base.with { $0.bucket = "a.b-c.9" },
            base.with { $0.region = "auto" },
            base.with { $0.prefix = "images/" },
            base.with { $0.prefix = "Bilder für alle/2026" },
            base.with { $0.accessKeyID = "test:tester" },
            base.with { $0.publicEndpoint = "https://pictures.example.com" },
            base.with { $0.linkLifetime = .seconds(604_800) },
            base.with { $0.linkLifetime = .seconds(1) },
            base.with {
                $0.sessionToken = Secret("TOKEN")
                $0.linkLifetime = .seconds(12 * 3600)
            },
        ]

        for settings in fine { #expect(settings.mistakes == []) }
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let key: String
        let change: @Sendable (inout S3Settings) -> Void

        var testDescription: String { key }

        init(_ key: String, _ change: @escaping @Sendable (inout S3Settings) -> Void) {
            self.key = key
            self.change = change
        }
    }

    static let mistakes: [Mistake] = [
        Mistake("storage.endpoint") { $0.endpoint = "s3.amazonaws.com" },
        Mistake("storage.public_endpoint") { $0.publicEndpoint = "ftp://x" },
        Mistake("storage.region") { $0.region = "" },
        Mistake("storage.region") { $0.region = "us east" },
        Mistake("storage.bucket") { $0.bucket = "ab" },
        Mistake("storage.bucket") { $0.bucket = String(repeating: "a", count: 64) },
        Mistake("storage.bucket") { $0.bucket = "Pictures" },
        Mistake("storage.bucket") { $0.bucket = "-pictures" },
        Mistake("storage.bucket") { $0.bucket = "pictures." },
        Mistake("storage.bucket") { $0.bucket = "my..pictures" },
        Mistake("storage.bucket") { $0.bucket = "my_pictures" },
        Mistake("storage.bucket") { $0.bucket = "192.168.0.1" },
        Mistake("storage.bucket") { $0.bucket = "a/b" },
        Mistake("storage.prefix") { $0.prefix = "/images" },
        Mistake("storage.prefix") { $0.prefix = "a//b" },
        Mistake("storage.prefix") { $0.prefix = "../a" },
        Mistake("storage.prefix") { $0.prefix = "a\nb" },
        Mistake("storage.prefix") { $0.prefix = String(repeating: "a", count: 120) },
        Mistake("storage.access_key_id") { $0.accessKeyID = "" },
        Mistake("storage.access_key_id") { $0.accessKeyID = "a/b" },
        Mistake("storage.secret_access_key") { $0.secretAccessKey = Secret("") },
        Mistake("storage.secret_access_key") { $0.secretAccessKey = Secret("abc\n") },
        Mistake("storage.session_token") {
            $0.sessionToken = Secret("")
            $0.linkLifetime = .seconds(60)
        },
        Mistake("storage.url_lifetime") { $0.linkLifetime = .zero },
        Mistake("storage.url_lifetime") { $0.linkLifetime = .seconds(604_801) },
        Mistake("storage.url_lifetime") { $0.linkLifetime = .milliseconds(1500) },
        Mistake("storage.credentials_file") { $0.credentialsFile = "" },
    ]

    @Test(arguments: mistakes)
    func `a mistake is one sentence that names its key`(mistake: Mistake) throws {
        let settings = S3Settings.example().with(mistake.change)

        let sentence = try #require(settings.mistakes.first)

        #expect(settings.mistakes.count == 1)
        #expect(sentence.hasPrefix(mistake.key) && sentence.hasSuffix("."))
    }

    @Test func `all mistakes are told at once, and no store is made`() {
        let settings = S3Settings.example().with {
            $0.bucket = "X"
            $0.region = ""
        }

        let error = #expect(throws: ObjectError.self) {
            try S3ObjectStore(settings, transport: FakeTransport(.fine), time: ManualTime())
        }

        #expect(error?.code == .misconfigured)
        #expect(error?.isTemporary == false)
        #expect(error?.message.contains("storage.bucket") == true && error?.message.contains("storage.region") == true)
    }

    @Test func `a session token is refused for links that would outlive it, and the ways out are named`() throws {
        let settings = S3Settings.example().with { $0.sessionToken = Secret("TOKEN") }

        let sentence = try #require(settings.mistakes.first)

        #expect(sentence.contains("storage.session_token") && sentence.contains("storage.url_lifetime to 12h"))
        #expect(sentence.contains("long-lived keys") && !sentence.contains("TOKEN"))
    }
}
