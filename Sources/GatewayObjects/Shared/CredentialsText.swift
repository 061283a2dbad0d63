// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Reads credentials as the usual tools write them: an ini file with profiles, or a JSON object.
///
/// The names differ from tool to tool (`aws_access_key_id`, `AccessKeyId`, `accessKeyID`), so case, underscores, hyphens and
/// a vendor's name in front do not count.
enum CredentialsText {
    /// Why a text holds no credentials; one part of a sentence, without any of the text.
    struct Mistake: Error {
        let reason: String
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - profile: The section of an ini file.
    static func read(_ bytes: ByteBuffer, profile: String) throws(Mistake) -> BucketCredentials {
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
            throw Mistake(reason: "it is not UTF-8")
        }
        let isObject = text.first { !$0.isWhitespace } == "{"
        return try credentials(isObject ? members(of: bytes, profile: profile) : lines(of: text, profile: profile))
    }

    private static func credentials(_ values: [String: String]) throws(Mistake) -> BucketCredentials {
        func value(_ names: String...) -> String? { names.lazy.compactMap { values[$0] }.first { !$0.isEmpty } }
        guard let id = value("accesskeyid") else { throw Mistake(reason: "it has no access key id") }
        guard let secret = value("secretaccesskey", "accesskeysecret") else {
            throw Mistake(reason: "it has no secret access key")
        }
        var credentials = BucketCredentials(accessKeyID: id, secretAccessKey: Secret(secret))
        credentials.sessionToken = value("sessiontoken", "securitytoken", "ststoken", "token").map { Secret($0) }
        if let text = value("expiration", "expires") {
            guard let end = Timestamp(iso8601: text) else {
                throw Mistake(reason: "its expiration is no time such as 2026-11-21T15:45:00Z")
            }
            credentials.expires = end
        }
        if let part = credentials.brokenParts.first {
            throw Mistake(reason: "its \(part.rawValue) has blanks or characters that no key has")
        }
        return credentials
    }

    /// The members of the object that has the credentials.
    ///
    /// `sts assume-role` wraps it in `Credentials`. Aliyun's command line has a list of profiles, and says which of them is
    /// meant where nobody names one.
    private static func members(of bytes: ByteBuffer, profile: String) throws(Mistake) -> [String: String] {
        guard let json = try? JSON(reading: bytes) else { throw Mistake(reason: "it is no valid JSON") }
        var object = json["Credentials"] ?? json
        if let profiles = json["profiles"]?.array {
            let current = profile == "default" ? json["current"]?.string : nil
            let names = [profile, current].compactMap(\.self)
            let named = names.lazy.compactMap { name in profiles.first { $0["name"]?.string == name } }.first
            guard let named else { throw noProfile }
            object = named
        }
        var values: [String: String] = [:]
        for member in object.members ?? [] {
            if let text = member.value.string { values[plain(member.name)] = text }
        }
        return values
    }

    private static let noProfile = Mistake(reason: "it has no profile of the name in storage.credentials_profile")

    /// The lines of a section; lines in front of the first section are the default profile's.
    private static func lines(of text: String, profile: String) throws(Mistake) -> [String: String] {
        // The older tool of OSS has one section of its own.
        let names = profile == "default" ? ["default", "Credentials"] : [profile]
        var section = "default"
        var values: [String: String] = [:]
        var isThere = false
        for line in text.split(whereSeparator: \.isNewline).map(trimmed) {
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                let name = trimmed(line.dropFirst().dropLast())
                // The configuration file of the same tools says `[profile name]`, the credentials file `[name]`.
                section = name.hasPrefix("profile ") ? trimmed(name.dropFirst("profile ".count)) : name
                isThere = isThere || names.contains(section)
                continue
            }
            guard names.contains(section), let equals = line.firstIndex(of: "=") else { continue }
            isThere = true
            values[plain(trimmed(line[..<equals]))] = trimmed(line[line.index(after: equals)...])
        }
        guard isThere else { throw noProfile }
        return values
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.startIndex
        return String(text[..<end].drop { $0.isWhitespace })
    }

    private static func plain(_ name: String) -> String {
        let letters = name.lowercased().filter { $0 != "_" && $0 != "-" }
        let vendor = ["aws", "alibabacloud", "aliyun", "oss", "s3"].first { letters.hasPrefix($0) }
        return String(letters.dropFirst(vendor?.count ?? 0))
    }
}
