// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore

/// Puts pictures into the object store, and does not give up while it may still succeed: they are paid for.
struct PictureKeeper: Sendable {
    let objects: any ObjectStore
    /// Transfers take their turn with calls; a pause between two tries costs nobody's.
    let workers: Slots
    let time: any TimeSource
    let logger: Logger

    /// Stores pictures, one after the other.
    ///
    /// - Parameters:
    ///   - pictures: The pictures of one portion.
    ///   - task: Their task.
    ///   - firstIndex: The place of the first in the task.
    /// - Throws: ``TaskFailure`` with `storage_error` for what will not pass, `CancellationError` when the time is over.
    func keep(_ pictures: [CheckedPicture], of task: ImageTask, firstIndex: Int) async throws -> [StoredPicture] {
        var stored: [StoredPicture] = []
        for (offset, picture) in pictures.enumerated() {
            stored.append(try await keep(picture, of: task, index: firstIndex + offset))
        }
        return stored
    }

    private func keep(_ picture: CheckedPicture, of task: ImageTask, index: Int) async throws -> StoredPicture {
        guard let bytes = picture.bytes else {
            throw TaskFailure(.invalidImage, "The picture that was delivered is damaged.")
        }
        ByteBudget.Account.current?.charge(bytes.readableBytes)
        let key = ObjectKey.picture(of: task, index: index, format: picture.header.format)
        try await put(ObjectBody(contentType: picture.header.format.mediaType, buffers: [bytes]), at: key, task)
        return StoredPicture(
            key: key.description,
            header: picture.header,
            bytes: bytes.readableBytes,
            revisedPrompt: picture.revisedPrompt
        )
    }

    private func put(_ body: ObjectBody, at key: ObjectKey, _ task: ImageTask) async throws {
        var delay = Duration.milliseconds(200)
        while true {
            let error = try await workers.withSlot { () async -> ObjectError? in
                do throws(ObjectError) {
                    try await objects.put(body, at: key)
                    return nil
                } catch {
                    return error
                }
            }
            guard let error else { return }
            logger.error(
                "A picture could not be stored.",
                metadata: ["task": "\(task.id)", "error": "\(error.message)", "again": "\(error.isTemporary)"]
            )
            guard error.isTemporary else {
                throw TaskFailure(.storageError, "The picture was made, but could not be stored.")
            }
            try await time.sleep(for: delay)
            delay = min(delay * 2, .seconds(10))
        }
    }

    /// Deletes pictures that no row names; what cannot be deleted is left behind and said so.
    func discard(_ pictures: [StoredPicture]) async {
        for picture in pictures {
            guard let key = ObjectKey(picture.key) else { continue }
            do throws(ObjectError) {
                try await objects.delete(key)
            } catch {
                logger.error(
                    "A picture without a task could not be deleted.",
                    metadata: ["key": "\(key)", "error": "\(error.message)"]
                )
            }
        }
    }
}
