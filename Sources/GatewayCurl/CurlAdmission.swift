// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// Asks the budget of the work that waits for an answer for room, before the answer is taken into memory.
///
/// What is announced is asked for at once, the rest as it comes; see ``ByteBudget`` for who has to wait.
final class CurlAdmission: Sendable {
    private struct State {
        var admitted = 0
        var isHeldBack = false
    }

    private let account: ByteBudget.Account?
    private let state = Mutex(State())

    /// Up to here an answer is no picture, and not worth asking for: polls and errors pass always.
    private static let small = 64 << 10

    init(_ account: ByteBudget.Account?) {
        self.account = account
    }

    /// Whether there is a budget to ask.
    var isAsking: Bool { account != nil }

    /// Whether the answer has to wait for room.
    var isHeldBack: Bool { state.withLock(\.isHeldBack) }

    /// Makes room for so many bytes in all, at best in memory that earlier work has left.
    func widen(_ body: inout ByteBuffer, to bytes: Int) {
        guard body.storageCapacity < bytes else { return }
        guard var spare = account?.spare.take(atLeast: bytes) else { return body.reserveCapacity(bytes) }
        spare.writeImmutableBuffer(body)
        body = spare
    }

    /// Whether so many bytes may be in memory; if not, `resume` is called when they may.
    func admits(_ bytes: Int, resume: @escaping @Sendable () -> Void) -> Bool {
        guard let account, bytes > Self.small else { return true }
        let wish = state.withLock { state -> Int? in
            if state.isHeldBack { return nil }
            let wish = bytes <= state.admitted ? 0 : max(bytes - state.admitted, Self.small)
            state.admitted += wish
            // Held back until the budget has said yes: it may grant from another thread before it has returned.
            state.isHeldBack = wish > 0
            return wish
        }
        guard let wish else { return false }
        guard wish > 0 else { return true }
        let isGranted = account.reserve(wish) { [weak self] in
            self?.state.withLock { $0.isHeldBack = false }
            resume()
        }
        if isGranted { state.withLock { $0.isHeldBack = false } }
        return isGranted
    }
}
