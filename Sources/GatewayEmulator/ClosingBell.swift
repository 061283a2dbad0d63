// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Rings once, when the emulator closes: whoever waits to answer late stops waiting.
///
/// Without it a vendor that plays dead would hold up the shutdown of everybody else.
final class ClosingBell: Sendable {
    private struct State {
        var hasRung = false
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextNumber = 0
    }

    private let state = Mutex(State())

    /// Wakes everybody, now and from now on.
    func ring() {
        let waiting = state.withLock { state in
            state.hasRung = true
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits for a time.
    ///
    /// - Returns: Whether the time is over; `false` when the bell rang or the task was cancelled.
    func sleep(for duration: Duration, on time: any TimeSource) async -> Bool {
        guard duration > .zero else { return true }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await time.sleep(for: duration)
                    return true
                } catch {
                    return false
                }
            }
            group.addTask {
                await self.wait()
                return false
            }
            let isOver = await group.next() ?? false
            group.cancelAll()
            return isOver
        }
    }

    private func wait() async {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard !state.hasRung, !Task.isCancelled else { return false }
                    state.waiting[number] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
