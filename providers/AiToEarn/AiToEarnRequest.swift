// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// How a submission is spelled.
enum AiToEarnRequest {
    /// The largest body that the vendor's front end lets through.
    static let largestBody = 50_000_000

    /// Checks what can be checked for nothing, and writes the body.
    static func payload(_ call: ProviderCall, sizes: AiToEarnSizes) throws(ProviderError) -> VendorAPI.Payload {
        try check(call)
        let fields = JSON(present: [
            "model": JSON(call.model),
            "prompt": JSON(call.prompt),
            "size": sizes.size(for: call).map { JSON($0.description) },
            "quality": call.isEdit ? nil : call.quality.map { JSON(word(for: $0)) },
        ])
        return call.isEdit ? edit(fields, call) : .json(fields)
    }

    /// A submission only writes a row, so what takes time is the way of the pictures there.
    static func timeout(for payload: VendorAPI.Payload) -> Duration {
        let length = payload.buffers.reduce(0) { $0 + $1.readableBytes }
        return .seconds(30) + .seconds(1) * (length / (512 << 10))
    }

    private static func word(for quality: ImageRequest.Quality) -> String {
        switch quality {
        case .low: "low"
        case .medium, .standard: "medium"
        case .high, .xhigh, .max, .hd: "high"
        }
    }

    // MARK: Pictures

    private static func check(_ call: ProviderCall) throws(ProviderError) {
        if let mask = call.mask, let base = call.inputs.first {
            guard mask.header.format == .png, mask.header.size == base.header.size else {
                throw unsendable("The provider takes only a PNG mask of the same size as the first picture.")
            }
        }
        let pictures = call.inputs + [call.mask].compactMap { $0 }
        let length = pictures.reduce(call.prompt.utf8.count) { $0 + ($1.bytes.readableBytes + 2) / 3 * 4 }
        // The names around them are few.
        guard length + 10_000 <= largestBody else {
            throw unsendable("The pictures are larger than the provider takes, about 37 MB in all.")
        }
    }

    /// Nothing was sent, and the next provider may take it.
    private static func unsendable(_ message: String) -> ProviderError {
        ProviderError(.invalidRequest, message, recovery: .failOver, outcome: .rejected)
    }

    /// Each picture's base64 is a buffer of its own, written once and never joined with the others.
    private static func edit(_ fields: JSON, _ call: ProviderCall) -> VendorAPI.Payload {
        var text = fields.encoded()
        text.moveWriterIndex(to: text.writerIndex - 1)
        var buffers: [ByteBuffer] = []
        func append(_ picture: InputPicture, behind separator: String) {
            text.writeString("\(separator)\"data:\(picture.header.format.mediaType);base64,")
            buffers += [text, Base64.encode(picture.bytes)]
            text = ByteBuffer(string: "\"")
        }
        for (place, picture) in call.inputs.enumerated() { append(picture, behind: place == 0 ? ",\"image\":[" : ",") }
        text.writeString("]")
        if let mask = call.mask { append(mask, behind: ",\"mask\":") }
        text.writeString("}")
        return VendorAPI.Payload(contentType: "application/json", buffers: buffers + [text])
    }
}
