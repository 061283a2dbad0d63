// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A call that passed the checks, and what will be drawn for it.
struct HingNetRequest: Sendable {
    let model: HingNetModel
    let prompt: String
    let count: Int
    let size: PixelSize
    let format: PictureFormat
    /// The compression of a JPEG, 1 to 100.
    let quality: Int
    /// Whether a call that waits gets addresses instead of pictures.
    let wantsURL: Bool
    /// What a picture costs.
    let tokens: Int
    let isEdit: Bool

    /// How the pictures of one call are to be made.
    private struct Look {
        var size: PixelSize
        var format: PictureFormat = .png
        var quality = 85
        var tokens = 1210
    }

    private static let longestPrompt = 4000

    /// Checks a call as the original does: the fields first, then the model, then what the model takes.
    ///
    /// - Parameters:
    ///   - fields: What was sent.
    ///   - isEdit: Whether it came by the paths for edits.
    ///   - isTask: Whether a task is to be begun.
    init(_ fields: HingNetFields, isEdit: Bool, isTask: Bool) throws(HingNetFailure) {
        // The original's two messages differ in a letter.
        guard let prompt = try fields.text("prompt"), !prompt.allSatisfy(\.isWhitespace) else {
            throw .malformed(isEdit ? "field prompt is required" : "field Prompt is required")
        }
        guard prompt.unicodeScalars.count <= Self.longestPrompt else { throw .malformed("field prompt is too long") }
        let name = try fields.text("model") ?? "dall-e-2"
        guard let model = HingNetModel.find(name) else { throw .unknownModel(name) }
        if isEdit, case .imagen = model.family { throw .cannotDoImages }
        guard !isTask || model.hasTasks(forEdits: isEdit) else { throw .cannotDoImages }
        guard !isEdit || !fields.pictures.isEmpty else { throw .malformed("field image is required") }
        let delivery = try fields.word("response_format", of: "url", "b64_json")
        let asked = try fields.integer("n") ?? 1

        self.model = model
        self.prompt = prompt
        self.isEdit = isEdit
        wantsURL = delivery == "url"
        count = asked == 0 ? 1 : asked
        let look =
            switch model.family {
            case .gemini(let traits): try Self.gemini(fields, traits, count, isEdit)
            case .imagen: try Self.imagen(fields, count)
            case .gptImage: try Self.gptImage(fields, count, isEdit)
            case .doubao: try Self.doubao(fields)
            }
        size = look.size
        format = look.format
        quality = look.quality
        tokens = look.tokens
    }

    // MARK: Gemini

    private static func gemini(
        _ fields: HingNetFields,
        _ traits: GeminiTraits,
        _ count: Int,
        _ isEdit: Bool
    ) throws(HingNetFailure) -> Look {
        guard count == 1 else { throw .unsupported("n must be 1") }
        guard fields.pictures.count <= traits.mostImages else { throw .ofMaker("Too many images.") }
        // Without a size an edit is taken for one of 1024x1024, and loses its picture's shape.
        let (tier, hint) = try geometry(try fields.text("size") ?? (isEdit ? "1024x1024" : "1K"))
        let ratio: AspectRatio
        if let text = try fields.text("aspect_ratio") {
            guard let named = traits.ratios.first(where: { $0.description == text }) else {
                throw .ofMaker("Invalid aspect ratio: \(text.prefix(40)).")
            }
            ratio = named
        } else {
            ratio = nearest(hint ?? fields.pictures.last?.size.quotient ?? 1, traits.ratios)
        }
        // A model without a choice draws its one size, whatever it was asked for.
        let drawn = traits.tiers.contains(tier) ? tier : .oneK
        guard let size = traits.pixels[ratio, drawn] else { throw .ofMaker("Image size is not supported.") }
        return Look(size: size, format: traits.format, tokens: traits.tokens[drawn] ?? 1210)
    }

