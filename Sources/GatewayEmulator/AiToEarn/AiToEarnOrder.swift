// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A submission that has passed validation, which looks at types and lengths and at nothing else.
struct AiToEarnOrder: Sendable {
    let model: String
    let prompt: String
    let count: Int
    /// The size as it was written, checked only when the work begins.
    let size: String?
    let quality: String?
    /// The pictures to edit.
    let inputs: [JSONText]
    let mask: JSONText?

    private static let longestPrompt = 4000

    /// Reads a submission.
    ///
    /// - Throws: A sentence about the first mistake; it goes into the details of the answer.
    init(_ body: JSON, editing: Bool) throws(AiToEarnMistake) {
        guard body.members != nil else { throw AiToEarnMistake("Expected an object.") }
        func text(_ name: String) throws(AiToEarnMistake) -> String? {
            guard let value = body[name] else { return nil }
            guard let text = value.string else { throw AiToEarnMistake("\(name): expected string.") }
            return text
        }
        guard let prompt = try text("prompt"), (1...Self.longestPrompt).contains(prompt.utf16.count) else {
            throw AiToEarnMistake("prompt: expected 1 to \(Self.longestPrompt) characters.")
        }
        guard let model = try text("model") else { throw AiToEarnMistake("model: required.") }
        self.prompt = prompt
        self.model = model
        count = try Self.count(body["n"], editing ? 1...1 : 1...10)
        size = try text("size")
        quality = editing ? nil : try text("quality")
        for name in ["style", "user"] { _ = try text(name) }
        if let form = try text("response_format"), form != "url", form != "b64_json" {
            throw AiToEarnMistake("response_format: expected 'url' | 'b64_json'.")
        }
        inputs = editing ? try Self.inputs(body["image"]) : []
        mask = editing ? try body["mask"].map { value throws(AiToEarnMistake) in try Self.text(value, "mask") } : nil
    }

    private static func count(_ value: JSON?, _ range: ClosedRange<Int>) throws(AiToEarnMistake) -> Int {
        guard let value else { return 1 }
        guard let count = value.integer, range.contains(count) else {
            throw AiToEarnMistake("n: expected \(range.lowerBound) to \(range.upperBound).")
        }
        return count
    }

    private static func inputs(_ value: JSON?) throws(AiToEarnMistake) -> [JSONText] {
        guard let value else { throw AiToEarnMistake("image: required.") }
        let values = value.array ?? [value]
        guard (1...AiToEarnModel.maxInputs).contains(values.count) else {
            throw AiToEarnMistake("image: expected 1 to \(AiToEarnModel.maxInputs) pictures.")
        }
        var texts: [JSONText] = []
        for value in values { texts.append(try text(value, "image")) }
        return texts
    }

    private static func text(_ value: JSON, _ name: String) throws(AiToEarnMistake) -> JSONText {
        guard case .string(let text) = value, !text.isEmpty else { throw AiToEarnMistake("\(name): expected string.") }
        return text
    }

    // MARK: What shows only when the work begins

    /// What the work is made of, once its pictures could be read.
    struct Plan: Sendable {
        var size: PixelSize
        /// What upstream rejects, in its words.
        var complaint: String?
    }

    /// The credits of a submission.
    var price: Int { AiToEarnModel.price(of: size.flatMap { PixelSize($0) }) * count }

    /// Looks at what validation does not.
    func plan() -> Plan {
        let headers = inputs.map(Self.look)
        let shape = headers.first.flatMap { $0.header?.size.quotient } ?? 1
        let wished = size.flatMap { PixelSize($0) }
        let isOffered =
            size == nil || AiToEarnModel.prices.contains { row in wished.map { row.sizes.contains($0) } ?? false }
        var plan = Plan(size: wished ?? AiToEarnModel.size(like: shape))
        if !isOffered {
            plan.complaint = "400 Image size is not supported."
        } else if let quality, !AiToEarnModel.qualities.contains(quality) {
            plan.complaint = "400 Invalid value: 'quality'. Supported values are: 'low', 'medium', 'high', and 'auto'."
        } else if (headers + [mask.map(Self.look)].compactMap { $0 }).contains(where: \.isBroken) {
            plan.complaint = "Invalid data URI"
        } else if let place = headers.firstIndex(where: { !$0.isAddress && $0.header == nil }) {
            plan.complaint = "400 Invalid image file or mode for image \(place + 1), please check your image file."
        } else if let mask = mask.map(Self.look), !mask.isAddress, let base = headers.first, !base.isAddress,
            mask.header?.format != .png || mask.header?.size != base.header?.size
        {
            plan.complaint = "400 Invalid mask image format - mask size does not match image size."
        }
        return plan
    }

    /// The checksums of the pictures to edit; of an address or a text that is no picture, an empty one.
    var checksums: [String] { inputs.map { Self.look($0).checksum } }

    private struct Look {
        var isAddress = false
        var isBroken = false
        var header: PictureHeader?
        var checksum = ""
    }

    /// Looks at a picture; an address is not fetched, and taken for a picture.
    private static func look(_ text: JSONText) -> Look {
        var bytes = text.bytes
        let beginning = String(
            buffer: bytes.getSlice(at: bytes.readerIndex, length: min(200, bytes.readableBytes)) ?? bytes
        )
        if beginning.hasPrefix("http://") || beginning.hasPrefix("https://") { return Look(isAddress: true) }
        guard let match = beginning.prefixMatch(of: /data:[a-z]+\/[a-z0-9.+\-]+;base64,/) else {
            return Look(isBroken: true)
        }
        bytes.moveReaderIndex(forwardBy: match.0.utf8.count)
        guard let picture = Base64.decode(bytes) else { return Look(isBroken: true) }
        return Look(header: PictureHeader(picture.readableBytesView), checksum: CyclicChecksum.shown(picture))
    }
}

/// What validation found.
struct AiToEarnMistake: Error, Sendable, Equatable {
    var sentence: String

    init(_ sentence: String) {
        self.sentence = sentence
    }
}
