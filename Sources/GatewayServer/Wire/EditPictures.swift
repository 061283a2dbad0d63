// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// The pictures of an edit, as the caller gave them.
struct EditPictures: Sendable {
    /// The pictures to edit, the first one the base.
    private(set) var inputs: [GivenPicture] = []
    /// Where to edit the first.
    private(set) var mask: GivenPicture?

    /// The members by which pictures are given in JSON.
    static let members = ["images", "image", "image_urls", "image_url", "mask"]

    /// Takes the pictures of a form: files first, then addresses; of each those without an index first, in their order,
    /// then those with one, by it.
    init(_ form: MultipartForm) throws(InvalidRequest) {
        var files: [(index: Int, picture: GivenPicture)] = []
        var addresses: [(index: Int, picture: GivenPicture)] = []
        for field in form.fields {
            let name = String(field.name.prefix { $0 != "[" })
            switch field.purpose {
            case .picture(let index): files.append((index ?? -1, try GivenPicture(file: field.bytes, name)))
            case .mask: mask = try GivenPicture(file: field.bytes, name)
            case .address(let index):
                // An empty field of a form is one that was not filled in.
                guard field.bytes.readableBytes > 0 else { continue }
                addresses.append((index ?? -1, try GivenPicture(text: field.bytes, name)))
            case .text, .unknownFile: continue
            }
        }
        for list in [files, addresses] {
            // Swift's sort keeps the order of equals only by documentation of today: the place decides for certain.
            let sorted = list.enumerated().sorted { ($0.element.index, $0.offset) < ($1.element.index, $1.offset) }
            inputs += sorted.map(\.element.picture)
        }
        try checkMask()
    }

    /// Takes the pictures of a JSON body: `images`, `image`, `image_urls`, `image_url`, each in its own order.
    init(_ body: JSON) throws(InvalidRequest) {
        for name in Self.members where name != "mask" {
            guard let value = body[name] else { continue }
            for element in value.array ?? [value] where element != .null {
                guard inputs.count < ImageRequest.maxInputs else {
                    throw InvalidRequest(
                        .invalidValue,
                        name,
                        "An edit takes at most \(ImageRequest.maxInputs) pictures."
                    )
                }
                if let picture = try Self.picture(element, name) { inputs.append(picture) }
            }
        }
        if let value = body["mask"] { mask = try Self.picture(value, "mask") }
        try checkMask()
    }

    /// The pictures that came with the request, each with its place among the inputs, the mask behind the last.
    var placed: [(place: Int, picture: InputPicture)] {
        (inputs + [mask].compactMap { $0 }).enumerated().compactMap { place, given in
            given.upload.map { (place, $0) }
        }
    }

    /// The first member of a request that gives a picture; `nil` if none does.
    static func given(in body: JSON) -> String? {
        members.first { name in
            switch body[name] {
            case nil: false
            case .string(let text): !text.isEmpty
            case .array(let elements): !elements.isEmpty
            default: true
            }
        }
    }

    // MARK: JSON

    private static func picture(_ value: JSON, _ name: String) throws(InvalidRequest) -> GivenPicture? {
        switch value {
        case .string(let text): return text.isEmpty ? nil : try GivenPicture(text: text.bytes, name)
        case .object:
            // Some write the address the way chats do: an object with a `url`.
            if let inner = value["image_url"] ?? value["url"] ?? value["b64_json"] {
                if case .object = inner, inner["url"] == nil { throw noPicture(inner, name) }
                return try picture(inner["url"] ?? inner, name)
            }
            guard value["file_id"] == nil else {
                throw InvalidRequest(
                    .unsupportedParameter,
                    name,
                    "The gateway keeps no files, so a 'file_id' is not taken: give an 'image_url'."
                )
            }
            throw noPicture(value, name)
        default: throw noPicture(value, name)
        }
    }

    private static func noPicture(_ value: JSON, _ name: String) -> InvalidRequest {
        InvalidRequest(
            .invalidValue,
            name,
            "A picture in '\(name)' must be a URL or an object with an 'image_url', not \(value.kindName) without one."
        )
    }

    // MARK: The mask

    /// A mask says by its transparency where to edit, pixel for pixel.
    private func checkMask() throws(InvalidRequest) {
        guard let header = mask?.upload?.header else { return }
        guard header.format != .jpeg else {
            throw InvalidRequest(.invalidImage, "mask", "A mask needs transparent parts, so it must be PNG or WebP.")
        }
        if let base = inputs.first?.upload?.header.size, base != header.size {
            throw InvalidRequest(
                .invalidImage,
                "mask",
                "The mask must be as large as the first picture: it has \(header.size) pixels, the picture \(base)."
            )
        }
    }
}
