// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// The fields of a call, whether they came as JSON or as a form.
struct HingNetFields: Sendable {
    /// The pictures to edit, by what their first bytes tell.
    private(set) var pictures: [PictureHeader] = []
    /// Their checksums.
    private(set) var checksums: [String] = []
    private(set) var mask: PictureHeader?
    private let values: [String: JSON]

    /// The names of the fields that are there.
    var names: [String] { values.keys.sorted() }

    /// Reads a JSON body.
    init(json body: ByteBuffer) throws(HingNetFailure) {
        let json: JSON
        do throws(JSONError) {
            json = try JSON(reading: body)
        } catch {
            throw .malformed("invalid character in JSON: \(error.message)")
        }
        guard let members = json.members else {
            throw .malformed("json: cannot unmarshal \(json.kindName) into Go value of type types.ImageRequest")
        }
        values = Dictionary(members.filter { $0.value != .null }.map { ($0.name, $0.value) }) { _, last in last }
        if let images = values["images"] {
            // Addresses only, and the emulator fetches nothing.
            guard images.array?.isEmpty == true else { throw .unreadableImage }
        }
        try readPictures(values["image"])
    }

    /// Reads a form; of several files named `image` only the first is bound, as in the original.
    init(form: HingNetForm) throws(HingNetFailure) {
        let texts = form.parts.filter { $0.fileName == nil }
        values = Dictionary(texts.map { ($0.name, JSON(String(buffer: $0.body))) }) { first, _ in first }
        guard values["image_urls[]"] == nil else { throw .unreadableImage }
        for file in form.files("image").prefix(1) + form.files("image[]") {
            guard let header = PictureHeader(file.readableBytesView) else { throw .unreadableImage }
            pictures.append(header)
            checksums.append(CyclicChecksum.shown(file))
        }
        if let file = form.files("mask").first {
            guard let header = PictureHeader(file.readableBytesView) else { throw .unreadableImage }
            mask = header
        }
    }

    /// Doubao's pictures: one text or a list of them, each an address or base64 data.
    private mutating func readPictures(_ value: JSON?) throws(HingNetFailure) {
        guard let value else { return }
        for element in value.array ?? [value] {
            guard case .string(let text) = element else { throw .malformed("field image must be a string") }
            let bytes = text.bytes
            let comma = bytes.readableBytesView.prefix(64).firstIndex(of: UInt8(ascii: ","))
            let start = comma.map { $0 + 1 } ?? bytes.readerIndex
            guard let data = bytes.getSlice(at: start, length: bytes.writerIndex - start),
                let file = Base64.decode(data), let header = PictureHeader(file.readableBytesView)
            else { throw .unreadableImage }
            pictures.append(header)
            checksums.append(CyclicChecksum.shown(file))
        }
    }

    func text(_ name: String) throws(HingNetFailure) -> String? {
        guard let value = values[name] else { return nil }
        guard let text = value.string else {
            throw .malformed("json: cannot unmarshal \(value.kindName) into Go struct field .\(name) of type string")
        }
        return text.isEmpty ? nil : text
    }

    func integer(_ name: String) throws(HingNetFailure) -> Int? {
        guard let value = values[name] else { return nil }
        guard let number = value.integer ?? value.string.flatMap({ Int($0) }) else {
            throw .malformed("json: cannot unmarshal \(value.kindName) into Go struct field .\(name) of type int")
        }
        return number
    }

    /// One of some words, if the field is there.
    func word(_ name: String, of words: String...) throws(HingNetFailure) -> String? {
        guard let text = try text(name) else { return nil }
        guard words.contains(text) else { throw .unsupported("\(name) \(text.prefix(40))") }
        return text
    }
}
