// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@Suite struct Base64Tests {
    private static func decoded(_ text: String) -> String? {
        Base64.decode(ByteBuffer(string: text)).map { String(buffer: $0) }
    }

    static let vectors: [(plain: String, encoded: String)] = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: vectors)
    func `the vectors of RFC 4648 hold in both directions`(plain: String, encoded: String) {
        #expect(String(buffer: Base64.encode(ByteBuffer(string: plain))) == encoded)
        #expect(Self.decoded(encoded) == plain)
    }

    @Test(arguments: vectors)
    func `padding may be missing, and white space may stand anywhere`(plain: String, encoded: String) {
        let bare = encoded.replacing("=", with: "")

        #expect(Self.decoded(bare) == plain)
        #expect(Self.decoded(encoded.map { "\($0)\r\n" }.joined()) == plain)
        #expect(Self.decoded(" \t" + bare.map { "\($0) " }.joined()) == plain)
    }

    @Test func `both alphabets mean the same`() {
        let bytes = ByteBuffer(bytes: [0xFB, 0xFF, 0xBF, 0x3E, 0x3F])

        #expect(Base64.decode(ByteBuffer(string: "+/+/Pj8=")) == bytes)
        #expect(Base64.decode(ByteBuffer(string: "-_-_Pj8")) == bytes)
        #expect(Base64.decode(ByteBuffer(string: "+_-/Pj8")) == bytes)
        #expect(String(buffer: Base64.encode(bytes)) == "+/+/Pj8=")
    }

    @Test func `every length to 300 survives, and agrees with the system's coder`() {
        var random = SystemRandomNumberGenerator()
        for length in 0...300 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }

            let encoded = Base64.encode(ByteBuffer(bytes: bytes))

            #expect(String(buffer: encoded) == Data(bytes).base64EncodedString())
            #expect(Base64.decode(encoded) == ByteBuffer(bytes: bytes))
            #expect(Base64.decodedCount(of: encoded.readableBytes) >= length)
        }
    }

    @Test func `lines of 76 characters are read`() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let lines = Data(bytes).base64EncodedString(options: [.lineLength76Characters, .endLineWithCarriageReturn])

        #expect(Base64.decode(ByteBuffer(string: lines)) == ByteBuffer(bytes: bytes))
    }

    @Test(arguments: [
        "Z", "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "=", "==", "====", "Z===", "Zm9vY", "Zg==Zg==", "Zg=Zg=",
        "Z=g=",
        "Zm9v!", "Zm9v,Zm9v", "Zm\u{0}9v", "Zm9vé", "data:image/png;base64,Zm9v", "Zm9v\"", "Zm9v.", "Zm9v\u{B}",
        "Z g = = =",
    ])
    func `what is not base64 is refused`(text: String) {
        #expect(Self.decoded(text) == nil)
    }

    @Test func `every byte outside the alphabets is refused at every place of a group`() {
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_= \t\r\n".utf8)
        for byte in UInt8.min...UInt8.max where !allowed.contains(byte) {
            for place in 0..<8 {
                var bytes = Array("Zm9vYmFy".utf8)
                bytes[place] = byte
                #expect(Base64.decode(ByteBuffer(bytes: bytes)) == nil)
            }
        }
    }

    @Test func `only the readable part of a buffer is decoded`() {
        var buffer = ByteBuffer(string: "!!!!Zm9v!!")
        buffer.moveReaderIndex(forwardBy: 4)
        buffer.moveWriterIndex(to: 8)

        #expect(Base64.decode(buffer).map { String(buffer: $0) } == "foo")
    }
}
