// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A vendor's picture after it was looked at: what it is, and its bytes in the form they came.
struct CheckedPicture: Sendable {
    let header: PictureHeader
    let revisedPrompt: String?
    private let content: PictureContent

    /// The largest picture that is taken for one, in pixels; what opens it later must not be bombed.
    private static let pixelLimit = 1 << 28

    /// Looks at a picture.
    ///
    /// - Parameters:
    ///   - source: The picture as it came.
    ///   - revisedPrompt: The prompt as the vendor rewrote it.
    /// - Throws: ``ProviderError`` with `badPicture`: an answer that holds no picture is no success, whatever it claims. A
    ///   picture that cannot be used was made and is billed, so its attempt counts as one that may have bought.
    init(_ source: ImageSource, revisedPrompt: String?) throws(ProviderError) {
        guard let source = Self.readable(source), let header = Self.header(of: source),
            header.size.width * header.size.height <= Self.pixelLimit, Self.isWhole(source, header.format)
        else {
            throw ProviderError(.badPicture, "The answer's picture is damaged or of an unknown kind.")
        }
        self.header = header
        self.revisedPrompt = revisedPrompt
        content = PictureContent(source)
    }

    /// The picture with base64 only where all of it is such as can be handed on as it is.
    private static func readable(_ source: ImageSource) -> ImageSource? {
        guard case .base64(let text) = source, !Base64.isStandard(text) else { return source }
        return PictureContent.decoded(text).map(ImageSource.bytes)
    }

    private static func isWhole(_ source: ImageSource, _ format: PictureFormat) -> Bool {
        switch source {
        case .bytes(let bytes): return PictureEnd.isThere(in: bytes, format)
        case .base64(let text):
            // Whole groups of four characters from the end, which are whole groups of three bytes.
            let length = min(text.readableBytes, (PictureEnd.slack + 2) / 3 * 4)
            let end = text.getSlice(at: text.writerIndex - length, length: length)
            guard let head = text.getSlice(at: text.readerIndex, length: 12).flatMap({ Base64.decode($0) }),
                let tail = end.flatMap({ Base64.decode($0) })
            else { return false }
            let count = (text.readableBytes - length) / 4 * 3 + tail.readableBytes
            return PictureEnd.isThere(format, head: head.readableBytesView, tail: tail.readableBytesView, count: count)
        case .url: return false
        }
    }

    private static func header(of source: ImageSource) -> PictureHeader? {
        switch source {
        case .bytes(let bytes): return PictureHeader(bytes.readableBytesView)
        case .base64(let text):
            // The size stands in the first bytes, but for a JPEG with much metadata in front.
            for length in [4096, 131_072, text.readableBytes] {
                guard let head = text.getSlice(at: text.readerIndex, length: min(length, text.readableBytes)),
                    let bytes = Base64.decode(head)
                else { return nil }
                if let header = PictureHeader(bytes.readableBytesView) { return header }
            }
            return nil
        case .url: return nil
        }
    }

    /// The picture in standard base64: as it came, if it came so.
    var base64: ByteBuffer? { content.base64 }

    /// The picture's own bytes.
    var bytes: ByteBuffer? { content.bytes }
}

extension ImageRequest {
    /// What was delivered otherwise than wished, a sentence each.
    ///
    /// - Parameters:
    ///   - pictures: What came.
    ///   - told: The members about which the task has a warning already.
    func deviations(in pictures: [PictureHeader], told: Set<String>) -> [String] {
        var sentences: [String] = []
        for picture in pictures {
            if let outputFormat, picture.format != outputFormat, !told.contains("output_format") {
                sentences.append("The picture came as \(picture.format.rawValue), not \(outputFormat.rawValue).")
            }
            if case .pixels(let wish) = size, aspectRatio == nil, picture.size != wish, !told.contains("size") {
                sentences.append("The picture has \(picture.size) pixels, not \(wish).")
            }
        }
        return sentences
    }
}
