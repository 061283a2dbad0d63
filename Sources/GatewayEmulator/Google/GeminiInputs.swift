// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// The input pictures of a request, checked.
struct GeminiInputs: Sendable {
    /// What their first bytes tell, in order; `nil` for a kind that the emulator cannot look into.
    let headers: [PictureHeader?]
    /// Follows from their bytes, so that other pictures give another drawing; 0 if there are none.
    let fingerprint: UInt64

    /// What the drawing says about them: `edit of 640x480 png, 32x32 jpeg`; `nil` if there are none.
    var caption: String? {
        guard !headers.isEmpty else { return nil }
        let shown = headers.prefix(2).map { $0.map { "\($0.size) \($0.format.rawValue)" } ?? "heic" }
        let rest = headers.count > shown.count ? " and \(headers.count - shown.count) more" : ""
        return "edit of \(shown.joined(separator: ", "))\(rest)"
    }

    /// Checks them against a model.
    ///
    /// - Throws: What the vendor says of pictures that it cannot have or read.
    init(_ request: GeminiRequest, _ traits: GeminiTraits) throws(GoogleFailure) {
        try Self.check(request.turns, traits)
        let pictures = request.pictures
        guard pictures.count <= traits.mostImages else {
            throw .invalid(
                "The request has \(pictures.count) images. The model supports up to \(traits.mostImages) images."
            )
        }
        var headers: [PictureHeader?] = []
        for picture in pictures { headers.append(try Self.header(picture.mediaType, picture.data)) }
        self.headers = headers
        fingerprint = pictures.reduce(0) { Self.fingerprint($0, $1.data) }
    }

    private static func check(_ turns: [GeminiRequest.Turn], _ traits: GeminiTraits) throws(GoogleFailure) {
        for (turn, content) in turns.enumerated() {
            for (place, part) in content.parts.enumerated() {
                if case .file(let uri) = part { throw file(uri) }
                if case .picture(_, _, false) = part, content.isModel, traits.thinks {
                    throw .invalid(
                        "Image part is missing a thought_signature in content position \(turn + 1), "
                            + "part position \(place + 1)."
                    )
                }
            }
        }
    }

    /// Reads what a picture is, and whether it is whole as far as that shows without decoding it.
    private static func header(_ mediaType: String, _ data: ByteBuffer) throws(GoogleFailure) -> PictureHeader? {
        switch mediaType.lowercased() {
        case "image/png", "image/jpeg", "image/jpg", "image/webp":
            guard let header = PictureHeader(data.readableBytesView), isWhole(data, header.format) else {
                throw .unreadablePicture
            }
            guard header.format == PictureFormat(mediaType: mediaType) else { throw .invalidPicture }
            return header
        case "image/heic", "image/heif":
            guard data.getString(at: data.readerIndex + 4, length: 4) == "ftyp" else { throw .unreadablePicture }
            return nil
        case "": throw .invalid("* GenerateContentRequest.contents.parts.inline_data.mime_type: must be specified.\n")
        default: throw .invalid("Unsupported MIME type: \(mediaType.prefix(100))")
        }
    }

    /// Whether a file goes on to its end: a client that cuts pictures short shall notice.
    private static func isWhole(_ data: ByteBuffer, _ format: PictureFormat) -> Bool {
        let start = data.readerIndex
        switch format {
        case .png:
            var offset = start + 8
            while let length = data.getInteger(at: offset, as: UInt32.self),
                let type = data.getString(at: offset + 4, length: 4)
            {
                let end = offset + 12 + Int(length)
                guard end <= data.writerIndex else { return false }
                if type == "IEND" { return true }
                offset = end
            }
            return false
        case .jpeg:
            // Cameras write a little behind the end.
            let tail = data.readableBytesView.suffix(64 << 10)
            return zip(tail, tail.dropFirst()).contains { $0 == 0xFF && $1 == 0xD9 }
        case .webp:
            let length = data.getInteger(at: start + 4, endianness: .little, as: UInt32.self) ?? .max
            return data.readableBytes >= Int(length) + 8
        }
    }

    /// The emulator has no files and fetches no addresses; it says so as the vendor would.
    private static func file(_ uri: String) -> GoogleFailure {
        guard let range = uri.ranges(of: "files/").last else {
            return .invalid("Cannot fetch content from the provided URL.")
        }
        return .lostFile(String(uri[range.upperBound...].prefix(40)))
    }

    /// Mixes some four thousand bytes of a picture, from all over it, into a number.
    private static func fingerprint(_ before: UInt64, _ data: ByteBuffer) -> UInt64 {
        let bytes = data.readableBytesView
        let prime: UInt64 = 0x0000_0100_0000_01B3
        var print = (before ^ 0xCBF2_9CE4_8422_2325 ^ UInt64(bytes.count)) &* prime
        for offset in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 4096)) {
            print = (print ^ UInt64(bytes[bytes.startIndex + offset])) &* prime
        }
        return print
    }
}
