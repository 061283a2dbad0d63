// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What a service shall do with the objects it keeps: sent, and signed, with every upload.
///
/// Not every service knows all of it; what it does not know it refuses, or ignores.
public struct S3ObjectOptions: Sendable, Hashable {
    /// How objects are encrypted where they lie.
    public var encryption: Encryption?
    /// The key of ``Encryption/kms``: an id, an alias or an ARN; the bucket's own if not given.
    public var kmsKeyID: String?
    /// The storage class, such as `STANDARD_IA`.
    public var storageClass: String?
    /// The tags, which lifecycle rules and bills can go by.
    public var tags: [String: String] = [:]

    /// Whether uploads carry an MD5 besides the signed SHA-256.
    ///
    /// A service that checks signatures as S3 does compares the bytes with the SHA-256, and the MD5 would take as long as
    /// everything else that is done with a picture. It is for services that do not, and for buckets with object lock.
    public var sendsMD5 = false

    /// How objects are encrypted where they lie.
    public enum Encryption: String, Sendable, CaseIterable {
        /// With keys of the service.
        case aes256 = "AES256"
        /// With a key of the key management service.
        case kms = "aws:kms"
        /// The same in two layers.
        case kmsDualLayer = "aws:kms:dsse"
    }

    /// Creates options: none.
    public init() {}

    /// The headers of an upload; tags in the order of their names, so that equal uploads are equal.
    var headers: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        if let encryption { headers.append(("x-amz-server-side-encryption", encryption.rawValue)) }
        if let kmsKeyID { headers.append(("x-amz-server-side-encryption-aws-kms-key-id", kmsKeyID)) }
        if let storageClass { headers.append(("x-amz-storage-class", storageClass)) }
        if !tags.isEmpty {
            let pairs = tags.sorted { $0.key < $1.key }
                .map { "\(Escaping.escape($0.key))=\(Escaping.escape($0.value))" }
            headers.append(("x-amz-tagging", pairs.joined(separator: "&")))
        }
        return headers
    }

    /// What is wrong with these options, a sentence each.
    var mistakes: [String] { [kmsMistake, classMistake, tagMistake].compactMap(\.self) }

    private var kmsMistake: String? {
        guard let kmsKeyID else { return nil }
        if encryption != .kms, encryption != .kmsDualLayer {
            return "storage.kms_key_id needs storage.server_side_encryption: aws:kms (or aws:kms:dsse)."
        }
        let isPlain = kmsKeyID.utf8.allSatisfy { Escaping.isUnreserved($0) || ":/".utf8.contains($0) }
        guard !(1...2048).contains(kmsKeyID.utf8.count) || !isPlain else { return nil }
        return "storage.kms_key_id must be a key's id, alias or ARN."
    }

    /// A link cannot give what lies in an archive: it has to be restored first, which takes hours.
    private var classMistake: String? {
        guard let storageClass else { return nil }
        if ["GLACIER", "DEEP_ARCHIVE", "ARCHIVE", "COLD_ARCHIVE", "DEEP_COLD_ARCHIVE"].contains(storageClass) {
            return "storage.storage_class may not be \(storageClass): links do not work on archived pictures."
        }
        let isPlain = storageClass.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard !(1...64).contains(storageClass.utf8.count) || !isPlain else { return nil }
        return "storage.storage_class must be a plain name such as STANDARD_IA."
    }

    private var tagMistake: String? {
        let areFine = tags.allSatisfy { name, value in
            (1...128).contains(name.unicodeScalars.count) && value.unicodeScalars.count <= 256
                && !name.lowercased().hasPrefix("aws:") && Self.isAllowed(name) && Self.isAllowed(value)
        }
        guard tags.count > 10 || !areFine else { return nil }
        return
            "storage.tags may be 10 at most, with names of 1 to 128 and values of up to 256 letters, digits, blanks and "
            + "+ - = . _ : / @; a name may not begin with aws:."
    }

    private static func isAllowed(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || " +-=._:/@".unicodeScalars.contains(scalar)
        }
    }
}
