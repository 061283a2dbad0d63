// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore

/// Puts pictures into the object store, and does not give up while it may still succeed: they are paid for.
struct PictureKeeper: Sendable {
    let objects: any ObjectStore
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
            do throws(ObjectError) {
                return try await objects.put(body, at: key)
            } catch {
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
    }
}
