// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore
import Synchronization

/// Puts pictures into the object store, and does not give up while it may still succeed: they are paid for.
struct PictureKeeper: Sendable {
    let objects: any ObjectStore
    let fetcher: PictureFetcher
    let finisher: PictureFinisher
    /// Transfers take their turn with calls; a pause between two tries costs nobody's.
    let workers: Slots
    let time: any TimeSource
    let logger: Logger
    private let outages = Outages()

    /// Stores the pictures of a portion, one after the other.
    ///
    /// - Parameters:
    ///   - portion: The pictures, in memory or still at the vendor.
    ///   - task: Their task.
    ///   - firstIndex: The place of the first in the task.
    /// - Throws: ``TaskFailure`` for what will not pass, `CancellationError` when the time is over.
    func keep(_ portion: CheckedPortion, of task: ImageTask, firstIndex: Int) async throws -> [StoredPicture] {
        var stored: [StoredPicture] = []
        if let remote = portion.remote {
            for (offset, url) in remote.urls.enumerated() {
                let index = firstIndex + offset
                stored.append(try await pass(url, of: remote, to: task, index: index))
            }
        }
        for (offset, picture) in portion.pictures.enumerated() {
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

    /// Passes a picture on from the vendor to the store, piece by piece; gathers it only if its length is not known or it
    /// has to be encoded anew.
    private func pass(
        _ url: String,
        of remote: RemotePictures,
        to task: ImageTask,
        index: Int
    ) async throws -> StoredPicture {
        let passed = try await fetcher.result(at: url, of: remote.provider) { stream -> Passed in
            let format = stream.header.format
            guard let length = stream.length, !finisher.changes(format, for: task.request) else {
                let bytes = try await stream.gathered()
                return .gathered(
                    try CheckedPicture(.bytes(bytes), revisedPrompt: remote.revisedPrompt, needsBytes: true)
                )
            }
            let key = ObjectKey.picture(of: task, index: index, format: format)
            try await put(stream, length: length, at: key, task)
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
    private func put(_ stream: PictureStream, length: Int, at key: ObjectKey, _ task: ImageTask) async throws {
        let mediaType = stream.header.format.mediaType
        let source = WatchedSource(stream.chunks)
        do throws(ObjectError) {
            try await objects.put(ObjectStream(contentType: mediaType, length: length, chunks: source.chunks), at: key)
            outages.worked(.storing, logger)
        } catch {
            if let failure = source.failure { throw failure }
            complain(error, task)
            guard error.isTemporary else {
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
            let error = try await workers.withSlot { () async -> ObjectError? in
                do throws(ObjectError) {
                    try await objects.put(body, at: key)
                    return nil
                } catch {
                    return error
                }
            }
            guard let error else { return outages.worked(.storing, logger) }
            complain(error, task)
            guard error.isTemporary else {
                throw TaskFailure(.storageError, "The picture was made, but could not be stored.")
            }
            try await time.sleep(for: delay)
            delay = min(delay * 2, .seconds(10))
        }
    }

    private func complain(_ error: ObjectError, _ task: ImageTask) {
        // Every task waits for the same storage, and each tries again and again.
        var logger = logger
        logger[metadataKey: "task"] = "\(task.id)"
        if error.isTemporary { return outages.failed(.storing, error.message, logger) }
        logger.error("A picture could not be stored, and its task fails.", metadata: ["error": "\(error.message)"])
    }

    /// Deletes pictures that nobody needs any more; what cannot be deleted is left behind and said so.
    func discard(_ keys: [ObjectKey]) async {
        for key in keys {
            do throws(ObjectError) {
                try await objects.delete(key)
            } catch {
                logger.error(
                    "A picture that nobody needs could not be deleted.",
                    metadata: ["key": "\(key)", "error": "\(error.message)"]
                )
            }
        }
    }
}

/// Bytes on their way, and what went wrong with their source: the store that takes them cannot tell that from its own
/// failures.
private struct WatchedSource: Sendable {
    private final class Note: Sendable {
        let failure = Mutex<FetchError?>(nil)
    }

    private let note = Note()
    let chunks: TransportChunks

    init(_ source: TransportChunks) {
        let note = note
        chunks = TransportChunks {
            do {
                var place = source.makeAsyncIterator()
                return try await place.next()
            } catch let error as FetchError {
                note.failure.withLock { $0 = error }
                throw error
            }
        }
    }

    var failure: FetchError? { note.failure.withLock { $0 } }
}
