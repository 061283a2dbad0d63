// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many claimed tasks run here, so that no more are claimed than can be worked on, and a model whose vendors are full
/// does not keep the others waiting.
final class EngineLoad: Sendable {
    private struct State {
        var running = 0
        var byModel: [String: Int] = [:]
        var storeIsEmpty = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    func begin(_ model: String) {
        state.withLock { state in
            state.running += 1
            state.byModel[model, default: 0] += 1
        }
    }

    /// Ends one; `true` if there may be more to claim.
    func end(_ model: String) -> Bool {
        state.withLock { state in
            state.running -= 1
            let left = (state.byModel[model] ?? 1) - 1
            state.byModel[model] = left > 0 ? left : nil
            return !state.storeIsEmpty
        }
    }

    /// Notes whether the last claim left nothing behind.
    func claimed(all: Bool) {
        state.withLock { $0.storeIsEmpty = all }
    }

    /// How many tasks may be claimed now, and of which models none.
    ///
    /// - Parameter appetite: How many tasks of a model may run at once; `nil` for no bound.
    func room(appetite: (String) -> Int?) -> (tasks: Int, fullModels: Set<String>) {
        let (running, byModel) = state.withLock { ($0.running, $0.byModel) }
        let full = byModel.filter { model, count in appetite(model).map { count >= $0 } ?? false }
        return (limit - running, Set(full.keys))
    }
}
