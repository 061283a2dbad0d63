// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import GatewayCore
import NIOCore
import Synchronization

/// A few threads that compute, so that computing never takes the ones that answer and wait; whoever finds none free, or
/// too little memory, waits in line.
final class TranscodingLanes: Sendable {
    private struct Waiter {
        var number: Int
        var bytes: Int
        var continuation: CheckedContinuation<DispatchQueue?, Never>
    }

    private struct State {
        var free: [DispatchQueue]
        var used = 0
        var line: [Waiter] = []
        var next = 0
    }

    private let memory: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - count: How many pieces of work at once.
    ///   - memory: How many bytes they may take together.
    init(count: Int, memory: Int) {
        self.memory = memory
        let queues = (0..<max(1, count)).map { DispatchQueue(label: "image-gateway.pictures.\($0)") }
        state = Mutex(State(free: queues))
    }

    /// How many wait in line.
    var waiting: Int { state.withLock { $0.line.count } }

    /// Runs a piece of work that takes about so many bytes.
    func run(
        bytes: Int,
        _ work: @escaping @Sendable () throws(TranscodingError) -> ByteBuffer
    ) async throws(TranscodingError) -> ByteBuffer {
        guard let lane = await take(bytes) else { throw TranscodingError("The work was given up before it began.") }
        let result = await withCheckedContinuation { continuation in
            lane.async {
                do throws(TranscodingError) {
                    continuation.resume(returning: Result<ByteBuffer, TranscodingError>.success(try work()))
                } catch {
                    continuation.resume(returning: Result<ByteBuffer, TranscodingError>.failure(error))
                }
            }
        }
        give(lane, bytes)
        return try result.get()
    }

    /// Waits for a thread and room; `nil` if the task is cancelled meanwhile.
    private func take(_ bytes: Int) async -> DispatchQueue? {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    guard !Task.isCancelled else { return continuation.resume(returning: nil) }
                    state.line.append(Waiter(number: number, bytes: bytes, continuation: continuation))
                    letIn(&state)
                }
            }
        } onCancel: {
            state.withLock { state in
                guard let place = state.line.firstIndex(where: { $0.number == number }) else { return }
                state.line.remove(at: place).continuation.resume(returning: nil)
                // It may have been the one that was too large for those behind it.
                letIn(&state)
            }
        }
    }

    private func give(_ lane: DispatchQueue, _ bytes: Int) {
        state.withLock { state in
            state.free.append(lane)
            state.used -= bytes
            letIn(&state)
        }
    }

    /// In order of arrival; what needs more than all the memory goes alone.
    private func letIn(_ state: inout State) {
        while let first = state.line.first, state.used == 0 || state.used + first.bytes <= memory,
            let lane = state.free.popLast()
        {
            state.line.removeFirst()
            state.used += first.bytes
            first.continuation.resume(returning: lane)
        }
    }
}
