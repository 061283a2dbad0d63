// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore

/// Brings pictures into the format that was asked for, where the vendor could not give it.
struct PictureFinisher: Sendable {
    let transcoder: (any PictureTranscoder)?
    let logger: Logger

    /// Whether a picture of this format has to be encoded anew for a request.
    func changes(_ format: PictureFormat, for request: ImageRequest) -> Bool {
        transcoder != nil && request.outputFormat.map { $0 != format } == true
    }

    /// The picture in the wished format; as it is, if it cannot be brought there: it is paid for, and the difference is
    /// said in a warning.
    func finished(_ picture: CheckedPicture, for request: ImageRequest) async throws -> CheckedPicture {
        guard changes(picture.header.format, for: request), let transcoder, let format = request.outputFormat,
            let bytes = picture.bytes
        else { return picture }
        do {
            let encoded = try await transcoder.transcode(bytes, to: format, quality: request.outputCompression)
            ByteBudget.Account.current?.charge(encoded.readableBytes)
            return try CheckedPicture(.bytes(encoded), revisedPrompt: picture.revisedPrompt)
        } catch {
            try Task.checkCancellation()
            logger.warning("A picture could not be encoded anew.", metadata: ["error": "\(error)"])
            return picture
        }
    }
}
