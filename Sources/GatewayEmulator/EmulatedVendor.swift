// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Hummingbird
import NIOCore

/// One vendor, as the emulator plays it.
///
/// A vendor checks requests as strictly as the original, says what it would say, and leaves the rest to the ``Stage``:
/// whether a call fails, how long it takes, what it costs, and how the answer travels. A further vendor is a folder
/// with a conformance and one line in ``FaultCatalog/players``.
///
/// A vendor whose original has paths that another one has as well puts its routes under a ``basePath`` of its own.
protocol EmulatedVendor: Sendable {
    /// The names under which the ledger counts its calls.
    static var names: [String] { get }

    /// Where its paths begin; empty for the root. Behind the emulator's address it is the vendor's base URL.
    static var basePath: String { get }

    /// The faults it can play besides those of connection and picture.
    static var faults: [Fault] { get }

    /// Short names of faults: `503` for the vendor's usual error with that status.
    static var aliases: [String: String] { get }

    /// Puts the vendor on a stage.
    init(stage: Stage)

    /// Adds its paths.
    func addRoutes(to router: Router<EmulatorContext>)
}

extension EmulatedVendor {
    /// The root.
    static var basePath: String { "" }

    /// None.
    static var aliases: [String: String] { [:] }
}

/// What the emulator knows about the connection a request came by.
struct EmulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection, so that a vendor can hang up.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
