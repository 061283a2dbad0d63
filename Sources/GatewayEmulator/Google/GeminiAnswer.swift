// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Puts a `generateContent` answer together.
struct GeminiAnswer: Sendable {
    let model: String
    let plan: GeminiPlan
    let call: AcceptedCall
    let studio: PictureStudio

    private var identity: SeededGenerator { SeededGenerator(call.prompt, call.conduct.variation &+ 77) }

    /// Draws what is to be drawn, bills it, and answers.
    func make() async throws(DrawingError) -> JSON {
        let conduct = call.conduct
        if let reason = GeminiShape.reason("block:", conduct) { return blocked(reason) }
        if let reason = GeminiShape.reason("finish:", conduct) { return ended(reason) }
        let shape = conduct.fault(GeminiShape.self)
        if let shape, let answer = pictureless(shape) { return answer }
        if plan.isTooShort { return ended("MAX_TOKENS") }
        if !plan.hasImage { return candidate([["text": JSON(Self.remark)]], reason: "STOP", pictures: 0) }
        return try await drawn(shape == .inputBlocked ? nil : shape)
    }

    // MARK: Without a picture

    private func pictureless(_ shape: GeminiShape) -> JSON? {
        switch shape {
        case .refuse: ended("IMAGE_SAFETY")
        case .textOnly:
            candidate([["text": "I can describe this picture, but I cannot draw it."]], reason: "STOP", pictures: 0)
        case .emptyStop: answer(["content": ["role": "model", "parts": []], "finishReason": "STOP", "index": 0])
        case .nullParts: answer(["content": ["role": "model", "parts": .null], "finishReason": "STOP", "index": 0])
        case .emptyContent: answer(["content": .object([]), "finishReason": "STOP", "index": 0])
        case .noContent: answer(["finishReason": "STOP", "index": 0])
        case .noFinishReason: answer(["content": .object([]), "index": 0])
        case .noCandidates: envelope([], usage: usage(pictures: 0, isRefusal: true))
        case .emptyObject: .object([])
        case .inputBlocked: plan.inputs.headers.isEmpty ? nil : blocked("OTHER")
        case .thoughts, .drafts, .textBefore, .textAfter, .strangers: nil
        }
    }

    private func blocked(_ reason: String) -> JSON {
        let usage: JSON = ["promptTokenCount": JSON(promptTokens), "totalTokenCount": JSON(promptTokens)]
        return envelope([.init("promptFeedback", ["blockReason": JSON(reason), "safetyRatings": []])], usage: usage)
    }

    private func ended(_ reason: String) -> JSON {
        answer([
            "content": .object([]), "finishReason": JSON(reason), "finishMessage": JSON(Self.explanation(of: reason)),
            "index": 0,
        ])
    }

    private static func explanation(of reason: String) -> String {
        switch reason {
        case "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT":
            "Unable to show the generated image. The image was filtered out because it violated the vendor's policies."
        case "NO_IMAGE":
            "Unable to show the generated image. The model could not generate the image based on the prompt provided."
        case "MAX_TOKENS": "The limit of output tokens was reached before the image was complete."
        default: "The model ended its answer: \(reason)."
        }
    }

    private func answer(_ candidate: JSON) -> JSON {
        envelope([.init("candidates", [candidate])], usage: usage(pictures: 0, isRefusal: true))
    }

    // MARK: With pictures

    private static let remark = "Here is the picture you asked for."

    private func drawn(_ shape: GeminiShape?) async throws(DrawingError) -> JSON {
        let final = try await picture(0)
        var parts: [JSON] = []
        if shape == .textBefore || shape == nil && plan.hasText { parts.append(signed(["text": JSON(Self.remark)], 1)) }
        if shape == .thoughts || shape == nil && plan.showsThoughts {
            parts.append(["text": "**Composing the scene**", "thought": true])
            for draft: UInt64 in [1, 2] { parts.append(part(try await picture(draft), draft, isThought: true)) }
        }
        if shape == .drafts {
            for draft: UInt64 in [1, 2] { parts.append(part(try await picture(draft), draft)) }
        }
        if shape == .strangers { parts.append(["hologram": ["mimeType": "image/x-hologram", "data": "AAAA"]]) }
        parts.append(part(final, 3))
        if shape == .textAfter { parts.append(["text": JSON(Self.remark)]) }
        let pictures = shape == .drafts ? 3 : 1
        call.bill(pictures: pictures)
        var answer = candidate(parts, reason: "STOP", pictures: pictures)
        if shape == .strangers, case .object(let members) = answer {
            let status: JSON = [
                "message": "This model will be retired.", "modelStage": "DEPRECATED",
                "retirementTime": "2027-03-15T00:00:00Z",
            ]
            answer = .object(members + [.init("modelStatus", status), .init("newMember", [1, [], .null])])
        }
        return answer
    }

