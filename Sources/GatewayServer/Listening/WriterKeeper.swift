// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Finishes what writes to a connection when the connection is over.
///
/// A connection that is fetched in the moment its listener closes is handed to nobody, and swift-nio (2.101) ends the
/// process when what writes to a connection goes without having been finished.
final class WriterKeeper<Part: Sendable>: ChannelInboundHandler {
    typealias InboundIn = Any

    private var writer: NIOAsyncChannelOutboundWriter<Part>?

    init(_ writer: NIOAsyncChannelOutboundWriter<Part>) {
        self.writer = writer
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
    }

    private func finish() {
        writer.take()?.finish()
    }
}
