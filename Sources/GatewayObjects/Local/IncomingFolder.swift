// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where files are written before they get their name, in the same file system.
///
/// Writers hold the lock of their file. A lock ends with its process, so that a file of ours that can be locked is a
/// crash's leftover, also when several gateways share the folder.
struct IncomingFolder: Sendable {
    let folder: Descriptor

    /// A file that has no name yet but its own here; locked as long as this value is held.
    struct Part: Sendable {
        let name: String
        let file: Descriptor
    }

    /// Writes a new file.
    func write(_ buffers: [ByteBuffer], mode: mode_t) throws(SystemFailure) -> Part {
        let part = try begin(mode: mode)
        do throws(SystemFailure) {
            try part.file.write(buffers)
            try part.file.synchronize()
        } catch {
            discard(part)
            throw error
        }
        return part
    }

    /// Makes a new file, to be written, put on the disk and named or discarded by the caller.
    func begin(mode: mode_t) throws(SystemFailure) -> Part {
        let name = Self.freshName()
        let part = Part(name: name, file: try folder.newFile(name, mode: mode))
        guard part.file.lock() else {
            discard(part)
            throw SystemFailure(code: EAGAIN, action: "lock a file")
        }
        return part
    }

    /// Removes a file that is not wanted any more; if even that fails, the next start does it.
    func discard(_ part: Part) {
        unlinkat(folder.number, part.name, 0)
    }

    /// Finds out at the start, not at the first picture, that nothing can be written.
    func checkWritable() throws(SystemFailure) {
        discard(try write([], mode: 0o600))
    }

    /// Removes files of ours that nobody writes any more.
    func removeLeftovers() throws(SystemFailure) {
        for name in try names() where Self.isOurs(name) {
            guard let file = try? folder.file(name), file.lock() else { continue }
            try folder.remove(name)
        }
    }

    private static func freshName() -> String {
        "put-" + Digest.hex((0..<16).map { _ in UInt8.random(in: 0...255) }) + ".part"
    }

    private static func isOurs(_ name: String) -> Bool {
        guard name.hasPrefix("put-"), name.hasSuffix(".part"), name.utf8.count == 41 else { return false }
        return name.utf8.dropFirst(4).dropLast(5).allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    private func names() throws(SystemFailure) -> [String] {
        // A descriptor of its own, because reading moves its place and closing the listing closes it.
        let number = try SystemFailure.check("list a folder") {
            openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard let listing = fdopendir(number) else {
            let code = errno
            close(number)
            throw SystemFailure(code: code, action: "list a folder")
        }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        return names
    }
}
