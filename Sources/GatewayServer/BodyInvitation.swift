// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1

extension GatewayContext {
    /// Tells a caller who waits for it that the body may come (RFC 9110, 10.1.1): curl would wait a second otherwise.
    ///
    /// It is said when the body is about to be read, so whoever is refused before that never sends it.
    func inviteBody(of request: Request) {
        guard request.headers.text(of: .expect)?.lowercased() == "100-continue" else { return }
        let channel = channel
        channel.eventLoop.execute {
            // Beneath the encoder, which knows one answer for each request; nothing is there once the caller is gone.
            let pipeline = channel.pipeline.syncOperations
            guard let encoder = try? pipeline.context(handlerType: HTTPResponseEncoder.self) else { return }
            let leave = channel.allocator.buffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
            encoder.writeAndFlush(NIOAny(leave), promise: nil)
        }
    }
}
