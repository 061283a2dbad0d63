// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Pictures in a folder, and links to them that the gateway itself answers.
///
/// Several gateways may share the folder, over a network file system with locks and atomic renames too: they find the
/// same secret there, so each answers the others' links.
public struct LocalObjectStore: ObjectStore, LinkedFiles {
    /// A hundred years, in seconds: whoever asks for more has mixed up units.
    private static let longestLink = Duration.seconds(3_155_760_000)

    private let folder: PictureFolder
    private let links: LinkSigner
    private let base: String
    private let presentation: LinkPresentation

    /// Opens a folder, makes it if need be, and removes what a crash has left unfinished in it.
    ///
    /// ## Configuration keys
    /// - `storage.path` (optional, default `data/images`): the folder.
    /// - `server.public_url`: what links begin with, in front of `/files/`.
    /// - `storage.link_disposition` (optional): `inline` or `attachment`, sent with the picture's name.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - publicURL: The gateway's own address as callers know it.
    ///   - presentation: What is said about a picture beyond what it is.
    /// - Throws: ``ObjectError`` for a folder that cannot be made or written, an address that is no URL, a broken
    ///   `link.key`.
    public init(
        path: String,
        publicURL: String,
        presentation: LinkPresentation = LinkPresentation()
    ) throws(ObjectError) {
        guard let address = Endpoint(publicURL) else {
            throw ObjectError(
                .misconfigured,
                isTemporary: false,
                "server.public_url must be an http or https URL such as http://127.0.0.1:8080."
            )
        }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ObjectError(.misconfigured, isTemporary: false, "storage.path must name a folder.")
        }
        base = "\(address.url)/files/"
        self.presentation = presentation
        do {
            folder = try PictureFolder(at: path)
        } catch {
            throw error.objectError
        }
        links = try LinkSigner(keptIn: folder)
    }

    /// Stores an object; when it returns, a power failure does not take it away.
    ///
    /// The media type is not kept: a file is served as what its name's extension says.
    public func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
        try await onFolder { (folder) throws(SystemFailure) in try folder.write(object.buffers, at: key) }
    }

    /// Stores an object while its bytes come; its name is there only when all of them are on the disk.
    public func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
        let part = try await onFolder { (folder) throws(SystemFailure) in try folder.begin() }
        do throws(ObjectError) {
            try await write(object, to: part.file)
            try await onFolder { (folder) throws(SystemFailure) in try folder.finish(part, at: key) }
        } catch {
            // Here and now, because work on a thread is not begun for a task that was cancelled.
            folder.incoming.discard(part)
            throw error
        }
    }

    private func write(_ object: ObjectStream, to file: Descriptor) async throws(ObjectError) {
        var left = object.length
        var waiting: [ByteBuffer] = []
        var waitingBytes = 0
        var iterator = object.chunks.makeAsyncIterator()
        while true {
            let chunk: ByteBuffer?
            do {
                chunk = try await iterator.next()
            } catch {
                throw WatchedSource.failed(error)
            }
            left -= chunk?.readableBytes ?? 0
            guard left >= 0, chunk != nil || left == 0 else { throw WatchedSource.wrongLength }
            if let chunk, chunk.readableBytes > 0 {
                waiting.append(chunk)
                waitingBytes += chunk.readableBytes
            }
            // Small pieces together: each visit to a thread costs more than they do.
            if waitingBytes >= Self.pieceBytes || (chunk == nil && waitingBytes > 0) {
                let buffers = waiting
                try await Self.onThread { () throws(SystemFailure) in try file.write(buffers) }
                (waiting, waitingBytes) = ([], 0)
            }
            if chunk == nil { return }
        }
    }

    private static let pieceBytes = 256 << 10

    /// Reads an object whole.
    public func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer {
        let found = try await onFolder { (folder) throws(SystemFailure) -> ByteBuffer? in
            guard let (file, status) = try folder.open(key), status.st_size <= limit else { return nil }
            return try file.read(at: 0, count: Int(status.st_size))
        }
        guard let found else {
            throw ObjectError(.notFound, isTemporary: false, "The object is not there, or too large.")
        }
        return found
    }

    /// Deletes an object; an object that is not there is no error.
    public func delete(_ key: ObjectKey) async throws(ObjectError) {
        try await onFolder { (folder) throws(SystemFailure) in try folder.delete(key) }
    }

    /// Signs a link to this gateway.
    public func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        guard lifetime >= .seconds(1), lifetime <= Self.longestLink else {
            throw ObjectError(.misconfigured, isTemporary: false, "A link must live at least 1 second.")
        }
        return base + (try links.sign(key, expires: signedAt.seconds + lifetime.components.seconds))
    }

    /// Opens the file of a signed link.
    public func open(path: String, query: String, now: Timestamp) async throws(ObjectError) -> LinkedFile {
        let key = try links.verify(path: path, query: query, now: now)
        let found = try await onFolder { (folder) throws(SystemFailure) in try folder.open(key) }
        guard let (file, status) = found else {
            throw ObjectError(.notFound, isTemporary: false, "The picture is gone.")
        }
        let length = Int(status.st_size)
        let modified = status.modified
        let written = "\(length)-\(modified.tv_sec)-\(modified.tv_nsec)"
        return LinkedFile(
            contentType: key.mediaType,
            length: length,
            entityTag: "\"\(try Digest.sha256Hex(written).prefix(32))\"",
            modified: Timestamp(milliseconds: Int64(modified.tv_sec) * 1000 + Int64(modified.tv_nsec) / 1_000_000),
            disposition: presentation.header(for: key)
        ) { (offset, count) throws(ObjectError) in
            let place = min(max(0, offset), length)
            let wanted = min(max(0, count), length - place)
            return try await Self.onThread { () throws(SystemFailure) in try file.read(at: place, count: wanted) }
        }
    }

    private func onFolder<Result: Sendable>(
        _ work: @escaping @Sendable (PictureFolder) throws(SystemFailure) -> Result
    ) async throws(ObjectError) -> Result {
        let folder = folder
        return try await Self.onThread { () throws(SystemFailure) in try work(folder) }
    }

    private static func onThread<Result: Sendable>(
        _ work: @escaping @Sendable () throws(SystemFailure) -> Result
    ) async throws(ObjectError) -> Result {
        try await FileThreads.run { () throws(ObjectError) in
            do throws(SystemFailure) {
                return try work()
            } catch {
                throw error.objectError
            }
        }
    }
}

extension stat {
    /// When the file was last written, to the nanosecond.
    fileprivate var modified: timespec {
        #if canImport(Glibc)
            st_mtim
        #else
            st_mtimespec
        #endif
    }
}
