// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What travels with a request through gates to whoever answers it.
struct GatewayContext: InitializableFromSource {
    /// The connection, to end it when a body is refused unread.
    let channel: any Channel
    /// The name the request has in logs and in the answer.
    var requestID = ""
    /// Who calls; set by the key check.
    ///
    /// Health, files and wrong keys have no caller.
    var caller = Caller.nobody
    /// What stands in the path where the route has a name.
    var pathName: String?
    /// Headers that the answer gets, whatever it is.
    var answerHeaders = HTTPFields()
    private let serverLogger: Logger

    init(source: ApplicationRequestContextSource) {
        self.init(channel: source.channel, logger: source.logger)
    }

    init(channel: any Channel, logger: Logger) {
        self.channel = channel
        serverLogger = logger
    }

    /// Has one name for the request in every line of it, and it is the one that the caller knows.
    ///
    /// It is made when something is logged: most requests have nothing to say.
    var logger: Logger {
        var logger = serverLogger
        logger[metadataKey: "hb.request.id"] = nil
        logger[metadataKey: "request"] = "\(requestID)"
        return logger
    }
}

extension Caller {
    fileprivate static let nobody = Caller(name: "", models: [])
}
