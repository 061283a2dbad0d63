// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A picture as a caller gave it: its bytes, or where they are.
enum GivenPicture: Sendable, Equatable {
    /// The bytes came with the request.
    case upload(InputPicture)
    /// The bytes are fetched when the task runs.
    case address(String)

    /// How many bytes a picture may have.
    static let byteLimit = 50 << 20
    /// How many bytes a text may have that a picture is in, or that tells where it is.
    static let textLimit = byteLimit / 3 * 4 + 4096

    /// What the request keeps of it.
    var image: InputImage {
        switch self {
        case .upload(let picture): .upload(picture.header, bytes: picture.bytes.readableBytes)
        case .address(let url): .url(url)
        }
    }

    /// Its bytes, if they came with the request.
    var upload: InputPicture? {
        guard case .upload(let picture) = self else { return nil }
        return picture
    }

    /// Looks at a file; a short text in its place may still say where the picture is.
    ///
    /// - Parameters:
    ///   - file: What was sent.
    ///   - name: The request's member it was sent in.
    init(file: ByteBuffer, _ name: String) throws(InvalidRequest) {
        if PictureAddress.begins(file) {
            self = try GivenPicture(text: file, name)
        } else {
            self = .upload(try Self.picture(file, name))
        }
    }

    /// Reads a text: an address, a `data:` URL, or a picture in plain base64.
    ///
    /// - Parameters:
    ///   - text: What was sent.
    ///   - name: The request's member it was sent in.
    init(text: ByteBuffer, _ name: String) throws(InvalidRequest) {
        guard text.readableBytes <= Self.textLimit else { throw Self.tooLarge(name) }
        switch PictureAddress.scheme(of: text) {
        case "http", "https": self = .address(try PictureAddress.checked(text, name))
        case "data":
            guard let bytes = try DataURL.decode(text, name) else {
                throw InvalidRequest(.invalidImage, name, "The data: URL in '\(name)' cannot be decoded.")
            }
            self = .upload(try Self.picture(bytes, name))
        default:
            // Who sends plain base64 sends kilobytes; a file's name is shorter.
            guard text.readableBytes >= 64, let bytes = Base64.decode(text) else {
                throw InvalidRequest(
                    .invalidValue,
                    name,
                    "A picture in '\(name)' must be an http, https or data: URL, or a file in a multipart body."
                )
            }
            self = .upload(try Self.picture(bytes, name))
        }
    }

    /// The refusal of a picture with too many bytes.
    static func tooLarge(_ name: String) -> InvalidRequest {
        InvalidRequest(.payloadTooLarge, name, "A picture in '\(name)' may have at most \(byteLimit >> 20) MiB.")
    }

    private static func picture(_ bytes: ByteBuffer, _ name: String) throws(InvalidRequest) -> InputPicture {
        guard bytes.readableBytes <= byteLimit else { throw tooLarge(name) }
        if let picture = InputPicture(bytes) {
            guard PictureEnd.isThere(in: bytes, picture.header.format) else {
                throw InvalidRequest(.invalidImage, name, "The picture in '\(name)' breaks off before its end.")
            }
            return picture
        }
        if bytes.readableBytes == 0 {
            throw InvalidRequest(.invalidImage, name, "The picture in '\(name)' is empty.")
        }
        guard let header = PictureHeader(bytes.readableBytesView) else {
            throw InvalidRequest(.invalidImage, name, "What was sent in '\(name)' is no PNG, JPEG or WebP picture.")
        }
        throw InvalidRequest(
            .invalidImage,
            name,
            "The picture in '\(name)' has \(header.size) pixels; \(InputPicture.pixelLimit >> 20) million are the most."
        )
    }
}
