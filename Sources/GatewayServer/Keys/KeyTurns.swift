// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets requests with the same name come in one after the other, so that of many at once the first makes the task and
/// stores its pictures, and the others find it.
///
/// Only within this process; between processes the store decides.
final class KeyTurns: Sendable {
    private struct Name: Hashable {
        var owner: String
        var key: String
    }

    /// Who waits for each name that somebody has; a name that nobody has is not here.
    private let queues = Mutex<[Name: [CheckedContinuation<Void, Never>]]>([:])

    /// Does something while nobody else has the name.
    func taking<Value>(_ key: String, of owner: String, _ work: () async throws -> Value) async throws -> Value {
        let name = Name(owner: owner, key: key)
        await enter(name)
        defer { leave(name) }
        return try await work()
    }

    /// Whether nobody has any name.
    var isIdle: Bool { queues.withLock(\.isEmpty) }

    private func enter(_ name: Name) async {
        await withCheckedContinuation { continuation in
            let isFree = queues.withLock { queues in
                if queues[name] == nil {
                    queues[name] = []
                    return true
                }
                queues[name]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func leave(_ name: Name) {
        let next = queues.withLock { queues -> CheckedContinuation<Void, Never>? in
            guard var queue = queues[name], !queue.isEmpty else {
                queues[name] = nil
                return nil
            }
            let next = queue.removeFirst()
            queues[name] = queue
            return next
        }
        next?.resume()
    }
}
