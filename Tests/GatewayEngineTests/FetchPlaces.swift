// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// What a name leads to, one answer after the other, the last for ever.
final class Places: Sendable {
    private let left: Mutex<[String]>

    init(_ places: [String]) { left = Mutex(places) }

    func next() -> String { left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
}

enum FetchPicture {
    static let png = [UInt8](Picture.png(8).readableBytesView)
}
