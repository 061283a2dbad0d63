// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore

/// Puts pictures into the object store, and does not give up while it may still succeed: they are paid for.
struct PictureKeeper: Sendable {
    let objects: any ObjectStore
    let store: any TaskStore
    let fetcher: PictureFetcher
    let finisher: PictureFinisher
    /// Transfers take their turn with calls; a pause between two tries costs nobody's.
    let workers: Slots
    let time: any TimeSource
    let logger: Logger
    private let outages = Outages()

    /// Stores the pictures of a portion, one after the other; one that cannot be had does not cost the others, which are
    /// paid for as well.
    ///
    /// - Parameters:
    ///   - portion: The pictures, in memory or still at the vendor.
    ///   - task: Their task.
    ///   - firstIndex: The place of the first in the task.
    ///   - kept: Takes note of each as soon as it is stored.
    /// - Returns: What happened to those that are missing; never to all of them.
    /// - Throws: ``TaskFailure`` if none could be stored, `CancellationError` when the time is over.
    func keep(
        _ portion: CheckedPortion,
        of task: ImageTask,
        firstIndex: Int,
        _ kept: (StoredPicture) -> Void
    ) async throws -> [TaskFailure] {
        var failures: [TaskFailure] = []
        func keeping(_ work: () async throws -> StoredPicture) async throws {
            do {
                kept(try await work())
            } catch let failure as TaskFailure {
                failures.append(failure)
            }
        }
        let urls = portion.remote?.urls ?? []
        if let remote = portion.remote {
            for (offset, url) in urls.enumerated() {
                try await keeping { try await pass(url, of: remote, to: task, index: firstIndex + offset) }
            }
        }
        for (offset, picture) in portion.pictures.enumerated() {
            try await keeping { try await keep(picture, of: task, index: firstIndex + urls.count + offset) }
        }
        if let first = failures.first, failures.count == urls.count + portion.pictures.count { throw first }
        return failures
    }

    private func keep(_ picture: CheckedPicture, of task: ImageTask, index: Int) async throws -> StoredPicture {
        guard let bytes = picture.bytes else {
            throw TaskFailure(.invalidImage, "The picture that was delivered is damaged.")
        }
        let key = ObjectKey.picture(of: task, index: index, format: picture.header.format)
        try await announce(key, of: task)
        try await put(ObjectBody(contentType: picture.header.format.mediaType, buffers: [bytes]), at: key, task)
        return StoredPicture(
            key: key.description,
            header: picture.header,
            bytes: bytes.readableBytes,
            revisedPrompt: picture.revisedPrompt
        )
    }

    /// Passes a picture on from the vendor to the store, piece by piece; gathers it only if its length is not known or it
    /// has to be encoded anew.
    private func pass(
        _ url: String,
        of remote: RemotePictures,
        to task: ImageTask,
        index: Int
    ) async throws -> StoredPicture {
        let passed = try await fetcher.result(at: url, of: remote.provider) { stream -> Passed in
            remote.trouble.liesWithStorage = false
            let format = stream.header.format
            guard let length = stream.length, !finisher.changes(format, for: task.request) else {
                return .gathered(try await stream.gathered().checked(remote))
            }
            let key = ObjectKey.picture(of: task, index: index, format: format)
            try await announce(key, of: task)
            try await put(stream, length: length, at: key, task, remote.trouble)
            return .stored(
                StoredPicture(
                    key: key.description,
                    header: stream.header,
                    bytes: length,
                    revisedPrompt: remote.revisedPrompt
                )
            )
        }
        switch passed {
        case .stored(let picture): return picture
        case .gathered(let picture):
            return try await keep(try await finisher.finished(picture, for: task.request), of: task, index: index)
        }
    }

    private enum Passed {
        case stored(StoredPicture)
        case gathered(CheckedPicture)
    }

