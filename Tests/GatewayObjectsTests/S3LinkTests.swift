// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayObjects

@Suite struct S3LinkTests {
    static let moment = Timestamp(seconds: 1_369_353_600)

    static func link(
        _ key: String,
        at moment: Timestamp = moment,
        lifetime: Duration = .seconds(86_400),
        _ change: (inout S3Settings) -> Void = { _ in }
    ) throws -> String {
        let store = try S3ObjectStore(
            S3Settings.example().with(change),
            transport: FakeTransport(.fine),
            time: ManualTime()
        )
        return try store.link(to: try #require(ObjectKey(key)), signedAt: moment, lifetime: lifetime)
    }

    @Test func `a link is the one printed in the S3 reference`() throws {
        let link = try Self.link("test.txt") {
            $0.endpoint = "https://s3.amazonaws.com"
            $0.bucket = "examplebucket"
            $0.accessKeyID = Vectors.examples.accessKeyID
            $0.secretAccessKey = Secret(Vectors.examples.secretAccessKey)
        }

        #expect(
            link == "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        )
    }

    @Test func `a link is whole seconds, so that two reads in one second are the same`() throws {
        let later = Timestamp(milliseconds: Self.moment.milliseconds + 999)

        #expect(try Self.link("a.png", at: later) == Self.link("a.png"))
        #expect(try Self.link("a.png", at: later.advanced(by: .milliseconds(1))) != Self.link("a.png"))
    }

    @Test(arguments: [
        (BucketAddressing.virtual, "https://pictures.s3.us-east-1.amazonaws.com/a/b.png?"),
        (.path, "https://s3.us-east-1.amazonaws.com/pictures/a/b.png?"),
        (.domain, "https://s3.us-east-1.amazonaws.com/a/b.png?"),
    ])
    func `the bucket stands where it was put`(addressing: BucketAddressing, begin: String) throws {
        #expect(try Self.link("a/b.png") { $0.addressing = addressing }.hasPrefix(begin))
    }

    @Test func `port, path and prefix are in the link and in its signature`() throws {
        let plain = try Self.link("a.png") { $0.endpoint = "http://127.0.0.1:9000" }
        let other = try Self.link("a.png") {
            $0.endpoint = "http://127.0.0.1:9000/s3"
            $0.prefix = "für alle"
        }

        #expect(plain.hasPrefix("http://127.0.0.1:9000/pictures/a.png?"))
        #expect(other.hasPrefix("http://127.0.0.1:9000/s3/pictures/f%C3%BCr%20alle/a.png?"))
        #expect(plain.suffix(64) != other.suffix(64))
    }

    @Test func `a prefix is a folder with or without its slash`() throws {
        let links = try ["images", "images/"].map { prefix in try Self.link("a.png") { $0.prefix = prefix } }

        #expect(links[0] == links[1])
        #expect(links[0].contains("/images/a.png?"))
    }

    @Test func `links are signed for the public host, uploads go to the other`() async throws {
        let transport = FakeTransport(.fine)
        let settings = S3Settings.example().with {
            $0.endpoint = "http://10.0.0.5:9000"
            $0.publicEndpoint = "https://img.example.com"
            $0.publicAddressing = .domain
        }
        let store = try S3ObjectStore(settings, transport: transport, time: ManualTime())
        let key = try #require(ObjectKey("a.png"))

        try await store.delete(key)
        let link = try store.link(to: key, signedAt: Self.moment, lifetime: .seconds(60))

        #expect(transport.requests.first?.url == "http://10.0.0.5:9000/pictures/a.png")
        #expect(link.hasPrefix("https://img.example.com/a.png?"))
        let direct = try Self.link("a.png", lifetime: .seconds(60)) {
            $0.endpoint = "https://img.example.com"
            $0.addressing = .domain
        }
        #expect(link == direct)
    }

    @Test func `a session token is in the link, escaped and signed`() throws {
        let token = "abc/+=="
        let links = try [token, token + "x"].map { token in
            try Self.link("a.png", lifetime: .seconds(3600)) {
                $0.sessionToken = Secret(token)
                $0.linkLifetime = .seconds(3600)
            }
        }

        #expect(links[0].contains("&X-Amz-Security-Token=abc%2F%2B%3D%3D&"))
        #expect(links[0].suffix(64) != links[1].suffix(64))
    }

    @Test func `an access key with a colon is escaped`() throws {
        let link = try Self.link("a.png") { $0.accessKeyID = "test:tester" }

        #expect(link.contains("X-Amz-Credential=test%3Atester%2F20130524%2F"))
    }

    @Test(arguments: [Duration.zero, .milliseconds(999), .seconds(-5), .seconds(604_801), .milliseconds(604_800_001)])
    func `a life outside of one second to seven days is refused`(lifetime: Duration) {
        let error = #expect(throws: ObjectError.self) { try Self.link("a.png", lifetime: lifetime) }

        #expect(error?.code == .misconfigured)
    }
}
