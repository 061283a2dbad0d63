// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct DigestTests {
    @Test func `digests do not depend on how bytes are cut into buffers`() throws {
        let whole = ByteBuffer(string: "The quick brown fox jumps over the lazy dog")
        let pieces = [
            ByteBuffer(string: "The quick brown "), ByteBuffer(), ByteBuffer(string: "fox jumps over the lazy dog"),
        ]

        for buffers in [[whole], pieces] {
            #expect(
                Digest.hex(try Digest.hash(.sha256, buffers))
                    == "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"
            )
            #expect(Digest.hex(try Digest.hash(.md5, buffers)) == "9e107d9d372bb6826bd81d3542a419d6")
        }
    }

    @Test func `nothing has a digest too`() throws {
        #expect(
            Digest.hex(try Digest.hash(.sha256, []))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        #expect(Digest.base64(try Digest.hash(.md5, [])) == "1B2M2Y8AsgTpgAmY7PhCfg==")
    }

    @Test func `the HMAC is that of RFC 4231, case 2`() throws {
        #expect(
            Digest.hex(try Digest.hmac(key: Array("Jefe".utf8), "what do ya want for nothing?"))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
    }

    @Test func `the HMAC by SHA-1 is that of RFC 2202, case 2`() throws {
        #expect(
            Digest.hex(try Digest.hmac(.sha1, key: Array("Jefe".utf8), "what do ya want for nothing?"))
                == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        )
        #expect(Digest.hex(try Digest.hash(.sha1, [])) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    @Test func `only the same bytes are equal`() {
        #expect(Digest.areEqual([1, 2, 3], [1, 2, 3]))
        #expect(Digest.areEqual([], []))
        #expect(!Digest.areEqual([1, 2, 3], [1, 2, 4]))
        #expect(!Digest.areEqual([1, 2, 3], [1, 2]))
    }

    @Test func `random bytes are not twice the same`() throws {
        let drawn = try (1...50).map { _ in try Digest.random(16) }

        #expect(Set(drawn).count == 50)
        #expect(drawn.allSatisfy { $0.count == 16 })
    }

    @Test func `the alphabet for URLs has no plus, slash or padding`() {
        #expect(Digest.base64([0xFB, 0xFF, 0xFE, 0x01]) == "+//+AQ==")
        #expect(Digest.base64URL([0xFB, 0xFF, 0xFE, 0x01]) == "-__-AQ")
    }
}
