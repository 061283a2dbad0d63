// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes

/// Which part of a file a request wants, and on what condition, by RFC 9110.
struct FileWish: Sendable {
    /// Whether the caller wants another version than there is.
    let isRefused: Bool
    /// Whether the caller has this version already.
    let isUnchanged: Bool
    /// The parts, in the order asked for; `nil` for the whole file, none if all of them lie behind its end.
    let parts: [Range<Int>]?

    /// Many small parts cost more than they save, and whoever asks for parts twice wants to harm.
    private static let mostParts = 16

    init(_ file: LinkedFile, _ headers: HTTPFields) {
        isRefused = Self.isRefused(file, headers)
        isUnchanged = Self.isUnchanged(file, headers)
        let isOtherVersion = headers[.ifRange].map { !Self.isThis(file, $0) } ?? false
        parts = isOtherVersion ? nil : headers[.range].flatMap { Self.parts($0, of: file.length) }
    }

    private static func isRefused(_ file: LinkedFile, _ headers: HTTPFields) -> Bool {
        if let tags = headers[.ifMatch] { return !list(tags).contains { $0 == "*" || $0 == file.entityTag } }
        guard let date = headers[.ifUnmodifiedSince].flatMap(Timestamp.init(httpDate:)) else { return false }
        return file.modified.seconds > date.seconds
    }

    private static func isUnchanged(_ file: LinkedFile, _ headers: HTTPFields) -> Bool {
        if let tags = headers[.ifNoneMatch] {
            // A cache may have marked the tag as weak; for this question that makes no difference.
            let same = ["*", file.entityTag, "W/\(file.entityTag)"]
            return list(tags).contains { same.contains($0) }
        }
        guard let date = headers[.ifModifiedSince].flatMap(Timestamp.init(httpDate:)) else { return false }
        return file.modified.seconds <= date.seconds
    }

    /// The condition of a range: the strong tag, or the very date that was sent with the file.
    private static func isThis(_ file: LinkedFile, _ condition: String) -> Bool {
        if condition.hasPrefix("\"") || condition.hasPrefix("W/") { return condition == file.entityTag }
        return Timestamp(httpDate: condition)?.seconds == file.modified.seconds
    }

    private static func list(_ tags: String) -> [String] {
        tags.filter { !$0.isWhitespace }.split(separator: ",").map(String.init)
    }

    /// The parts of a header that can be read; the whole file if it cannot, or asks for more than the file has.
    private static func parts(_ text: String, of length: Int) -> [Range<Int>]? {
        guard text.hasPrefix("bytes=") else { return nil }
        let texts = text.dropFirst("bytes=".count).split(separator: ",", omittingEmptySubsequences: false)
        guard texts.count <= mostParts else { return nil }
        var parts: [Range<Int>] = []
        for text in texts {
            guard let part = part(text.filter { $0 != " " && $0 != "\t" }, of: length) else { return nil }
            if !part.isEmpty { parts.append(part) }
        }
        let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
        let overlap = zip(sorted, sorted.dropFirst()).contains { $0.upperBound > $1.lowerBound }
        return overlap ? nil : parts
    }

    /// One part, empty if it lies behind the end; `nil` if it cannot be read.
    private static func part(_ text: String, of length: Int) -> Range<Int>? {
        let bounds = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return nil }
        switch (Int(bounds[0]), Int(bounds[1])) {
        case (let first?, let last?) where first <= last: return first..<max(first, min(last, length - 1) + 1)
        case (let first?, nil) where bounds[1].isEmpty: return first..<max(first, length)
        case (nil, let count?) where bounds[0].isEmpty && count >= 0: return max(0, length - count)..<length
        default: return nil
        }
    }
}
