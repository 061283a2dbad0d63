// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// Keeps the pictures that came with a request until its task is over: stored before the task is written, so that no
/// task ever waits for pictures that nobody has, and announced to the task store before that, so that none is left behind
/// whose task was never written.
struct InputKeeper {
    let objects: any ObjectStore
    let store: any TaskStore
    let time: any TimeSource
    let logger: Logger

    /// How many pictures are stored at once: few, because each holds its bytes until it is.
    private static let width = 4

    init(_ parts: ServerParts, logger: Logger) {
        (objects, store, time) = (parts.objects, parts.store, parts.time)
        self.logger = logger
    }

    /// Stores pictures, then does what makes their task known; if either fails, or the task is not written, nothing stays.
    ///
    /// - Parameters:
    ///   - pictures: The pictures, at least one, with their places among the inputs.
    ///   - task: The task they belong to.
    ///   - commit: Writes the task.
    func keep(
        _ pictures: [(place: Int, picture: InputPicture)],
        of task: ImageTask,
        then commit: () async throws(StoreError) -> TaskEntry
    ) async throws -> TaskEntry {
        let objects = pictures.map { place, picture in
            let format = picture.header.format
            let body = ObjectBody(contentType: format.mediaType, buffers: [picture.bytes])
            return (key: ObjectKey.input(of: task, place: place, format: format), body: body)
        }
        let keys = objects.map(\.key)
        try await announce(keys, of: task, due: time.now.advanced(by: Deletion.uploadTime))
        if let failure = await put(objects) {
            logger.error(
                "The object store failed.",
                metadata: ["task.id": "\(task.id)", "error": "\(failure.message)"]
            )
            await discard(keys, of: task)
            throw APIError.storageDown
        }
        do throws(StoreError) {
            let entry = try await commit()
            if entry != .written { await discard(keys, of: task) }
            return entry
        } catch {
            await discard(keys, of: task)
            throw error
        }
    }

    private func put(_ pictures: [(key: ObjectKey, body: ObjectBody)]) async -> ObjectError? {
        await withTaskGroup(of: ObjectError?.self) { group in
            var waiting = pictures.makeIterator()
            var failure: ObjectError?
            for _ in 0..<Self.width {
                if let next = waiting.next() { group.addTask { await put(next.body, at: next.key) } }
            }
            while let ended = await group.next() {
                failure = failure ?? ended
                if failure == nil, let next = waiting.next() {
                    group.addTask { await put(next.body, at: next.key) }
                }
            }
            return failure
        }
    }

    private func put(_ body: ObjectBody, at key: ObjectKey) async -> ObjectError? {
        do throws(ObjectError) {
            try await objects.put(body, at: key)
            return nil
        } catch {
            return error
        }
    }

    private func announce(_ keys: [ObjectKey], of task: ImageTask, due: Timestamp) async throws(StoreError) {
        try await store.announce(keys.map { Deletion(key: $0, task: task.id, due: due) })
    }

    /// A put that failed may have stored all the same, so every key becomes due; if even that cannot be written, it does so
    /// when the announcement is over.
    private func discard(_ keys: [ObjectKey], of task: ImageTask) async {
        do throws(StoreError) {
            try await announce(keys, of: task, due: time.now)
        } catch {
            logger.warning(
                "Input pictures that nobody needs are deleted later.",
                metadata: ["task.id": "\(task.id)", "error": "\(error.message)"]
            )
        }
    }
}
