// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird
import NIOCore

/// What travels with a request through middleware and handlers.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection, to end it when a body is refused unread.
    let channel: any Channel
    /// The name the request has in logs and in the answer.
    var requestID = ""
    /// Who calls; set by the key check.
    var caller = Caller(name: "", models: [])

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
