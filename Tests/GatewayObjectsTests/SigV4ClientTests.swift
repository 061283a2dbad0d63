// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayObjects

/// The whole store and Amazon's whole client, on uploads and links nobody thought of: hosts, paths, headers, signatures.
@Suite struct SigV4ClientTests {
    static let count = 500

    /// Texts that somebody has stumbled over.
    private static let words = [
        "a b", "+", "%", "%41", "%2F", "~", "...", "日本語", "e\u{301}", "\u{1F98A}", "\"quoted\"", "'", "&=?#", "a;b:c,d",
        "*()!", "[]{}", "x@y", "-_.", "ü", "|^`<>", "$", "\u{202E}rtl", "%%", "a&b=c",
    ]
    private static let endpoints = [
        "https://s3.us-east-1.amazonaws.com", "http://127.0.0.1:9000", "https://storage.example.com:8443/s3/v1",
        "http://[::1]:9000", "https://account.r2.cloudflarestorage.com", "http://gateway.local:80/pre",
        "https://a.b:443",
    ]

    /// Some of all the sets of endpoint, region and keys, others each time: a client is made for each.
    private static let places: [S3Settings] = (0..<24).map { _ in
        S3Settings(
            endpoint: endpoints.randomElement() ?? "",
            region: ["us-east-1", "auto", "eu-central-1"].randomElement() ?? "",
            bucket: "",
            addressing: Bool.random() ? .path : .virtual,
            accessKeyID: ["AKIDEXAMPLE", "test:tester", "0+1~2"].randomElement() ?? "",
            secretAccessKey: Secret(Bool.random() ? "wJalr/K7MDENG+bPxRfi=" : "s"),
            sessionToken: Bool.random() ? Secret("AQoD//+=" + (Bool.random() ? "&?#%" : "")) : nil,
            linkLifetime: .seconds(3600)
        )
    }

    private struct Pair {
        var settings: S3Settings
        var key: ObjectKey
        var asked: AmazonClient.Case
    }

    private static func pair(_ generator: inout some RandomNumberGenerator) throws -> Pair {
        func word() -> String { words.randomElement(using: &generator) ?? "" }
        func chance() -> Bool { Bool.random(using: &generator) }
        let prefix = (0..<Int.random(in: 0...3, using: &generator)).map { _ in word() + word() + "x" }
            .joined(separator: "/")
        let name = "2026/11/21/image_\(Int.random(in: 0...999, using: &generator))-0.\(chance() ? "png" : "webp")"
        let key = try #require(ObjectKey(name))
        var settings = places.randomElement(using: &generator) ?? .example()
        settings.bucket = ["pictures", "my.pictures", "a-b-c"].randomElement(using: &generator) ?? ""
        settings.prefix = String(decoding: prefix.utf8.prefix(100), as: UTF8.self).filter { $0 != "\u{FFFD}" }
        if settings.folder.hasSuffix("//") { settings.prefix = "p" }
        var asked = AmazonClient.Case(
            time: Int64.random(in: 946_684_800...4_102_444_799, using: &generator),
            endpoint: plain(settings.endpoint),
            region: settings.region,
            style: isAddress(settings.endpoint) ? "path" : settings.addressing.rawValue,
            accessKey: settings.accessKeyID,
            secret: settings.secretAccessKey.withPlaintext { $0 },
            token: settings.sessionToken?.withPlaintext { $0 },
            bucket: settings.bucket,
            key: settings.folder + name,
            expires: Int.random(in: 1...43_200, using: &generator),
            link: [:],
            upload: ["ContentType": "image/png"],
            body: word()
        )
        if chance() { decorate(&settings, &asked, key, word()) }
        return Pair(settings: settings, key: key, asked: asked)
    }

    /// The client keeps a scheme's own port in the address, where it changes nothing but the spelling.
    private static func plain(_ endpoint: String) -> String {
        endpoint.replacing("gateway.local:80", with: "gateway.local").replacing("a.b:443", with: "a.b")
    }

    /// The client puts a bucket with a dot in front of an address all the same, where nobody would find it.
    private static func isAddress(_ endpoint: String) -> Bool { Endpoint(endpoint)?.isAddress == true }

    private static func decorate(
        _ settings: inout S3Settings,
        _ asked: inout AmazonClient.Case,
        _ key: ObjectKey,
        _ word: String
    ) {
        settings.presentation = LinkPresentation(disposition: .attachment, statesContentType: true)
        asked.link["ResponseContentType"] = key.mediaType
        asked.link["ResponseContentDisposition"] = settings.presentation.header(for: key)
        settings.options.encryption = .kms
        settings.options.kmsKeyID = "arn:aws:kms:us-east-1:1:key/a-b"
        settings.options.storageClass = "STANDARD_IA"
        settings.options.tags = ["kind": "picture/öl", "a b": "x@y+z"]
        asked.upload["ServerSideEncryption"] = "aws:kms"
        asked.upload["SSEKMSKeyId"] = "arn:aws:kms:us-east-1:1:key/a-b"
        asked.upload["StorageClass"] = "STANDARD_IA"
        asked.upload["Tagging"] = "a%20b=x%40y%2Bz&kind=picture%2F%C3%B6l"
    }

    @Test func `uploads and links are those of Amazon's client`() async throws {
        var generator = SystemRandomNumberGenerator()
        var pairs = try (0..<Self.count).map { _ in try Self.pair(&generator) }
        for place in pairs.indices {
            let body = ByteBuffer(string: pairs[place].asked.body)
            pairs[place].settings.options.sendsMD5 = place.isMultiple(of: 2)
            guard place.isMultiple(of: 2) else { continue }
            pairs[place].asked.upload["ContentMD5"] = Digest.base64(try Digest.hash(.md5, [body]))
        }
        let results = try AmazonClient.ask(pairs.map(\.asked))
        #expect(results.count == Self.count)
        for (pair, result) in zip(pairs, results) {
            let (transport, moment) = (FakeTransport(.fine), Timestamp(seconds: pair.asked.time))
            let store = try S3ObjectStore(pair.settings, transport: transport, time: ManualTime(moment))

            let body = ByteBuffer(string: pair.asked.body)
            try await store.put(ObjectBody(contentType: "image/png", buffers: [body]), at: pair.key)
            let link = try store.link(to: pair.key, signedAt: moment, lifetime: .seconds(pair.asked.expires))

            let sent = try #require(transport.requests.first)
            #expect(sent.url == result.url, "\(pair.asked)")
            let theirs = try #require(result.headers)
            for field in sent.headers {
                #expect(theirs[field.name.canonicalName] == field.value, "\(field.name) of \(pair.asked)")
            }
            #expect(Self.parts(link) == Self.parts(result.link), "\(pair.asked)")
        }
    }

    /// The address, and the parameters whatever their order.
    private static func parts(_ link: String) -> [String] {
        let halves = link.split(separator: "?", maxSplits: 1).map(String.init)
        return [halves[0]] + halves[1].split(separator: "&").map(String.init).sorted()
    }
}
