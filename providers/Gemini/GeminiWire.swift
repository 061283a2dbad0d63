// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// How `generateContent` is spelled.
enum GeminiWire {
    /// How large the vendor takes a request whose pictures stand in it; a relay that takes less says so itself.
    private static let requestLimit = 100_000_000
    /// More than everything beside the pictures can have: the longest prompt with each of its characters escaped.
    private static let wordsLimit = 1 << 20

    /// Looks for what could only be refused, before pictures are encoded and sent.
    static func check(_ call: ProviderCall) throws(ProviderError) {
        guard call.mask == nil else {
            throw ProviderError(.invalidRequest, "The model takes no mask.", outcome: .notSent)
        }
        let length = call.inputs.reduce(wordsLimit) { $0 + ($1.bytes.readableBytes + 2) / 3 * 4 }
        guard length <= requestLimit else {
            let most = (requestLimit - wordsLimit) / 4 * 3 / 1_000_000
            let message = "The input pictures are larger than the provider takes: at most \(most) MB together."
            throw ProviderError(.invalidRequest, message, outcome: .notSent)
        }
    }

    /// The request: one user turn, the input pictures in their order and then the words about them; an answer of
    /// pictures only.
    ///
    /// Without a wish no shape is told: an edit keeps that of its picture then.
    static func body(_ call: ProviderCall) -> JSON {
        let model = GeminiModel.named(GoogleAPI.bareName(call.model))
        let imageConfig = JSON(present: [
            "aspectRatio": call.aspectRatio
                .flatMap { model.capabilities.aspectRatios.contains($0) ? JSON($0.description) : nil },
            "imageSize": call.tier.flatMap { model.capabilities.tiers.contains($0) ? JSON($0.rawValue) : nil },
        ])
        let level = model.thinking(for: call.quality)
        return [
            "contents": [["role": "user", "parts": .array(call.inputs.map(part) + [["text": JSON(call.prompt)]])]],
            "generationConfig": JSON(present: [
                "responseModalities": ["IMAGE"],
                "imageConfig": imageConfig == [:] ? nil : imageConfig,
                "thinkingConfig": level.map { ["thinkingLevel": JSON($0.rawValue)] },
                "seed": call.seed.map { JSON($0) },
            ]),
        ]
    }

    private static func part(_ picture: InputPicture) -> JSON {
        let data = Base64.encode(picture.bytes)
        return ["inlineData": ["mimeType": JSON(picture.header.format.mediaType), "data": .string(.slice(data))]]
    }

    /// The picture of an answer, or why there is none.
    ///
    /// Of several pictures the last counts: the models draft, and the drafts often carry no mark.
    static func result(_ answer: JSON, isEdit: Bool = false) throws(ProviderError) -> ProviderResult {
        let candidates = answer["candidates"]?.array ?? []
        let candidate = candidates.first { picture(in: $0) != nil } ?? candidates.first
        guard let candidate else { throw GeminiReasons.withoutCandidate(answer, isEdit: isEdit) }
        let reason = candidate["finishReason"]?.string
        guard let picture = picture(in: candidate), !GeminiReasons.isRefusal(reason) else {
            // A picture was drawn, and may be billed, although nothing of it came.
            if !GeminiReasons.isRefusal(reason), hasEmptyPicture(candidate) {
                throw ProviderError(.badPicture, "The provider's answer has an empty picture.")
            }
            throw GeminiReasons.withoutPicture(answer, candidate, words: words(in: candidate), isEdit: isEdit)
        }
        return ProviderResult(
            images: [.base64(picture.bytes)],
            revisedPrompt: words(in: candidate),
            usage: usage(answer["usageMetadata"])
        )
    }

    /// The parts that are meant for the reader, without the model's thoughts.
    ///
    /// A candidate may lack content, parts or both.
    private static func parts(of candidate: JSON) -> [JSON] {
        (candidate["content"]?["parts"]?.array ?? []).filter { $0["thought"]?.bool != true }
    }

    private static func picture(in candidate: JSON) -> JSONText? {
        let texts = parts(of: candidate).compactMap { part -> JSONText? in
            let data = part["inlineData"] ?? part["inline_data"]
            guard case .string(let text) = data?["data"], !text.isEmpty else { return nil }
            let type = (data?["mimeType"] ?? data?["mime_type"])?.string?.lowercased()
            return type.map { $0.hasPrefix("image/") || $0 == "application/octet-stream" } ?? true ? text : nil
        }
        return texts.last
    }

    private static func hasEmptyPicture(_ candidate: JSON) -> Bool {
        parts(of: candidate).contains { part in
            guard case .string(let text) = (part["inlineData"] ?? part["inline_data"])?["data"] else { return false }
            return text.isEmpty
        }
    }

    private static func words(in candidate: JSON) -> String? {
        let texts = parts(of: candidate).compactMap { $0["text"]?.beginning(4000) }
        let words = texts.joined(separator: "\n").split(whereSeparator: \.isNewline).joined(separator: "\n")
        return words.allSatisfy(\.isWhitespace) ? nil : words
    }

    /// Output is what is left of the total: on a refusal the parts count the thoughts twice, the total never does.
    static func usage(_ metadata: JSON?) -> Usage? {
        guard let metadata, metadata["promptTokenCount"] != nil || metadata["totalTokenCount"] != nil else {
            return nil
        }
        let input = count(metadata["promptTokenCount"])
        let summed = input + count(metadata["candidatesTokenCount"]) + count(metadata["thoughtsTokenCount"])
        let total = max(input, metadata["totalTokenCount"] == nil ? summed : count(metadata["totalTokenCount"]))
        let details = metadata["promptTokensDetails"]?.array
        return Usage(
            inputTokens: input,
            inputTextTokens: details.map { tokens(of: "TEXT", in: $0) } ?? input,
            inputImageTokens: details.map { tokens(of: "IMAGE", in: $0) } ?? 0,
            outputTokens: total - input,
            totalTokens: total
        )
    }

    private static func tokens(of modality: String, in details: [JSON]) -> Int {
        details.prefix(100).reduce(0) { $0 + ($1["modality"] == JSON(modality) ? count($1["tokenCount"]) : 0) }
    }

    /// A count within reason: sums of these cannot overflow.
    private static func count(_ number: JSON?) -> Int {
        min(max(number?.integer ?? 0, 0), 1_000_000_000)
    }
}
