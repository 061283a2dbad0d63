// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

extension ProviderConformance {
    /// Has every model that can edit do so, with as many pictures as it takes and one, with and without a mask.
    var editMistakes: [String] {
        get async {
            guard let answered = recordings["edit"] ?? recordings["success"] else {
                return ["there is no recorded success"]
            }
            var sentences: [String] = []
            for model in provider.descriptor.models where model.capabilities.maxInputs > 0 {
                for call in Self.edits(of: model) {
                    let run = await run(call, answers: answered.exchanges.map(\.answer))
                    let found = Self.mistakes(in: run, of: call)
                    sentences += found.map { "\(model.id), \(call.inputs.count) pictures: \($0)" }
                }
            }
            return sentences
        }
    }

    private static func edits(of model: ModelDescription) -> [ProviderCall] {
        let able = model.capabilities
        let pictures = (0..<min(able.maxInputs, ImageRequest.maxInputs)).compactMap { number in
            picture(able.inputFormats[number % max(1, able.inputFormats.count)], number: number)
        }
        var one = ProviderCall(model: model.id, prompt: "Make the fox a woodcut")
        one.inputs = Array(pictures.prefix(1))
        var all = one
        all.inputs = pictures
        guard able.takesMask else { return [one, all] }
        var masked = one
        masked.mask = picture(able.inputFormats.contains(.png) ? .png : able.inputFormats.first, number: 100)
        return [one, all, masked]
    }

    /// A file of a format that no other number gives; its header is true, its pixels are noise.
    private static func picture(_ format: PictureFormat?, number: Int) -> InputPicture? {
        var bytes: [UInt8]
        switch format {
        case .png:
            bytes = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
            bytes += [0, 0, 0, 64, 0, 0, 0, 48, 8, 6, 0, 0, 0]
        case .jpeg: bytes = [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0, 48, 0, 64, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]
        case .webp: bytes = Array("RIFF____WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0, 63, 0, 0, 47, 0, 0]
        case nil: return nil
        }
        bytes += (0..<90).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ number &* 59 &+ 5) }
        return InputPicture(ByteBuffer(bytes: bytes))
    }

    private static func mistakes(in run: Run, of call: ProviderCall) -> [String] {
        if let error = run.error { return ["it is not asked for: \(error.message)"] }
        var sentences: [String] = []
        let purchases = run.sent.filter { !$0.request.isRepeatable }
        if purchases.count != 1 { sentences.append("\(purchases.count) purchases were sent") }
        guard let body = purchases.first?.body else { return sentences }
        var place = 0
        for (number, picture) in call.inputs.enumerated() {
            guard let found = body.place(of: picture.bytes) else {
                sentences.append("picture \(number) is not sent")
                continue
            }
            if found < place { sentences.append("picture \(number) stands before the one in front of it") }
            place = found
        }
        if let mask = call.mask, body.place(of: mask.bytes) == nil { sentences.append("the mask is not sent") }
        if body.readableBytesView.firstRange(of: Array(call.prompt.utf8)) == nil {
            sentences.append("the prompt is not sent")
        }
        for sent in run.sent { sentences += misplaced(call.inputs + [call.mask].compactMap { $0 }, in: sent) }
        return sentences
    }

    /// Addresses and headers come into logs of every proxy on the way.
    private static func misplaced(_ pictures: [InputPicture], in sent: ReplayTransport.Sent) -> [String] {
        pictures.flatMap { picture -> [String] in
            // The middle of the text: other alphabets and a lost end are the same there.
            let text = String(buffer: Base64.encode(picture.bytes)).dropFirst(40).prefix(12)
            var sentences: [String] = []
            if sent.request.url.contains(text) { sentences.append("a picture stands in the address") }
            if sent.request.headers.contains(where: { $0.value.contains(text) }) {
                sentences.append("a picture stands in a header")
            }
            return sentences
        }
    }
}

extension ByteBuffer {
    /// Where a picture begins in this body, as it is or in base64.
    fileprivate func place(of picture: ByteBuffer) -> Int? {
        let forms = [picture, Base64.encode(picture)]
        return forms.lazy.compactMap { readableBytesView.firstRange(of: $0.readableBytesView)?.lowerBound }.first
    }
}
