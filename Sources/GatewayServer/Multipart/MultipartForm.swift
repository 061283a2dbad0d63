// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// The fields of a multipart body, gathered within limits: each by its name, because of types and file names in
/// such bodies nothing can be believed.
struct MultipartForm: MultipartSink {
    /// What a part is for.
    enum Purpose: Equatable {
        /// A picture to edit; with its index where the name has one.
        case picture(index: Int?)
        /// Where to edit.
        case mask
        /// The address of a picture, or the picture as a `data:` URL.
        case address(index: Int?)
        /// An ordinary member of the request.
        case text
        /// A file nobody asked for; it is not kept.
        case unknownFile
    }

    /// One part, whole.
    struct Field {
        /// The name as it was sent.
        var name: String
        /// What it is for.
        var purpose: Purpose
        /// Its content; empty for a file nobody asked for.
        var bytes: ByteBuffer
    }

    /// How many bytes an ordinary member may have: the longest has 32,000 characters.
    static let textLimit = 1 << 20

    /// The parts so far, in order.
    private(set) var fields: [Field] = []
    private var current: Field?
    private var isUnchosen = false

    mutating func begin(_ head: MultipartHead) throws(InvalidRequest) {
        current = Field(name: head.name, purpose: Self.purpose(head), bytes: ByteBuffer())
        isUnchosen = head.fileName == ""
    }

    mutating func add(_ bytes: ByteBuffer) throws(InvalidRequest) {
        guard var field = current, field.purpose != .unknownFile else { return }
        guard field.bytes.readableBytes + bytes.readableBytes <= Self.limit(of: field.purpose) else {
            throw Self.tooLarge(field)
        }
        // One owner at a time, or the buffer would be copied with every piece.
        current = nil
        field.bytes.writeImmutableBuffer(bytes)
        current = field
    }

    mutating func end() throws(InvalidRequest) {
        // A browser sends the file nobody chose as one without a name and without bytes.
        if let current, !(isUnchosen && current.bytes.readableBytes == 0) { fields.append(current) }
        current = nil
    }

    /// The ordinary members, as if they had come in JSON.
    func members() throws(InvalidRequest) -> JSON {
        var members: [JSON.Member] = []
        var notes: [JSON.Member] = []
        for field in fields {
            let name = Self.split(field.name)
            if field.purpose == .text, name.base == "metadata", let key = name.inner {
                notes.append(JSON.Member(key, JSON(try text(field))))
            } else {
                // Pictures keep their names, so that every name passes the same checks.
                members.append(JSON.Member(field.name, field.purpose == .text ? try value(field) : .null))
            }
        }
        if !notes.isEmpty { members.append(JSON.Member("metadata", .object(notes))) }
        return .object(members)
    }

    // MARK: What a part is for

    private static func purpose(_ head: MultipartHead) -> Purpose {
        let name = split(head.name)
        let index = name.inner.flatMap { $0.utf8.count <= 6 ? Int($0) : nil }
        switch name.base {
        case "image", "images": return .picture(index: index)
        case "mask": return .mask
        case "image_urls", "image_url": return .address(index: index)
        default: return head.fileName == nil ? .text : .unknownFile
        }
    }

    /// `image[0]` as `image` and `0`; `image[]` as `image` and an empty text.
    private static func split(_ name: String) -> (base: Substring, inner: String?) {
        let base = name.prefix { $0 != "[" }
        guard base.count < name.count, name.last == "]" else { return (base, nil) }
        return (base, String(name.dropFirst(base.count + 1).dropLast()))
    }

    private static func limit(of purpose: Purpose) -> Int {
        switch purpose {
        case .picture, .mask: GivenPicture.byteLimit
        case .address: GivenPicture.textLimit
        case .text: textLimit
        case .unknownFile: .max
        }
    }

    private static func tooLarge(_ field: Field) -> InvalidRequest {
        let name = String(field.name.prefix(64))
        if field.purpose != .text { return GivenPicture.tooLarge(name) }
        return InvalidRequest(
            .invalidValue,
            name,
            "The parameter '\(name)' is longer than any value it could have (\(textLimit) bytes)."
        )
    }

    // MARK: Text as JSON

    private static let numbers: Set<String> = ["n", "output_compression", "seed", "partial_images"]

    /// A member's value as JSON would have it: what must be a number or a truth value and looks like one becomes one.
    ///
    /// An empty field of a form is one that was not filled in.
    private func value(_ field: Field) throws(InvalidRequest) -> JSON {
        let text = try text(field)
        let plain = text[...].trimmed
        if plain.isEmpty { return .null }
        if Self.numbers.contains(field.name), let number = Int(plain) { return JSON(number) }
        if field.name == "stream" {
            switch plain.lowercased() {
            case "true", "1": return true
            case "false", "0": return false
            default: return JSON(text)
            }
        }
        if field.name == "metadata" {
            do throws(JSONError) {
                return try JSON(reading: field.bytes)
            } catch {
                return JSON(text)
            }
        }
        return JSON(text)
    }

    private func text(_ field: Field) throws(InvalidRequest) -> String {
        guard let text = String(validating: field.bytes.readableBytesView, as: UTF8.self) else {
            let name = String(field.name.prefix(64))
            throw InvalidRequest(.invalidValue, name, "The parameter '\(name)' is not valid UTF-8.")
        }
        return text
    }
}
