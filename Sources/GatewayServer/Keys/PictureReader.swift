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

    private let objects: any ObjectStore
    private let room: BodyRoom
    /// Who waits for each task that is being read.
    private let waiting = Mutex<[TaskID: [CheckedContinuation<Attempt?, Never>]]>([:])

    /// - Parameters:
    ///   - objects: Where the pictures are.
    ///   - room: What bounds how much of them is in memory at once.
    init(objects: any ObjectStore, room: BodyRoom) {
        self.objects = objects
        self.room = room
    }

    /// How many wait for a reading that is under way.
    func waitingCount(for id: TaskID) -> Int { waiting.withLock { $0[id]?.count ?? 0 } }

    /// The pictures of a completed task.
    ///
    /// - Throws: ``ObjectError``; ``APIError`` if there is no room for them now.
    func pictures(of task: ImageTask) async throws -> Reading {
        if let reading = await shared(task.id) { return try reading.get() }
        let reading: Attempt
        do {
            reading = .success(try await read(task))
        } catch {
            reading = .failure(error)
        }
        for other in waiting.withLock({ $0.removeValue(forKey: task.id) }) ?? [] { other.resume(returning: reading) }
        return try reading.get()
    }

    /// Waits for a reading that is under way; `nil` if there is none, and the caller is the one to read.
    private func shared(_ id: TaskID) async -> Attempt? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Attempt?, Never>) in
            let isFirst = waiting.withLock { waiting in
                if waiting[id] == nil {
                    waiting[id] = []
                    return true
                }
                waiting[id]?.append(continuation)
                return false
            }
            if isFirst { continuation.resume(returning: nil) }
        }
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
