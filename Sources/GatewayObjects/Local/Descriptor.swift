// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An open file or folder of the system; closed when nobody holds it any more.
final class Descriptor: Sendable {
    let number: CInt

    private init(_ number: CInt) {
        self.number = number
    }

    deinit { close(number) }

    /// Opens a folder by its path, symbolic links followed: only the operator's own root is opened this way.
    static func folder(at path: String) throws(SystemFailure) -> Descriptor {
        Descriptor(try SystemFailure.check("open a folder") { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    }

    /// Opens a file by its path for reading, symbolic links followed: only files that the operator names.
    static func file(at path: String) throws(SystemFailure) -> Descriptor {
        Descriptor(try SystemFailure.check("open a file") { open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) })
    }

    /// Opens a folder in this one; a symbolic link is refused.
    func folder(_ name: String) throws(SystemFailure) -> Descriptor {
        Descriptor(
            try SystemFailure.check("open a folder") {
                openat(number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
        )
    }

    /// Opens a file in this folder for reading; a symbolic link is refused, a pipe does not block.
    func file(_ name: String) throws(SystemFailure) -> Descriptor {
        Descriptor(
            try SystemFailure.check("open a file") {
                openat(number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            }
        )
    }

    /// Makes a new file in this folder for writing.
    func newFile(_ name: String, mode: mode_t) throws(SystemFailure) -> Descriptor {
        Descriptor(
            try SystemFailure.check("create a file") {
                openat(number, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
            }
        )
    }

    /// Makes a folder in this one, durably; one that is there already is fine.
    func makeFolder(_ name: String) throws(SystemFailure) {
        do {
            try SystemFailure.check("create a folder") { mkdirat(number, name, 0o750) }
        } catch {
            guard error.code == EEXIST else { throw error }
        }
        try synchronize()
    }

    /// Waits until the disk has it: a file's bytes, a folder's names.
    func synchronize() throws(SystemFailure) {
        do {
            try SystemFailure.check("write to the disk") { fsync(number) }
        } catch {
            // Some network file systems know no such thing for folders.
            guard error.code == EINVAL else { throw error }
        }
    }

    /// Removes a name from this folder; an empty folder's if `isFolder`.
    func remove(_ name: String, isFolder: Bool = false) throws(SystemFailure) {
        try SystemFailure.check("delete") { unlinkat(number, name, isFolder ? AT_REMOVEDIR : 0) }
    }

    /// Writes all buffers, one after the other.
    func write(_ buffers: [ByteBuffer]) throws(SystemFailure) {
        for var rest in buffers {
            while rest.readableBytes > 0 {
                let count = try SystemFailure.check("write") {
                    rest.withUnsafeReadableBytes { Self.writeSome(number, $0) }
                }
                rest.moveReaderIndex(forwardBy: count)
            }
        }
    }

    /// Reads at most `count` bytes from `offset` on; fewer only at the end.
    func read(at offset: Int, count: Int) throws(SystemFailure) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        while buffer.readableBytes < count {
            let place = off_t(offset + buffer.readableBytes)
            let wanted = count - buffer.readableBytes
            let got = try SystemFailure.check("read") {
                var result = 0
                buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { target in
                    result = pread(number, target.baseAddress, wanted, place)
                    return max(0, result)
                }
                return result
            }
            guard got > 0 else { break }
        }
        return buffer
    }

    /// What the system knows about the file.
    func status() throws(SystemFailure) -> stat {
        var status = stat()
        try SystemFailure.check("look at a file") { fstat(number, &status) }
        return status
    }

    /// Takes the file's lock, which ends with the descriptor; `false` if somebody else holds it.
    func lock() -> Bool { flock(number, LOCK_EX | LOCK_NB) == 0 }

    private static func writeSome(_ number: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        // `write` is this type's own name for it, so the system's needs its module.
        #if canImport(Glibc)
            Glibc.write(number, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(number, bytes.baseAddress, bytes.count)
        #endif
    }
}

/// A call the system refused.
struct SystemFailure: Error, Sendable, Hashable {
    /// `errno`.
    let code: CInt
    /// What was tried.
    let action: String

    /// Repeats a call that a signal interrupted, and throws for any other failure.
    @discardableResult
    static func check<Number: FixedWidthInteger>(
        _ action: String,
        _ call: () -> Number
    ) throws(SystemFailure) -> Number {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            guard code == EINTR else { throw SystemFailure(code: code, action: action) }
        }
    }

    /// The same for the operator.
    var objectError: ObjectError {
        switch code {
        case ENOSPC, EDQUOT:
            ObjectError(
                .full,
                isTemporary: true,
                "The disk of storage.path is full, or a quota is used up.",
                cause: self
            )
        case EACCES, EPERM, EROFS:
            ObjectError(
                .denied,
                isTemporary: false,
                "The gateway may not \(action) in storage.path: check owner and mode of the folder, and that it is not "
                    + "mounted read-only.",
                cause: self
            )
        case ENOENT:
            ObjectError(.noBucket, isTemporary: false, "The folder of storage.path is gone.", cause: self)
        case ENOTDIR:
            ObjectError(
                .misconfigured,
                isTemporary: false,
                "The gateway cannot \(action) in storage.path, because there is a file where a folder must be.",
                cause: self
            )
        case EISDIR, ELOOP, ENAMETOOLONG, EXDEV, EEXIST:
            ObjectError(
                .misconfigured,
                isTemporary: false,
                "storage.path holds something the gateway did not put there, so it cannot \(action) (error \(code)).",
                cause: self
            )
        default:
            ObjectError(
                .unavailable,
                isTemporary: true,
                "The system refused to \(action) in storage.path (error \(code)).",
                cause: self
            )
        }
    }
}