    /// A size is a class, or pixels that are taken as a hint only.
    private static func geometry(_ text: String) throws(HingNetFailure) -> (SizeTier, quotient: Double?) {
        if let tier = SizeTier(rawValue: text), tier != .half { return (tier, nil) }
        guard let pixels = PixelSize(text) else { throw .unsupported("size \(text.prefix(40))") }
        return (max(.oneK, .nearest(to: pixels)), pixels.quotient)
    }

    private static func nearest(_ quotient: Double, _ ratios: [AspectRatio]) -> AspectRatio {
        let nearest = ratios.min { left, right in
            max(left.quotient / quotient, quotient / left.quotient)
                < max(right.quotient / quotient, quotient / right.quotient)
        }
        return nearest ?? AspectRatio(1, 1)
    }

    // MARK: The others

    private static func imagen(_ fields: HingNetFields, _ count: Int) throws(HingNetFailure) -> Look {
        guard (1...4).contains(count) else { throw .ofMaker("sampleCount must be between 1 and 4") }
        let size = try fields.text("size")
        let ofSize = size == "1024x1792" ? "9:16" : size == "1792x1024" ? "16:9" : "1:1"
        let text = try fields.text("aspect_ratio") ?? ofSize
        guard ImagenTraits.ratios.contains(text), let ratio = AspectRatio(text),
            let pixels = ImagenTraits.pixels[ratio, .oneK]
        else { throw .ofMaker("Invalid aspect ratio: \(text.prefix(40)).") }
        return Look(size: pixels)
    }

    private static let gptSizes = ["1024x1024", "1024x1536", "1536x1024"]

    private static func gptImage(
        _ fields: HingNetFields,
        _ count: Int,
        _ isEdit: Bool
    ) throws(HingNetFailure) -> Look {
        try refuseUnknown(
            fields,
            "model",
            "prompt",
            "n",
            "size",
            "quality",
            "background",
            "output_format",
            "output_compression",
            "response_format",
            "moderation",
            "user",
            "style"
        )
        guard (1...10).contains(count) else { throw .unsupported("n") }
        guard fields.pictures.count <= 16 else { throw .unsupported("image") }
        if let mask = fields.mask, mask.size != fields.pictures.first?.size { throw .unsupported("mask size") }
        _ = try fields.word("quality", of: "low", "medium", "high", "auto")
        let background = try fields.word("background", of: "transparent", "opaque", "auto")
        let format: PictureFormat = try fields.word("output_format", of: "png", "jpeg") == "jpeg" ? .jpeg : .png
        let compression = try fields.integer("output_compression")
        guard (0...100).contains(compression ?? 0), compression == nil || format == .jpeg else {
            throw .unsupported("output_compression")
        }
        guard background != "transparent" || format == .png else { throw .unsupported("background") }
        let wish = try fields.text("size") ?? (isEdit ? "1024x1024" : "auto")
        guard wish == "auto" || gptSizes.contains(wish) else { throw .unsupported("size \(wish.prefix(40))") }
        let size = PixelSize(wish) ?? automatic(fields.pictures.first)
        return Look(size: size, format: format, quality: max(1, compression ?? 85), tokens: 1056)
    }

    /// The size of `auto`: that of the picture to edit, as nearly as there is one.
    private static func automatic(_ picture: PictureHeader?) -> PixelSize {
        let quotient = picture?.size.quotient ?? 1
        return quotient > 1.2 ? PixelSize(1536, 1024) : quotient < 0.8 ? PixelSize(1024, 1536) : PixelSize(1024, 1024)
    }

    private static func doubao(_ fields: HingNetFields) throws(HingNetFailure) -> Look {
        try refuseUnknown(fields, "model", "prompt", "image", "watermark", "response_format", "size")
        return Look(size: PixelSize(2048, 2048), format: .jpeg)
    }

    /// Models of these families refuse a call for a field that they do not document.
    private static func refuseUnknown(_ fields: HingNetFields, _ known: String...) throws(HingNetFailure) {
        if let name = fields.names.first(where: { !known.contains($0) }) { throw .unsupported(String(name.prefix(40))) }
    }
}
