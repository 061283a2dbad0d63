// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

@testable import GatewayProviders

/// How Acme spells requests, answers and errors.
enum AcmeWire {
    static let painter = ModelDescription(
        "acme-painter-1",
        aliases: ["acme-painter"],
        ModelCapabilities(
            aspectRatios: [AspectRatio(1, 1), AspectRatio(16, 9)],
            tiers: [],
            pixels: PixelTable([.oneK], ["1:1": "1024x1024", "16:9": "1376x768"]),
            maxCount: 2,
            nativeFormat: .png,
            hasSeed: true,
            maxInputs: 3,
            inputFormats: [.png, .jpeg],
            takesMask: true,
            promptLimit: 4000
        )
    )

    /// The request: what is not wished is left out.
    static func body(_ call: ProviderCall) -> JSON {
        JSON(present: [
            "model": JSON(call.model),
            "prompt": JSON(call.prompt),
            "count": JSON(call.count),
            "shape": call.aspectRatio.map { JSON($0.description) },
            "seed": call.seed.map { JSON($0) },
            "images": call.isEdit ? .array(call.inputs.map(picture)) : nil,
            "mask": call.mask.map(picture),
        ])
    }

    private static func picture(_ picture: InputPicture) -> JSON {
        .string(.slice(Base64.encode(picture.bytes)))
    }

    /// The pictures of an answer; none is an error, whatever the status was.
    static func result(_ answer: JSON) throws(ProviderError) -> ProviderResult {
        guard let pictures = answer["pictures"]?.array else {
            throw ProviderError(.notUnderstood, "The provider's answer cannot be read.")
        }
        let images = pictures.compactMap { picture -> ImageSource? in
            guard case .string(let text) = picture, !text.isEmpty else { return nil }
            return .base64(text.bytes)
        }
        guard !images.isEmpty else { throw ProviderError(.noImage, "The provider's answer has no picture.") }
        return ProviderResult(images: images)
    }

    /// What a rejection means: the vendor's code decides, and the status where it gives none.
    static func failure(_ rejection: VendorAPI.Rejection) -> ProviderError {
        let fault = rejection.body?["error"]
        let words = fault?["message"]?.beginning(500)
        switch (fault?["code"]?.string, rejection.status) {
        case ("content_policy", _):
            return ProviderError(.refused, "The request is against the provider's content policy.", detail: words)
        case ("no_credit", _):
            return ProviderError(.outOfCredit, "The provider's account has no credit left.", detail: words)
        case ("bad_key", _), (_, 401), (_, 403):
            return ProviderError(.credential, "The provider does not accept the key.", detail: words)
        case ("unknown_model", _), (_, 404):
            return ProviderError(.modelUnavailable, "The provider does not have the model.", detail: words)
        case (_, 429):
            return ProviderError(.rateLimited, "The provider has had too many calls.", detail: words)
        case (_, 504), (_, 524):
            return ProviderError(.outcomeUnknown, "The provider did not answer in time.", detail: words)
        case (_, 500...599):
            return ProviderError(.overloaded, "The provider is overloaded.", detail: words)
        default:
            return ProviderError(.invalidRequest, "The provider does not accept the request.", detail: words)
        }
    }
}
