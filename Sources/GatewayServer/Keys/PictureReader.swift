// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore
import Synchronization

/// Reads stored pictures for callers who want them in base64: once for all who ask for the same at the same time, who
/// then share the buffers.
final class PictureReader: Sendable {
    /// Pictures, and the room they take as long as somebody holds this: until the last answer with them is written.
    struct Reading: Sendable {
        let pictures: [DeliveredPicture]
        let share: BodyRoom.Share
    }

    private typealias Attempt = Result<Reading, any Error>

    /// What a caller finds.
    private enum Turn {
        /// Nobody reads: the caller is the one to do it.
        case reads
        /// What another has read, or why not.
        case told(Attempt)
        /// The caller has gone away.
        case leaves
    }

    /// Who waits while another reads, those who came first in front.
    private struct Line {
        var waiting: [(number: Int, place: CheckedContinuation<Turn, Never>)] = []
    }

    private struct State {
        var lines: [TaskID: Line] = [:]
        var lastNumber = 0
    }

    private let objects: any ObjectStore
    private let room: BodyRoom
    /// A line for each task that is being read.
    private let state = Mutex(State())

    /// - Parameters:
    ///   - objects: Where the pictures are.
    ///   - room: What bounds how much of them is in memory at once.
    init(objects: any ObjectStore, room: BodyRoom) {
        self.objects = objects
        self.room = room
    }

    /// How many wait for a reading that is under way.
    func waitingCount(for id: TaskID) -> Int { state.withLock { $0.lines[id]?.waiting.count ?? 0 } }

    /// The pictures of a completed task.
    ///
    /// Whoever is cancelled leaves alone: if it was the one who read, the next in line reads instead.
    ///
    /// - Throws: ``ObjectError``; ``APIError`` if there is no room for them now; `CancellationError`.
    func pictures(of task: ImageTask) async throws -> Reading {
        switch await turn(at: task.id) {
        case .told(let attempt): return try attempt.get()
        case .leaves: throw CancellationError()
        case .reads: break
        }
        let attempt: Attempt
        do {
            attempt = .success(try await read(task))
        } catch {
            attempt = .failure(error)
        }
        if case .failure = attempt, Task.isCancelled { passOn(task.id) } else { tell(attempt, task.id) }
        return try attempt.get()
    }

    /// Joins the line if there is one, and waits in it.
    private func turn(at id: TaskID) async -> Turn {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { place in
                let turn = state.withLock { state -> Turn? in
                    if Task.isCancelled { return .leaves }
                    if state.lines[id] == nil {
                        state.lines[id] = Line()
                        return .reads
                    }
                    state.lines[id]?.waiting.append((number, place))
                    return nil
                }
                if let turn { place.resume(returning: turn) }
            }
        } onCancel: {
            let place = state.withLock { state in
                let index = state.lines[id]?.waiting.firstIndex { $0.number == number }
                return index.flatMap { state.lines[id]?.waiting.remove(at: $0).place }
            }
            place?.resume(returning: .leaves)
        }
    }

    /// Has the next in line read; nobody reads if there is none.
    private func passOn(_ id: TaskID) {
        let next = state.withLock { state in
            guard state.lines[id]?.waiting.isEmpty == false else {
                state.lines[id] = nil
                return CheckedContinuation<Turn, Never>?.none
            }
            return state.lines[id]?.waiting.removeFirst().place
        }
        next?.resume(returning: .reads)
    }

    private func tell(_ attempt: Attempt, _ id: TaskID) {
        let line = state.withLock { $0.lines.removeValue(forKey: id) }
        for (_, place) in line?.waiting ?? [] { place.resume(returning: .told(attempt)) }
    }

    private func read(_ task: ImageTask) async throws -> Reading {
        let share = room.share()
        do throws(APIError) {
            // The file, and its base64, which is a third longer.
            try share.grow(to: task.pictures.reduce(0) { $0 + $1.bytes } / 3 * 7)
        } catch {
            throw APIError.noRoomToRead
        }
        var pictures: [DeliveredPicture] = []
        for picture in task.pictures {
            guard let key = ObjectKey(picture.key) else { throw APIError.unforeseen }
            let bytes = try await objects.get(key, atMost: picture.bytes)
            pictures.append(
                DeliveredPicture(base64: Base64.encode(bytes), revisedPrompt: picture.revisedPrompt)
            )
        }
        return Reading(pictures: pictures, share: share)
    }
}

extension APIError {
    /// The pictures are kept: the same request finds them later.
    fileprivate static let noRoomToRead = APIError(
        .tooManyRequests,
        "queue_full",
        "The gateway sends as many stored pictures as it may at once; try again.",
        headers: [.retryAfter: "2"]
    )
}
