// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How `generateContent` is spelled.
enum GeminiWire {
    /// The request: one user turn, pictures only.
    static func body(_ call: ProviderCall) -> JSON {
        let model = GeminiModel.named(GoogleAPI.bareName(call.model))
        let imageConfig = JSON(present: [
            "aspectRatio": call.aspectRatio
                .flatMap { model.capabilities.aspectRatios.contains($0) ? JSON($0.description) : nil },
            "imageSize": call.tier.flatMap { model.capabilities.tiers.contains($0) ? JSON($0.rawValue) : nil },
        ])
        let level = model.thinking(for: call.quality)
        return [
            "contents": [["role": "user", "parts": [["text": JSON(call.prompt)]]]],
            "generationConfig": JSON(present: [
                "responseModalities": ["IMAGE"],
                "imageConfig": imageConfig == [:] ? nil : imageConfig,
                "thinkingConfig": level.map { ["thinkingLevel": JSON($0.rawValue)] },
                "seed": call.seed.map { JSON($0) },
            ]),
        ]
    }

    /// The picture of an answer, or why there is none.
    ///
    /// Of several pictures the last counts: the models draft, and the drafts often carry no mark.
    static func result(_ answer: JSON) throws(ProviderError) -> ProviderResult {
        let candidates = answer["candidates"]?.array ?? []
        let candidate = candidates.first { picture(in: $0) != nil } ?? candidates.first
        guard let candidate else { throw GeminiReasons.withoutCandidate(answer) }
        let reason = candidate["finishReason"]?.string
        guard let picture = picture(in: candidate), !GeminiReasons.isRefusal(reason) else {
            throw GeminiReasons.withoutPicture(answer, candidate, words: words(in: candidate))
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
