// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CLibcrypto
package import GatewayCore
package import NIOCore

/// Digests, codes and chance from OpenSSL: the only file that knows it.
package enum Digest {
    package enum Algorithm: String, Sendable {
        case sha256 = "SHA-256"
        /// For signatures of OSS's version 1 only.
        case sha1 = "SHA-1"
        case md5 = "MD5"

        fileprivate var method: OpaquePointer? {
            switch self {
            case .sha256: EVP_sha256()
            case .sha1: EVP_sha1()
            case .md5: EVP_md5()
            }
        }

        fileprivate var length: Int {
            switch self {
            case .sha256: 32
            case .sha1: 20
            case .md5: 16
            }
        }
    }

    /// The digest of all buffers, one after the other, without joining them.
    package static func hash(_ algorithm: Algorithm, _ buffers: [ByteBuffer]) throws(ObjectError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw refusal(algorithm) }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, algorithm.method, nil) == 1 else { throw refusal(algorithm) }
        for buffer in buffers {
            let result = buffer.withUnsafeReadableBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
            guard result == 1 else { throw refusal(algorithm) }
        }
        var digest = [UInt8](repeating: 0, count: algorithm.length)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw refusal(algorithm) }
        return digest
    }

    /// OpenSSL's SHA-256, looked up once: it is what each key that is presented is known by.
    ///
    /// Unsafe by its type alone: it is set once, before anybody has it, and what was fetched is never changed by OpenSSL, which
    /// lets any number of threads use it.
    nonisolated(unsafe) private static let sha256Method = EVP_MD_fetch(nil, "SHA256", nil)

    /// The SHA-256 of a text, which need not be in a buffer for that.
    package static func sha256(_ text: String) throws(ObjectError) -> [UInt8] {
        var (text, isDone) = (text, false)
        let digest = [UInt8](unsafeUninitializedCapacity: Algorithm.sha256.length) { digest, count in
            isDone = text.withUTF8 {
                EVP_Digest($0.baseAddress, $0.count, digest.baseAddress, nil, sha256Method, nil) == 1
            }
            count = isDone ? Algorithm.sha256.length : 0
        }
        guard isDone else { throw refusal(.sha256) }
        return digest
    }

    /// The lower-case hexadecimal SHA-256 of a text.
    static func sha256Hex(_ text: String) throws(ObjectError) -> String {
        hex(try hash(.sha256, [ByteBuffer(string: text)]))
    }

    /// The HMAC of a text.
    static func hmac(
        _ algorithm: Algorithm = .sha256,
        key: [UInt8],
        _ text: String
    ) throws(ObjectError) -> [UInt8] {
        try hmac(algorithm, key: key, Array(text.utf8))
    }

    /// The HMAC of bytes.
    static func hmac(
        _ algorithm: Algorithm = .sha256,
        key: [UInt8],
        _ message: [UInt8]
    ) throws(ObjectError) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: algorithm.length)
        let result = HMAC(algorithm.method, key, CInt(key.count), message, message.count, &code, nil)
        guard result != nil else { throw refusal(algorithm) }
        return code
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    package static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Unguessable bytes.
    static func random(_ count: Int) throws(ObjectError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, CInt(count)) == 1 else {
            throw ObjectError(.unavailable, isTemporary: true, "OpenSSL has no random numbers at the moment.")
        }
        return bytes
    }

    /// Lower-case hexadecimal.
    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Base64 with the standard alphabet and padding.
    static func base64(_ bytes: [UInt8]) -> String {
        String(buffer: Base64.encode(ByteBuffer(bytes: bytes)))
    }

    /// Base64 with the alphabet for URLs, without padding.
    static func base64URL(_ bytes: [UInt8]) -> String {
        let plain = base64(bytes).utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    /// A FIPS provider without MD5 is the one way this happens on a healthy machine.
    private static func refusal(_ algorithm: Algorithm) -> ObjectError {
        ObjectError(.misconfigured, isTemporary: false, "OpenSSL on this machine refuses \(algorithm.rawValue).")
    }
}
