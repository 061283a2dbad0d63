// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore

/// A picture on its way to the gateway: a file that is read while it is sent, or bytes from a pipe.
struct PictureInput {
    /// Where the bytes are.
    enum Source {
        case file(String)
        case bytes(ByteBuffer)
    }

    /// What the gateway takes at most.
    static let byteLimit = 50 << 20

    let source: Source
    let length: Int
    let format: PictureFormat
    /// The file's name without its folder.
    let name: String

    /// Looks at a file, or reads standard input for `-`.
    ///
    /// - Throws: ``CommandFailure`` in a sentence, before anything is sent.
    init(_ path: String) throws {
        var isFolder: ObjCBool = false
        if path.contains("://") || path.lowercased().hasPrefix("data:") {
            throw Self.failure("A picture must be a file, - for standard input, or an http or https address.")
        }
        if path != "-" {
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw Self.failure("There is no file \(path).")
            }
            guard !isFolder.boolValue else { throw Self.failure("\(path) is a folder, not a picture.") }
        }
        guard let handle = path == "-" ? .standardInput : FileHandle(forReadingAtPath: path) else {
            throw Self.failure("\(path) cannot be read.")
        }
        let shown = path == "-" ? "Standard input" : path
        let attributes = path == "-" ? nil : try? FileManager.default.attributesOfItem(atPath: path)
        if attributes?[.type] as? FileAttributeType == .typeRegular, let size = attributes?[.size] as? Int {
            // A picture's size may stand behind megabytes of what cameras write.
            let start = try Self.read(handle, atMost: min(size, 8 << 20), shown)
            (source, length) = (.file(path), size)
            format = try Self.format(start, size, shown)
        } else {
            let bytes = try Self.read(handle, atMost: Self.byteLimit + 1, shown)
            (source, length) = (.bytes(bytes), bytes.readableBytes)
            format = try Self.format(bytes, bytes.readableBytes, shown)
        }
        name = path == "-" ? "stdin.\(format.fileExtension)" : URL(fileURLWithPath: path).lastPathComponent
    }

    private static func format(_ start: ByteBuffer, _ size: Int, _ shown: String) throws -> PictureFormat {
        guard size > 0 else { throw failure("\(shown) is empty.") }
        guard let header = PictureHeader(start.readableBytesView) else {
            throw failure("\(shown) is no PNG, JPEG or WebP picture.")
        }
        guard size <= byteLimit else {
            throw failure("\(shown) is too large: a picture may have at most \(byteLimit >> 20) MiB.")
        }
        return header.format
    }

    private static func read(_ handle: FileHandle, atMost limit: Int, _ shown: String) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        do {
            while bytes.readableBytes < limit,
                let piece = try handle.read(upToCount: min(1 << 20, limit - bytes.readableBytes)), !piece.isEmpty
            {
                bytes.writeBytes(piece)
            }
        } catch {
            throw failure("\(shown) cannot be read.")
        }
        return bytes
    }

    private static func failure(_ sentence: String) -> CommandFailure {
        CommandFailure("\(sentence) Nothing was begun.", status: ExitStatus.usage)
    }
}
