// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Answers the requests of connections.
///
/// It stands in the place of the one that `Application` brings, which makes a logger with a name of its own for each
/// request, and a scope for it; the gateway names requests itself, and hardly any of them is logged with a logger.
struct Answering: Sendable {
    let edge: Edge
    let logger: Logger
    private let date: DateHeader

    static let serverName = "image-gateway"

    init(edge: Edge, logger: Logger) {
        self.edge = edge
        self.logger = logger
        date = DateHeader(time: edge.time)
    }

    @Sendable func respond(
        to request: Request,
        _ writer: consuming ResponseWriter,
        _ channel: any Channel
    ) async throws {
        var response = await edge.respond(to: request, context: GatewayContext(channel: channel, logger: logger))
        response.headers[.date] = date.text
        response.headers[.server] = Self.serverName
        do {
            try await writer.write(response: response.head, body: response.body)
        } catch is HTTPParserError {
            // Nobody may take it for an error of the next request, which would be answered behind half an answer.
            throw ChannelError.inputClosed
        }
    }
}

/// The header `Date`, which is the same for a second.
private final class DateHeader: Sendable {
    private struct Made {
        var second: Int64
        var text: String
    }

    private let time: any TimeSource
    private let made = Mutex<Made?>(nil)

    init(time: any TimeSource) {
        self.time = time
    }

    var text: String {
        let now = time.now
        return made.withLock { made in
            if let made, made.second == now.seconds { return made.text }
            let text = CivilDate(now).http
            made = Made(second: now.seconds, text: text)
            return text
        }
    }
}
