// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Pictures that were made and are not in the row yet: paid for, and nowhere else.
final class Basket: Sendable {
    private struct State {
        var portions: [Int: CheckedPortion] = [:]
        /// Those of them that are in the store already.
        var kept: [Int: [StoredPicture]] = [:]
        var isRevoked = false
    }

    private let state = Mutex(State())

    /// Whether the task was ended by somebody else: its pictures are nobody's.
    var isRevoked: Bool { state.withLock { $0.isRevoked } }

    func revoke() { state.withLock { $0.isRevoked = true } }

    /// In the order of the task.
    var contents: [CheckedPortion] { state.withLock { $0.portions.values.sorted { $0.index < $1.index } } }

    func put(_ portion: CheckedPortion) { state.withLock { $0.portions[portion.index] = portion } }

    func remove(_ index: Int) { state.withLock { $0.portions[index] = nil } }

    func empty() { state.withLock { $0 = State() } }

    func kept(of index: Int) -> [StoredPicture] { state.withLock { $0.kept[index] ?? [] } }

    func put(kept picture: StoredPicture, of index: Int) {
        state.withLock { $0.kept[index, default: []].append(picture) }
    }

    func empty(keptOf index: Int) { state.withLock { $0.kept[index] = nil } }
}