    /// Stores what comes; a store that fails for now has the picture fetched again.
    private func put(
        _ stream: PictureStream,
        length: Int,
        at key: ObjectKey,
        _ task: ImageTask,
        _ trouble: KeepingTrouble
    ) async throws {
        let mediaType = stream.header.format.mediaType
        do throws(ObjectError) {
            try await objects.put(ObjectStream(contentType: mediaType, length: length, chunks: stream.chunks), at: key)
            outages.worked(.storing, logger)
        } catch {
            // What went wrong at the source is not the store's doing.
            if let failure = error.cause as? FetchError { throw failure }
            trouble.liesWithStorage = true
            complain(error, task)
            guard error.mayBePutRight else {
                throw TaskFailure(.storageError, "The picture was made, but could not be stored.")
            }
            throw FetchError(.unavailable, isTemporary: true, detail: "The storage did not take the picture.")
        }
    }

    /// Reads an input picture, and does not give up while that may still succeed.
    ///
    /// - Throws: ``TaskFailure`` if it is gone.
    func read(_ key: ObjectKey, bytes: Int) async throws -> ByteBuffer {
        var delay = Duration.milliseconds(200)
        while true {
            let result = try await workers.withSlot { () async -> Result<ByteBuffer, ObjectError> in
                do throws(ObjectError) {
                    return .success(try await objects.get(key, atMost: bytes))
                } catch {
                    return .failure(error)
                }
            }
            switch result {
            case .success(let bytes): return bytes
            case .failure(let error):
                guard error.isTemporary else {
                    throw TaskFailure(.storageError, "A picture of the request is no longer in the storage.")
                }
                logger.error("An input picture could not be read.", metadata: ["error": "\(error.message)"])
            }
            try await time.sleep(for: delay)
            delay = min(delay * 2, .seconds(10))
        }
    }

    private func put(_ body: ObjectBody, at key: ObjectKey, _ task: ImageTask) async throws {
        var delay = Duration.milliseconds(200)
        while true {
            // Whoever holds a picture does not wait for those who wait for room in memory.
            let error = try await workers.withSlot(evenIfFull: true) { () async -> ObjectError? in
                do throws(ObjectError) {
                    try await objects.put(body, at: key)
                    return nil
                } catch {
                    return error
                }
            }
            guard let error else { return outages.worked(.storing, logger) }
            complain(error, task)
            guard error.mayBePutRight else {
                throw TaskFailure(.storageError, "The picture was made, but could not be stored.")
            }
            // What needs a hand is not mended in a second.
            try await time.sleep(for: error.isTemporary ? delay : .seconds(10))
            delay = min(delay * 2, .seconds(10))
        }
    }

    private func complain(_ error: ObjectError, _ task: ImageTask) {
        // Every task waits for the same storage, and each tries again and again.
        var logger = logger
        logger[metadataKey: "task"] = "\(task.id)"
        if error.mayBePutRight { return outages.failed(.storing, error.message, logger) }
        logger.error("A picture could not be stored, and its task fails.", metadata: ["error": "\(error.message)"])
    }

    /// Has the task store remember an object before it exists: if its row is never written, it is deleted.
    private func announce(_ key: ObjectKey, of task: ImageTask) async throws {
        var delay = Duration.milliseconds(100)
        while true {
            do throws(StoreError) {
                let due = time.now.advanced(by: Deletion.uploadTime)
                return try await store.announce([Deletion(key: key, task: task.id, due: due)])
            } catch {
                logger.error(
                    "The task store does not take a note; trying again.",
                    metadata: ["task": "\(task.id)", "error": "\(error.message)"]
                )
            }
            try await time.sleep(for: delay)
            delay = min(delay * 2, .seconds(3))
        }
    }

    /// Has pictures that nobody needs deleted; if it cannot be written down now, they go when their announcement is due.
    func discard(_ keys: [ObjectKey], of task: ImageTask) async {
        do throws(StoreError) {
            try await store.announce(keys.map { Deletion(key: $0, task: task.id, due: time.now) })
        } catch {
            logger.warning(
                "Pictures that nobody needs are deleted later.",
                metadata: ["task": "\(task.id)", "error": "\(error.message)"]
            )
        }
    }
}

extension ObjectError {
    /// Whether the same call may succeed before the task's time is over.
    ///
    /// By itself, or because somebody gives the permission, the key or the bucket back: a picture that is paid for waits.
    fileprivate var mayBePutRight: Bool { isTemporary || [.denied, .noBucket, .full].contains(code) }
}
