// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Brings a picture into another encoding.
public protocol PictureTranscoder: Sendable {
    /// Encodes a picture anew, pixels unchanged but for what the target cannot hold: JPEG puts what is transparent on
    /// white.
    ///
    /// Takes a whole processor for up to seconds, so never more run at once than the machine has processors.
    ///
    /// - Parameters:
    ///   - picture: A whole PNG, JPEG or WebP file of at most ``InputPicture/pixelLimit`` pixels.
    ///   - format: What it shall be.
    ///   - quality: 0 to 100 for JPEG and WebP, 100 the best; `nil` for the usual.
    /// - Returns: The new file.
    func transcode(
        _ picture: ByteBuffer,
        to format: PictureFormat,
        quality: Int?
    ) async throws(TranscodingError) -> ByteBuffer
}

/// Why a picture could not be encoded anew: it is damaged, or too large.
public struct TranscodingError: Error, Sendable, Equatable {
    /// One sentence, safe for the caller.
    public var message: String

    /// Creates an error.
    public init(_ message: String) {
        self.message = message
    }
}
