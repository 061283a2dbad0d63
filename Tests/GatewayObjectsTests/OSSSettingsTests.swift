// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayObjects

extension OSSSettings {
    static func example() -> OSSSettings {
        OSSSettings(
            endpoint: "https://oss-cn-hangzhou.aliyuncs.com",
            bucket: "pictures",
            accessKeyID: "LTAI",
            secretAccessKey: Secret("SECRET/KEY+")
        )
    }

    func with(_ change: (inout OSSSettings) -> Void) -> OSSSettings {
        var copy = self
        change(&copy)
        return copy
    }
}

@Suite struct OSSSettingsTests {
    @Test(arguments: [
        ("https://oss-cn-hangzhou.aliyuncs.com", BucketAddressing.virtual, "cn-hangzhou" as String?, false),
        ("https://oss-cn-hangzhou-internal.aliyuncs.com", .virtual, "cn-hangzhou", true),
        ("https://cn-hangzhou.oss.aliyuncs.com", .virtual, "cn-hangzhou", false),
        ("https://oss-ap-southeast-1.aliyuncs.com/", .virtual, "ap-southeast-1", false),
        ("https://oss-cn-shanghai-finance-1-internal.aliyuncs.com", .virtual, "cn-shanghai-finance-1", true),
        ("https://oss-accelerate.aliyuncs.com", .virtual, nil, false),
        ("https://oss-accelerate-overseas.aliyuncs.com", .virtual, nil, false),
        ("https://pictures.oss-cn-beijing.aliyuncs.com", .domain, "cn-beijing", false),
        ("https://pictures.oss-cn-beijing-internal.aliyuncs.com", .domain, "cn-beijing", true),
        ("https://other.aliyuncs.com", .virtual, nil, false),
        ("https://img.example.com", .domain, nil, false),
        ("https://pictures.example.com", .domain, nil, false),
        ("http://oss-cn-hangzhou.localhost:9000", .virtual, "cn-hangzhou", false),
    ])
    func `an endpoint tells the region and where the bucket stands`(
        text: String,
        addressing: BucketAddressing,
        region: String?,
        isInternal: Bool
    ) throws {
        let endpoint = try #require(OSSEndpoint(text, bucket: "pictures"))

        #expect(endpoint.addressing == addressing)
        #expect(endpoint.region == region)
        #expect(endpoint.isInternal == isInternal)
    }

    @Test func `the host's form can be overruled`() throws {
        let forced = try #require(OSSEndpoint("https://oss.corp.example", bucket: "pictures", addressing: .virtual))

        #expect(forced.addressing == .virtual)
    }

    static let fine: [@Sendable (inout OSSSettings) -> Void] = [
        { _ in },
        { $0.region = "cn-hangzhou" },
        { $0.prefix = "Bilder für alle/2026" },
        { $0.publicEndpoint = "https://img.example.com" },
        {
            $0.endpoint = "https://oss-cn-hangzhou-internal.aliyuncs.com"
            $0.publicEndpoint = "https://oss-cn-hangzhou-internal.aliyuncs.com"
        },
        {
            $0.endpoint = "https://oss-accelerate.aliyuncs.com"
            $0.region = "cn-hangzhou"
        },
        {
            $0.endpoint = "https://img.example.com"
            $0.publicEndpoint = "https://oss-cn-hangzhou.aliyuncs.com"
        },
        {
            $0.endpoint = "https://img.example.com"
            $0.signature = .v1
        },
        { $0.signsHost = true },
        {
            $0.sessionToken = Secret("TOKEN")
            $0.linkLifetime = .seconds(12 * 3600)
        },
    ]

    @Test(arguments: fine.indices)
    func `sensible settings have no mistake`(index: Int) {
        #expect(OSSSettings.example().with(Self.fine[index]).mistakes == [])
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let word: String
        let change: @Sendable (inout OSSSettings) -> Void

        var testDescription: String { word }

        init(_ word: String, _ change: @escaping @Sendable (inout OSSSettings) -> Void) {
            self.word = word
            self.change = change
        }
    }

    static let mistakes: [Mistake] = [
        Mistake("storage.endpoint must be an http") { $0.endpoint = "oss-cn-hangzhou.aliyuncs.com" },
        Mistake("storage.endpoint must have a name") {
            $0.endpoint = "http://127.0.0.1:9000"
            $0.region = "cn-hangzhou"
        },
        Mistake("storage.endpoint is that of OSS's S3 interface") {
            $0.endpoint = "https://s3.oss-cn-hangzhou.aliyuncs.com"
            $0.region = "cn-hangzhou"
        },
        Mistake("storage.endpoint cannot have the bucket in its path") { $0.addressing = .path },
        Mistake("storage.public_endpoint must be an http") { $0.publicEndpoint = "ftp://x" },
        Mistake("storage.public_endpoint must have a name") { $0.publicEndpoint = "https://10.0.0.1" },
        Mistake("storage.endpoint is internal") { $0.endpoint = "https://oss-cn-hangzhou-internal.aliyuncs.com" },
        Mistake("storage.region is missing") { $0.endpoint = "https://oss-accelerate.aliyuncs.com" },
        Mistake("storage.region must be the plain name") { $0.region = "oss-cn-hangzhou" },
        Mistake("storage.region must be the plain name") { $0.region = "cn-beijing-internal" },
        Mistake("storage.region must be the plain name") { $0.region = "cn hangzhou" },
        Mistake("storage.region must be the plain name") { $0.region = "" },
        Mistake("storage.sign_host needs storage.signature v4") {
            $0.signsHost = true
            $0.signature = .v1
        },
        Mistake("storage.bucket must be") { $0.bucket = "ab" },
        Mistake("storage.bucket must be") { $0.bucket = "my.pictures" },
        Mistake("storage.bucket must be") { $0.bucket = "pictures-" },
        Mistake("storage.bucket must be") { $0.bucket = String(repeating: "a", count: 64) },
        Mistake("storage.prefix must be") { $0.prefix = "/images" },
        Mistake("storage.prefix must be") { $0.prefix = "\\images" },
        Mistake("storage.access_key_id is empty") { $0.accessKeyID = "" },
        Mistake("storage.access_key_id is empty") { $0.accessKeyID = "a:b" },
        Mistake("storage.secret_access_key is empty") { $0.secretAccessKey = Secret("abc\n") },
        Mistake("storage.session_token is empty") {
            $0.sessionToken = Secret("")
            $0.linkLifetime = .seconds(60)
        },
        Mistake("storage.url_lifetime must be") { $0.linkLifetime = .seconds(604_801) },
        Mistake("storage.url_lifetime must be") { $0.linkLifetime = .milliseconds(999) },
        Mistake("storage.url_lifetime must be") { $0.linkLifetime = .milliseconds(1500) },
        Mistake("storage.credentials_file must name") { $0.credentialsFile = "" },
        Mistake("storage.url_lifetime is longer than temporary credentials") { $0.sessionToken = Secret("CANARY") },
    ]

    @Test(arguments: mistakes)
    func `a mistake is one sentence that names its key, and no store is made`(mistake: Mistake) throws {
        let settings = OSSSettings.example().with(mistake.change)

        let sentence = try #require(settings.mistakes.first)

        #expect(settings.mistakes.count == 1)
        #expect(sentence.hasPrefix(mistake.word) && sentence.hasSuffix(".") && !sentence.contains("CANARY"))
        let error = #expect(throws: ObjectError.self) {
            try OSSObjectStore(settings, transport: FakeTransport(.fine), time: ManualTime())
        }
        #expect(error?.code == .misconfigured && error?.message == sentence)
    }
}
