// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Keeps what writes to a connection until the connection is over; the last in its line of handlers.
///
/// A connection that is fetched in the moment its listener closes is handed to nobody, and swift-nio (2.101) ends the
/// process when what writes to a connection goes before it is finished. The handlers before this one finish it when the
/// connection ends.
final class WriterKeeper<Writer>: ChannelInboundHandler {
    typealias InboundIn = Any

    private var writer: Writer?

    init(_ writer: Writer) {
        self.writer = writer
    }

    func channelInactive(context: ChannelHandlerContext) {
        writer = nil
        context.fireChannelInactive()
    }

    /// Of handlers that go, the first go first.
    func handlerRemoved(context: ChannelHandlerContext) {
        writer = nil
    }
}
