// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird
import NIOCore
import Synchronization

/// What travels with a request through middleware and handlers.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection, to end it when a body is refused unread.
    let channel: any Channel
    /// The name the request has in logs and in the answer.
    var requestID = ""
    /// Who calls; set by the key check.
    var caller = Caller(name: "", models: []) {
        didSet { callerName.value = caller.name }
    }
    /// The caller's name for the outermost layer: what an inner layer sets in its copy of the context does not come back.
    let callerName = SharedText()

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// A text that copies of a value share.
final class SharedText: Sendable {
    private let stored = Mutex("")

    var value: String {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
