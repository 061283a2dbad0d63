// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct AddressTests {
    @Test(arguments: [
        ("https://s3.us-east-1.amazonaws.com", "https://s3.us-east-1.amazonaws.com"),
        ("HTTPS://S3.Example.COM/", "https://s3.example.com"),
        ("https://s3.example.com:443", "https://s3.example.com"),
        ("http://s3.example.com:80/", "http://s3.example.com"),
        ("http://s3.example.com:443", "http://s3.example.com:443"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[::1]:9000/storage/v1/s3/", "http://[::1]:9000/storage/v1/s3"),
        ("https://project.example.co/Storage", "https://project.example.co/Storage"),
        ("http://localhost", "http://localhost"),
    ])
    func `an endpoint is read as it will be signed`(text: String, url: String) throws {
        #expect(try #require(Endpoint(text)).url == url)
    }

    @Test(arguments: [
        "", "s3.amazonaws.com", "ftp://host", "https://", "https:///x", "https://user:pw@host", "https://host?x=1",
        "https://host/#x", "https://host:0", "https://host:65536", "https://host:", "https://host:+80", "https://ho st",
        "https://host/a//b", "https://host/../b", "https://host/%2e", "https://[::1", "https://[zz]", "https://-a.com",
        "https://a..b", "https://host\n",
    ])
    func `what cannot be signed is no endpoint`(text: String) {
        #expect(Endpoint(text) == nil)
    }

    @Test(arguments: [
        ("https://s3.example.com", "pics", BucketAddressing.virtual, "https://pics.s3.example.com/"),
        ("https://s3.example.com", "pics", .path, "https://s3.example.com/pics/"),
        ("https://img.example.com", "pics", .domain, "https://img.example.com/"),
        ("https://s3.example.com", "my.pics", .virtual, "https://s3.example.com/my.pics/"),
        ("http://s3.example.com", "my.pics", .virtual, "http://my.pics.s3.example.com/"),
        ("http://127.0.0.1:9000", "pics", .virtual, "http://127.0.0.1:9000/pics/"),
        ("https://[::1]:9000/x", "pics", .virtual, "https://[::1]:9000/x/pics/"),
        ("https://s3.example.com:8443/a/b", "pics", .virtual, "https://pics.s3.example.com:8443/a/b/"),
    ])
    func `a bucket stands where it can`(endpoint: String, bucket: String, addressing: BucketAddressing, url: String)
        throws
    {
        let endpoint = try #require(Endpoint(endpoint))

        let address = BucketAddress(endpoint: endpoint, bucket: bucket, addressing: addressing)

        #expect(address.url == url)
        #expect("\(address.scheme)://\(address.authority)\(address.root)" == url)
    }

    @Test(arguments: [
        ("a b+c", "a%20b%2Bc"), ("~-._", "~-._"), ("ü/ሴ", "%C3%BC%2F%E1%88%B4"), ("%2F", "%252F"), ("", ""),
        ("*'()!", "%2A%27%28%29%21"),
    ])
    func `escaping goes both ways`(plain: String, escaped: String) {
        #expect(Escaping.escape(plain) == escaped)
        #expect(Escaping.unescape(escaped) == plain)
    }

    @Test(arguments: ["%", "%2", "%zz", "%C3", "%FF%FE", "%C0%AE", "%ED%A0%80"])
    func `broken escapes and bytes that are no text are refused`(text: String) {
        #expect(Escaping.unescape(text) == nil)
    }

    @Test(arguments: [0, 951_782_400, 951_868_799, 1_709_164_800, 1_700_000_000, 4_102_444_799] as [Int64])
    func `an HTTP date is read back as it was written`(seconds: Int64) {
        let moment = Timestamp(seconds: seconds)

        #expect(Timestamp(httpDate: CivilDate(moment).http) == moment)
    }

    @Test(arguments: [
        "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
    ])
    func `what is no HTTP date is not guessed`(text: String) {
        #expect(Timestamp(httpDate: text) == nil)
    }

    @Test func `of an error document only plain words are taken, and only near its begin`() {
        let far = "<Error>" + String(repeating: " ", count: 70_000) + "<Code>SlowDown</Code></Error>"
        let long = "<Error><Code>" + String(repeating: "A", count: 65) + "</Code></Error>"
        let plain = "<Error><Code>NoSuchBucket</Code><Region>eu-west-1</Region></Error>"

        #expect(ErrorDocument(ByteBuffer(string: far)).code == nil)
        #expect(ErrorDocument(ByteBuffer(string: long)).code == nil)
        #expect(ErrorDocument(ByteBuffer(string: "<Error><Code>a b; DROP</Code></Error>")).code == nil)
        #expect(ErrorDocument(ByteBuffer(string: "<html><code>404</code></html>")).code == nil)
        #expect(ErrorDocument(ByteBuffer(string: "<Code>")).code == nil)
        #expect(ErrorDocument(ByteBuffer(string: plain)).code == "NoSuchBucket")
        #expect(ErrorDocument(ByteBuffer(string: plain)).region == "eu-west-1")
    }
}
