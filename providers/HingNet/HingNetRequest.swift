// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// How a call is spelled; only fields that are documented for the model, because others were seen to be refused.
struct HingNetRequest: Sendable {
    /// How the pictures are to come.
    enum Delivery: String, Sendable {
        /// What a task always does, whatever it is told.
        case url
        /// Works without the vendor having any storage.
        case base64 = "b64_json"
    }

    let call: ProviderCall
    let delivery: Delivery

    private let family: HingNetModels.Family
    private let capabilities: ModelCapabilities

    init(_ call: ProviderCall, _ delivery: Delivery) {
        self.call = call
        self.delivery = delivery
        family = HingNetModels.Family(call.model)
        capabilities = HingNetProvider.descriptor.capabilities(of: call.model)
    }

    /// Where the call goes.
    ///
    /// Doubao's pictures are told apart by a field, not by a path.
    var route: HingNetJob.Route { call.isEdit && family != .doubao ? .edits : .generations }

    /// What is sent.
    var payload: VendorAPI.Payload { route == .edits ? form.payload : .json(body) }

    // MARK: Generations

    private var body: JSON {
        switch family {
        case .gemini:
            JSON(present: [
                "model": JSON(call.model),
                "prompt": JSON(call.prompt),
                "n": 1,
                "size": tier.map { JSON($0) },
                "aspect_ratio": aspectRatio.map { JSON($0) },
                "response_format": JSON(delivery.rawValue),
            ])
        case .imagen:
            JSON(present: [
                "model": JSON(call.model),
                "prompt": JSON(call.prompt),
                "n": JSON(call.count),
                "aspect_ratio": aspectRatio.map { JSON($0) },
                "response_format": JSON(delivery.rawValue),
            ])
        case .gptImage:
            .object(
                [.init("model", JSON(call.model)), .init("prompt", JSON(call.prompt)), .init("n", JSON(call.count))]
                    + gptImageFields.map { .init($0.name.description, JSON($0.value)) }
                    + (compression.map { [.init("output_compression", JSON($0))] } ?? [])
                    + [.init("response_format", JSON(delivery.rawValue))]
            )
        case .doubao:
            JSON(present: [
                "model": JSON(call.model),
                "prompt": JSON(call.prompt),
                "image": doubaoImages,
                // Left out, the provider draws its mark into the picture.
                "watermark": false,
            ])
        case .other:
            ["model": JSON(call.model), "prompt": JSON(call.prompt)]
        }
    }

    private var doubaoImages: JSON? {
        let images = call.inputs.map { picture in
            let text = Base64.encode(picture.bytes)
            return JSON("data:\(picture.header.format.mediaType);base64,\(String(buffer: text))")
        }
        return images.count > 1 ? .array(images) : images.first
    }

    // MARK: Edits

    private var form: MultipartForm {
        var form = MultipartForm()
        form.add("model", call.model)
        form.add("prompt", call.prompt)
        switch family {
        case .gemini:
            form.add("n", "1")
            // Left out, it would be taken for 1024x1024, and the picture's own shape would be lost.
            form.add("size", tier ?? SizeTier.oneK.rawValue)
            if let aspectRatio { form.add("aspect_ratio", aspectRatio) }
            form.add("response_format", delivery.rawValue)
        case .gptImage:
            form.add("n", "\(call.count)")
            for field in gptImageFields { form.add(field.name, field.value) }
            if let compression { form.add("output_compression", "\(compression)") }
            form.add("response_format", delivery.rawValue)
        case .imagen, .doubao, .other: break
        }
        // `image` is bound to one file only; of several, the vendor would take one and drop the others.
        for picture in call.inputs { form.add(call.inputs.count == 1 ? "image" : "image[]", picture, called: "image") }
        if let mask = call.mask, takesMask { form.add("mask", mask, called: "mask") }
        return form
    }

    /// Whether the model can be told where to edit.
    var takesMask: Bool { family == .gptImage }

    // MARK: Fields

    private var tier: String? { call.tier.flatMap { capabilities.tiers.contains($0) ? $0.rawValue : nil } }

    private var aspectRatio: String? {
        call.aspectRatio.flatMap { capabilities.aspectRatios.contains($0) ? $0.description : nil }
    }

    /// Compression is JPEG's only.
    private var compression: Int? { call.format == .jpeg ? call.compression : nil }

    /// What a gpt-image model is told; sizes by their pixels, `auto` written out because edits have another default.
    private var gptImageFields: [(name: StaticString, value: String)] {
        let size = call.aspectRatio.flatMap { capabilities.pixels[$0, capabilities.defaultTier] }?.description
        let quality = call.quality.flatMap { capabilities.qualities.contains($0) ? $0.rawValue : nil }
        let format = call.format.flatMap { capabilities.formats.contains($0) ? $0.rawValue : nil }
        let fields: [(name: StaticString, value: String?)] = [
            ("size", size ?? "auto"), ("quality", quality), ("background", call.background?.rawValue),
            ("output_format", format),
        ]
        return fields.compactMap { field in field.value.map { (field.name, $0) } }
    }
}
