// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// A few threads that draw, so that drawing never takes the ones that answer and wait.
///
/// Each lane draws one picture at a time; a new one goes to the lane with the fewest waiting.
final class DrawingLanes: Sendable {
    private let queues: [DispatchQueue]
    private let waiting: Mutex<[Int]>

    /// Creates lanes.
    ///
    /// - Parameter count: How many pictures may be drawn at one moment.
    init(count: Int) {
        queues = (0..<max(1, count)).map { DispatchQueue(label: "image-gateway.emulator.drawing.\($0)") }
        waiting = Mutex(Array(repeating: 0, count: queues.count))
    }

    /// Runs work on a lane.
    func run<Value: Sendable>(_ work: @escaping @Sendable () throws(DrawingError) -> Value) async throws(DrawingError)
        -> Value
    {
        let lane = waiting.withLock { waiting in
            let lane = waiting.indices.min { waiting[$0] < waiting[$1] } ?? 0
            waiting[lane] += 1
            return lane
        }
        let result = await withCheckedContinuation { continuation in
            queues[lane].async {
                do throws(DrawingError) {
                    continuation.resume(returning: Result<Value, DrawingError>.success(try work()))
                } catch {
                    continuation.resume(returning: Result<Value, DrawingError>.failure(error))
                }
            }
        }
        waiting.withLock { $0[lane] -= 1 }
        return try result.get()
    }
}
