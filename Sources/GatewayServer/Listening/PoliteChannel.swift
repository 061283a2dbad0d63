// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// HTTP/1.1 on connections that notice when the caller hangs up, end when nobody speaks, and lose no request when the
/// process stops.
struct PoliteChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel
    private let patience: FarewellHandler.Patience

    init(patience: FarewellHandler.Patience, responder: @escaping HTTP1Channel.Responder) {
        self.patience = patience
        base = HTTP1Channel(
            responder: responder,
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [HangUpHandler()],
                idleTimeout: .seconds(75)
            )
        )
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            // Right behind the parser, and before those who would close the connection themselves.
            let pipeline = channel.pipeline.syncOperations
            let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(FarewellHandler(patience: patience), position: .after(parser))
            try pipeline.addHandler(WriterKeeper(value))
            return value
        }
    }

    func handle(value: Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
