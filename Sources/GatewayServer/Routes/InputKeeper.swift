// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// Keeps the pictures that came with a request until its task is over: stored before the task is written, so that no
/// task ever waits for pictures that nobody has.
struct InputKeeper {
    let objects: any ObjectStore
    let logger: Logger

    /// How many pictures are stored at once: few, because each holds its bytes until it is.
    private static let width = 4

    /// Stores pictures, then does what makes their task known; if either fails, nothing is left.
    ///
    /// - Parameters:
    ///   - pictures: The pictures with their places among the inputs.
    ///   - task: The task they belong to.
    ///   - commit: Writes the task.
    func keep(
        _ pictures: [(place: Int, picture: InputPicture)],
        of task: ImageTask,
        then commit: () async throws(StoreError) -> Void
    ) async throws {
        let objects = pictures.map { place, picture in
            let format = picture.header.format
            let body = ObjectBody(contentType: format.mediaType, buffers: [picture.bytes])
            return (key: ObjectKey.input(of: task, place: place, format: format), body: body)
        }
        if let failure = await put(objects) {
            logger.error(
                "The object store failed.",
                metadata: ["task.id": "\(task.id)", "error": "\(failure.message)"]
            )
            await delete(objects.map(\.key))
            throw APIError.storageDown
        }
        do throws(StoreError) {
            try await commit()
        } catch {
            await delete(objects.map(\.key))
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

    /// A put that failed may have stored all the same, so every key is deleted.
    private func delete(_ keys: [ObjectKey]) async {
        await withDiscardingTaskGroup { group in
            for key in keys {
                group.addTask {
                    do throws(ObjectError) {
                        try await objects.delete(key)
                    } catch {
                        logger.warning(
                            "An input picture that nobody needs was left in the object store.",
                            metadata: ["key": "\(key)", "error": "\(error.message)"]
                        )
                    }
                }
            }
        }
    }
}
