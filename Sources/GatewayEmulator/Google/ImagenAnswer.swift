// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Puts a `predict` answer together.
struct ImagenAnswer: Sendable {
    let model: String
    let request: ImagenRequest
    let call: AcceptedCall
    let studio: PictureStudio

    private static let reason =
        "Unable to show generated images. All images were filtered out because they violated the vendor's usage "
        + "guidelines. You will not be charged for blocked images. Try rephrasing the prompt. Support codes: 29310472"

    /// Draws what is to be drawn, bills it, and answers.
    func make() async throws(DrawingError) -> EmulatedAnswer {
        let shape = call.conduct.fault(ImagenShape.self)
        if let failure = shape?.failure { return failure.answer }
        switch shape {
        case .filterAll where request.includesReasons: return predictions([["raiFilteredReason": JSON(Self.reason)]])
        case .filterAll, .noPredictions: return .json(.object([]))
        case .filterAllList: return predictions([])
        default: return predictions(try await drawn(shape))
        }
    }

    private func drawn(_ shape: ImagenShape?) async throws(DrawingError) -> [JSON] {
        var entries: [JSON] = []
        var pictures = 0
        for number in 0..<request.count {
            if shape == .filterSome, number == 0 {
                if request.includesReasons { entries.append(["raiFilteredReason": JSON(Self.reason)]) }
                continue
            }
            entries.append(entry(try await picture(UInt64(number))))
            pictures += 1
        }
        if pictures > 0 { call.bill(pictures: pictures) }
        if request.includesSafety || shape == .positivePrompt {
            entries.append(["contentType": "Positive Prompt", "safetyAttributes": Self.safety])
        }
        return entries
    }

    private func picture(_ number: UInt64) async throws(DrawingError) -> ByteBuffer {
        let order = PictureOrder(
            label: "\(model)  \(request.size)",
            size: request.size,
            format: request.format,
            prompt: call.prompt,
            variation: call.conduct.variation &* 4 &+ number,
            quality: max(1, request.quality),
            paddedTo: call.conduct.pictureBytes
        )
        return try await studio.base64(order, call.conduct.fault(PictureFault.self))
    }

    private func entry(_ picture: ByteBuffer) -> JSON {
        let isLie = call.conduct.fault(PictureFault.self) == .wrongType
        let type = isLie ? (request.format == .png ? PictureFormat.jpeg : .png) : request.format
        var members: [JSON.Member] = [
            .init("mimeType", JSON(type.mediaType)), .init("bytesBase64Encoded", .string(.slice(picture))),
        ]
        if request.includesSafety { members.append(.init("safetyAttributes", Self.safety)) }
        return .object(members)
    }

    private static let safety: JSON = [
        "categories": ["Death, Harm & Tragedy", "Violence"], "scores": [.number("0.1"), .number("0.1")],
    ]

    private func predictions(_ entries: [JSON]) -> EmulatedAnswer {
        .json(["predictions": .array(entries)])
    }
}
