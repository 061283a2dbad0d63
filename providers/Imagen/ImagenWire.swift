// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How `:predict` is spelled.
enum ImagenWire {
    /// The request: one instance and its parameters.
    static func body(_ call: ProviderCall, _ capabilities: ModelCapabilities) -> JSON {
        [
            "instances": [["prompt": JSON(call.prompt)]],
            "parameters": JSON(present: [
                // Left out, it would be four, and each one is billed.
                "sampleCount": JSON(call.count),
                "aspectRatio": call.aspectRatio.map { JSON($0.description) },
                "sampleImageSize": call.tier.flatMap { capabilities.tiers.contains($0) ? JSON($0.rawValue) : nil },
                // Left out, a filtered picture would vanish without a word.
                "includeRaiReason": true,
                "outputOptions": call.format.map { format in
                    JSON(present: [
                        "mimeType": JSON(format.mediaType),
                        "compressionQuality": format == .jpeg ? call.compression.map { JSON($0) } : nil,
                    ])
                },
            ]),
        ]
    }

    /// The pictures of an answer, and a sentence for each that is missing; an answer without any is a refusal.
    static func result(_ answer: JSON, count: Int) throws(ProviderError) -> ProviderResult {
        let predictions = try predictions(in: answer)
        var images: [ImageSource] = []
        var reasons: [String] = []
        for prediction in predictions {
            if case .string(let text) = prediction["bytesBase64Encoded"], !text.isEmpty {
                images.append(.base64(text.bytes))
            } else if let reason = prediction["raiFilteredReason"]?.beginning(2000) {
                reasons.append(reason)
            }
        }
        guard !images.isEmpty else {
            if reasons.isEmpty, predictions.contains(where: { $0["bytesBase64Encoded"] != nil }) {
                // A picture was drawn, and may be billed, although nothing of it came.
                throw ProviderError(.badPicture, "The provider's answer has an empty picture.")
            }
            throw predictions.isEmpty || !reasons.isEmpty
                ? refusal(reasons)
                : ProviderError(.noImage, "The provider's answer has no picture.")
        }
        let missing = reasons.map(withheld) + Array(repeating: withheld(""), count: max(0, count))
        return ProviderResult(
            images: Array(images.prefix(max(count, 1))),
            revisedPrompt: predictions.lazy.compactMap { $0["prompt"]?.beginning(4000) }.first { !$0.isEmpty },
            missing: Array(missing.prefix(max(0, count - images.count)))
        )
    }

    /// What a rejection means: a refused prompt is a 400 here, to be told from a bad parameter by its words only.
    static func failure(_ fault: GoogleFault) -> ProviderError {
        let error = GoogleErrors.error(fault)
        guard error.code == .invalidRequest, fault.status == 400,
            fault.says(
                "responsible ai",
                "sensitive words",
                "safety filter",
                "violate",
                "support codes",
                "error code:",
                "prompt could not be submitted"
            )
        else { return error }
        let message = "The prompt is against the provider's content policy" + category(in: fault.message) + "."
        return fault.error(.refused, message)
    }

    private static func predictions(in answer: JSON) throws(ProviderError) -> [JSON] {
        guard let predictions = answer["predictions"] else {
            // `{}` is how an answer looks whose pictures were all filtered; with other members it is no such answer.
            let known = ["predictions", "deployedModelId", "model", "modelDisplayName", "modelVersionId", "metadata"]
            guard answer.members?.allSatisfy({ known.contains($0.name) }) == true else { throw unreadable }
            return []
        }
        guard let list = predictions.array else { throw unreadable }
        return list.filter { $0["contentType"]?.string != "Positive Prompt" }
    }

    private static var unreadable: ProviderError {
        ProviderError(.notUnderstood, "The provider's answer cannot be read.", detail: "no predictions")
    }

    private static func refusal(_ reasons: [String]) -> ProviderError {
        let reason = reasons.joined(separator: " ")
        let message = "Every picture was withheld by the provider's content filter" + category(in: reason) + "."
        return ProviderError(.refused, message, detail: reason)
    }

    private static func withheld(_ reason: String) -> String {
        "A picture was withheld by the provider's content filter" + category(in: reason) + "."
    }

    /// The category of the first known support code in a text, ` (violence)`; the text itself is the vendor's.
    private static func category(in text: String) -> String {
        let codes = text.split { !$0.isASCII || !$0.isNumber }
        return codes.lazy.compactMap { categories[String($0)] }.first.map { " (\($0))" } ?? ""
    }

    private static let categories: [String: String] = {
        let codes = [
            "children": "58061214 17301594",
            "celebrities": "29310472 15236754",
            "celebrities or children": "64151117",
            "dangerous content": "62263041",
            "hate": "57734940 22137204",
            "people or faces": "39322892",
            "personal data": "92201652",
            "prohibited content": "89371032 49114662 72817394",
            "sexual content": "90789179 63429089 43188360",
            "toxic content": "78610348",
            "violence": "61493863 56562880",
            "vulgar content": "32635315",
        ]
        return codes.reduce(into: [:]) { table, row in
            for code in row.value.split(separator: " ") { table[String(code)] = row.key }
        }
    }()
}
