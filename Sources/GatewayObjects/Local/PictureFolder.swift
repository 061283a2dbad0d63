// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The files of a local store: whole or not there, whatever happens in between.
///
/// Every call blocks.
///
/// ```
/// ROOT/link.key                              the secret that signs links
/// ROOT/incoming/put-1f….part                 what is being written; locked by its writer
/// ROOT/objects/2026/11/21/+5c/image_….png    the pictures
/// ```
/// The level `+5c`, one of 256, keeps folders short: a day of a million pictures has 4,000 in each. No key can name it,
/// because keys have no plus sign. Nothing below the root is reached through a symbolic link.
struct PictureFolder: Sendable {
    let root: Descriptor
    let incoming: IncomingFolder
    private let objects: Descriptor

    /// Opens a root, makes what is missing, and removes what a crash has left.
    init(at path: String) throws(SystemFailure) {
        root = try Self.root(at: path)
        for name in ["incoming", "objects"] { try root.makeFolder(name) }
        objects = try root.folder("objects")
        incoming = IncomingFolder(folder: try root.folder("incoming"))
        try incoming.removeLeftovers()
        try incoming.checkWritable()
    }

    /// Writes a picture; its name is there only when all of it is on the disk.
    func write(_ buffers: [ByteBuffer], at key: ObjectKey) throws(SystemFailure) {
        let part = try incoming.write(buffers, mode: Self.mode)
        do {
            try move(part.name, to: Place(key))
        } catch {
            incoming.discard(part)
            throw error
        }
    }

    /// Makes a file for a picture whose bytes are still to come.
    func begin() throws(SystemFailure) -> IncomingFolder.Part { try incoming.begin(mode: Self.mode) }

    /// Gives a file its name once all that was written to it is on the disk.
    func finish(_ part: IncomingFolder.Part, at key: ObjectKey) throws(SystemFailure) {
        try part.file.synchronize()
        try move(part.name, to: Place(key))
    }

    private static let mode: mode_t = 0o640

    /// Opens a picture for reading; `nil` if there is none.
    func open(_ key: ObjectKey) throws(SystemFailure) -> (file: Descriptor, status: stat)? {
        let place = Place(key)
        do {
            let file = try descend(place.folders).folder.file(place.name)
            let status = try file.status()
            return status.st_mode & S_IFMT == S_IFREG ? (file, status) : nil
        } catch {
            guard [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, ENXIO].contains(error.code) else { throw error }
            return nil
        }
    }

    /// Deletes a picture and the folders it leaves empty; one that is not there is no failure.
    func delete(_ key: ObjectKey) throws(SystemFailure) {
        let place = Place(key)
        do {
            let (folder, above) = try descend(place.folders)
            try folder.remove(place.name)
            try folder.synchronize()
            prune(above)
        } catch {
            guard [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG].contains(error.code) else { throw error }
        }
    }

    /// Gives a finished file its name.
    ///
    /// A deletion may take a folder away in between, because it was empty: then again.
    private func move(_ name: String, to place: Place) throws(SystemFailure) {
        var triesLeft = 8
        while true {
            do {
                let folder = try descend(place.folders, creating: true).folder
                try SystemFailure.check("rename a file") {
                    renameat(incoming.folder.number, name, folder.number, place.name)
                }
                return try folder.synchronize()
            } catch {
                triesLeft -= 1
                guard error.code == ENOENT, triesLeft > 0 else { throw error }
            }
        }
    }

    private func descend(
        _ names: [String],
        creating: Bool = false
    ) throws(SystemFailure) -> (folder: Descriptor, above: [(folder: Descriptor, name: String)]) {
        var folder = objects
        var above: [(folder: Descriptor, name: String)] = []
        for name in names {
            above.append((folder, name))
            do {
                folder = try folder.folder(name)
            } catch {
                guard creating, error.code == ENOENT else { throw error }
                try folder.makeFolder(name)
                folder = try folder.folder(name)
            }
        }
        return (folder, above)
    }

    /// Removes empty folders, the deepest first, up to the first that is not empty.
    private func prune(_ folders: [(folder: Descriptor, name: String)]) {
        for (folder, name) in folders.reversed() {
            do {
                try folder.remove(name, isFolder: true)
            } catch {
                return
            }
        }
    }

    /// Opens the root, and makes it and what is above it, durably.
    private static func root(at path: String) throws(SystemFailure) -> Descriptor {
        var above = path.hasPrefix("/") ? "/" : "./"
        var refusal: SystemFailure?
        for part in path.split(separator: "/") {
            do {
                try SystemFailure.check("create a folder") { mkdir(above + part, 0o750) }
                try Descriptor.folder(at: above).synchronize()
            } catch {
                // What could not be made is missing one level below.
                if error.code == ENOENT, let refusal { throw refusal }
                // Above the root a folder may be there and not writable; opening the root tells if that matters.
                guard [EEXIST, EACCES, EPERM, EROFS].contains(error.code) else { throw error }
                if error.code != EEXIST { refusal = error }
            }
            above += "\(part)/"
        }
        do {
            return try Descriptor.folder(at: path)
        } catch {
            throw error.code == ENOENT ? refusal ?? error : error
        }
    }

    /// Where the picture of a key is.
    private struct Place {
        let folders: [String]
        let name: String

        init(_ key: ObjectKey) {
            let parts = key.description.split(separator: "/").map(String.init)
            name = parts.last ?? ""
            folders = parts.dropLast() + [Self.spread(name)]
        }

        /// One of 256 folders, by FNV-1a of the name: evenly spread is all it has to be.
        private static func spread(_ name: String) -> String {
            var hash: UInt32 = 0x811C_9DC5
            for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            let digits = String((hash ^ hash >> 16) & 0xFF, radix: 16)
            return "+" + (digits.utf8.count < 2 ? "0" : "") + digits
        }
    }
}