    /// Draws the picture, or one of the drafts before it.
    private func picture(_ draft: UInt64) async throws(DrawingError) -> ByteBuffer {
        let variation =
            (plan.seed.map { UInt64(bitPattern: Int64($0)) } ?? call.conduct.variation) &+ draft &* 1_000_003
        let order = PictureOrder(
            label: ["\(model)", "\(plan.size)", plan.inputs.caption].compactMap(\.self).joined(separator: "  "),
            size: plan.size,
            format: plan.format,
            prompt: call.prompt,
            variation: variation &+ plan.inputs.fingerprint,
            paddedTo: call.conduct.pictureBytes
        )
        return try await studio.base64(order, call.conduct.fault(PictureFault.self))
    }

    private func part(_ picture: ByteBuffer, _ number: UInt64, isThought: Bool = false) -> JSON {
        let isLie = call.conduct.fault(PictureFault.self) == .wrongType
        let type = isLie ? (plan.format == .png ? PictureFormat.jpeg : .png) : plan.format
        var members: [JSON.Member] = [
            .init("inlineData", ["mimeType": JSON(type.mediaType), "data": .string(.slice(picture))])
        ]
        if isThought { members.append(.init("thought", true)) }
        return signed(.object(members), number)
    }

    /// Thinking models sign each part; callers send the signature back when they go on with the conversation.
    private func signed(_ part: JSON, _ number: UInt64) -> JSON {
        guard plan.isSigned, case .object(let members) = part else { return part }
        var noise: [UInt8] = []
        PicturePadding.appendNoise(180, seed: SeededGenerator.hash(call.prompt) &+ number, to: &noise)
        let signature = String(buffer: Base64.encode(ByteBuffer(bytes: noise)))
        return .object(members + [.init("thoughtSignature", JSON(signature))])
    }

    // MARK: The envelope

    private func candidate(_ parts: [JSON], reason: String, pictures: Int) -> JSON {
        let candidate: JSON = [
            "content": ["parts": .array(parts), "role": "model"], "finishReason": JSON(reason), "index": 0,
        ]
        return envelope([.init("candidates", [candidate])], usage: usage(pictures: pictures, isRefusal: false))
    }

    private func envelope(_ members: [JSON.Member], usage: JSON) -> JSON {
        var random = identity
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let identifier = String((0..<22).map { _ in digits[random.place(below: digits.count)] })
        return .object(
            members + [
                .init("usageMetadata", usage), .init("modelVersion", JSON(model)),
                .init("responseId", JSON(identifier)),
            ]
        )
    }

    private var promptTokens: Int { plan.promptTokens.text + plan.promptTokens.images }

    /// The usage of an answer; members that would be 0 are left out.
    private func usage(pictures: Int, isRefusal: Bool) -> JSON {
        let thoughts = plan.isSigned ? 208 : 0
        let images = pictures * plan.imageTokens
        let words = plan.hasText ? 9 : 0
        // A refusal repeats the thoughts as candidates' tokens, without counting them twice.
        let candidates = isRefusal ? thoughts : images + words + (images > 0 ? 2 : 0)
        let total = promptTokens + thoughts + (isRefusal ? 0 : candidates)
        func count(_ value: Int) -> JSON? { value > 0 ? JSON(value) : nil }
        func detail(_ modality: String, _ value: Int) -> [JSON] {
            value > 0 ? [["modality": JSON(modality), "tokenCount": JSON(value)]] : []
        }
        let details = detail("TEXT", plan.promptTokens.text) + detail("IMAGE", plan.promptTokens.images)
        return JSON(present: [
            "promptTokenCount": JSON(promptTokens),
            "candidatesTokenCount": count(candidates),
            "thoughtsTokenCount": count(thoughts),
            "totalTokenCount": JSON(total),
            "promptTokensDetails": .array(details),
            "candidatesTokensDetails": images > 0 ? .array(detail("IMAGE", images)) : nil,
        ])
    }
}
