// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// Reads stored pictures for callers who want them in base64: once for all who ask for the same at the same time, who
/// then share the buffers.
final class PictureReader: Sendable {
    private typealias Reading = Result<[DeliveredPicture], any Error>

    private let objects: any ObjectStore
    /// Who waits for each task that is being read.
    private let waiting = Mutex<[TaskID: [CheckedContinuation<Reading?, Never>]]>([:])

    init(objects: any ObjectStore) {
        self.objects = objects
    }

    /// How many wait for a reading that is under way.
    func waitingCount(for id: TaskID) -> Int { waiting.withLock { $0[id]?.count ?? 0 } }

    /// The pictures of a completed task.
    ///
    /// - Throws: ``ObjectError``.
    func pictures(of task: ImageTask) async throws -> [DeliveredPicture] {
        if let reading = await shared(task.id) { return try reading.get() }
        let reading: Reading
        do {
            reading = .success(try await read(task))
        } catch {
            reading = .failure(error)
        }
        for other in waiting.withLock({ $0.removeValue(forKey: task.id) }) ?? [] { other.resume(returning: reading) }
        return try reading.get()
    }

    /// Waits for a reading that is under way; `nil` if there is none, and the caller is the one to read.
    private func shared(_ id: TaskID) async -> Reading? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Reading?, Never>) in
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

    private func read(_ task: ImageTask) async throws -> [DeliveredPicture] {
        var pictures: [DeliveredPicture] = []
        for picture in task.pictures {
            guard let key = ObjectKey(picture.key) else { throw APIError.unforeseen }
            let bytes = try await objects.get(key, atMost: picture.bytes)
            pictures.append(
                DeliveredPicture(base64: Base64.encode(bytes), revisedPrompt: picture.revisedPrompt)
            )
        }
        return pictures
    }
}
