// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

@testable import GatewayObjects

@Suite struct S3ObjectOptionsTests {
    private static let full = S3Settings.example().with {
        $0.options.encryption = .kms
        $0.options.kmsKeyID = "alias/pictures"
        $0.options.storageClass = "STANDARD_IA"
        $0.options.tags = ["team": "art & design".replacing("&", with: "+"), "app": "image-gateway"]
    }

    @Test func `options are sent and signed with every upload, streamed ones too, and with nothing else`() async throws
    {
        let transport = FakeTransport(.fine)
        let store = try S3ObjectStore(Self.full, transport: transport, time: ManualTime())
        let key = try #require(S3ObjectStoreTests.key)
        let left = Mutex([ByteBuffer(string: "picture")])
        let chunks = TransportChunks { left.withLock { $0.popLast() } }

        try await store.put(S3ObjectStoreTests.picture, at: key)
        try await store.put(ObjectStream(contentType: "image/png", length: 7, chunks: chunks), at: key)
        try await store.delete(key)

        for request in transport.requests.prefix(2) {
            #expect(request.header("x-amz-server-side-encryption") == "aws:kms")
            #expect(request.header("x-amz-server-side-encryption-aws-kms-key-id") == "alias/pictures")
            #expect(request.header("x-amz-storage-class") == "STANDARD_IA")
            #expect(request.header("x-amz-tagging") == "app=image-gateway&team=art%20%2B%20design")
            let signed =
                ";x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id;x-amz-storage-class;x-amz-tagging,"
            #expect(request.header("authorization")?.contains(signed) == true)
        }
        #expect(transport.requests.count == 3)
        #expect(transport.requests.last?.header("x-amz-tagging") == nil)
    }

    @Test(arguments: ["AES256", "aws:kms", "aws:kms:dsse"])
    func `each encryption has its word`(word: String) {
        var options = S3ObjectOptions()
        options.encryption = S3ObjectOptions.Encryption(rawValue: word)

        #expect(options.headers.map(\.value) == [word])
        #expect(options.mistakes == [])
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let key: String
        let change: @Sendable (inout S3ObjectOptions) -> Void

        var testDescription: String { key }
    }

    static let mistakes: [Mistake] = [
        Mistake(key: "storage.kms_key_id") { $0.kmsKeyID = "k" },
        Mistake(key: "storage.kms_key_id") {
            $0.encryption = .aes256
            $0.kmsKeyID = "k"
        },
        Mistake(key: "storage.kms_key_id") {
            $0.encryption = .kms
            $0.kmsKeyID = "a\r\nb: c"
        },
        Mistake(key: "storage.storage_class") { $0.storageClass = "" },
        Mistake(key: "storage.storage_class") { $0.storageClass = "A B" },
        Mistake(key: "storage.storage_class") { $0.storageClass = "GLACIER" },
        Mistake(key: "storage.storage_class") { $0.storageClass = "DEEP_ARCHIVE" },
        Mistake(key: "storage.tags") { $0.tags = ["": "x"] },
        Mistake(key: "storage.tags") { $0.tags = ["aws:x": "x"] },
        Mistake(key: "storage.tags") { $0.tags = ["a": "x\ny"] },
        Mistake(key: "storage.tags") { $0.tags = ["a": "x?"] },
        Mistake(key: "storage.tags") { $0.tags = [String(repeating: "a", count: 129): "x"] },
        Mistake(key: "storage.tags") { $0.tags = ["a": String(repeating: "x", count: 257)] },
        Mistake(key: "storage.tags") { $0.tags = Dictionary(uniqueKeysWithValues: (0...10).map { ("t\($0)", "x") }) },
    ]

    @Test(arguments: mistakes)
    func `a mistake is one sentence that names its key, and no store is made`(mistake: Mistake) throws {
        let settings = S3Settings.example().with { mistake.change(&$0.options) }

        let sentence = try #require(settings.mistakes.first)

        #expect(settings.mistakes.count == 1)
        #expect(sentence.hasPrefix(mistake.key) && sentence.hasSuffix("."))
        #expect(throws: ObjectError.self) { try S3ObjectStore(settings, transport: FakeTransport(.fine)) }
    }
}
