// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Synchronization

/// A multipart form whose files are read while it is sent.
struct FormUpload {
    private enum Piece {
        case bytes(ByteBuffer)
        case file(path: String, length: Int)
    }

    private var pieces: [Piece] = []
    private let boundary = "image-gateway-\(UUID().uuidString)"

    /// The header that goes with it.
    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    private var ending: ByteBuffer { ByteBuffer(string: "--\(boundary)--\r\n") }

    /// How many bytes it has.
    var length: Int {
        pieces.reduce(ending.readableBytes) { sum, piece in
            switch piece {
            case .bytes(let bytes): sum + bytes.readableBytes
            case .file(_, let length): sum + length
            }
        }
    }

    /// Adds a member.
    mutating func add(_ name: String, text: String) {
        pieces.append(.bytes(ByteBuffer(string: "\(head(name))\r\n\r\n\(text)\r\n")))
    }

    /// Adds a picture.
    mutating func add(_ name: String, _ picture: PictureInput) {
        // As browsers escape names: what would end the quotes or the line.
        let fileName = picture.name.replacing("\"", with: "%22").replacing("\r", with: "%0D")
            .replacing("\n", with: "%0A")
        let head = "\(head(name)); filename=\"\(fileName)\"\r\nContent-Type: \(picture.format.mediaType)\r\n\r\n"
        pieces.append(.bytes(ByteBuffer(string: head)))
        switch picture.source {
        case .bytes(let bytes): pieces.append(.bytes(bytes))
        case .file(let path): pieces.append(.file(path: path, length: picture.length))
        }
        pieces.append(.bytes(ByteBuffer(string: "\r\n")))
    }

    /// The bytes, to be read once.
    func chunks() -> TransportChunks {
        let reader = FormReader(pieces + [.bytes(ending)])
        return TransportChunks { try reader.next() }
    }

    private func head(_ name: String) -> String {
        "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\""
    }

    /// Goes through the pieces, one chunk at a time.
    private final class FormReader: Sendable {
        private struct State {
            var pieces: ArraySlice<Piece>
            var file: FileHandle?
            var left = 0
        }

        private let state: Mutex<State>

        init(_ pieces: [Piece]) {
            state = Mutex(State(pieces: pieces[...]))
        }

        func next() throws -> ByteBuffer? {
            try state.withLock { state in
                while true {
                    if let file = state.file {
                        guard state.left > 0 else {
                            try file.close()
                            state.file = nil
                            continue
                        }
                        // A file that shrinks meanwhile ends the upload: its length was announced.
                        guard let piece = try file.read(upToCount: min(256 << 10, state.left)), !piece.isEmpty else {
                            throw CommandFailure("A file was changed while it was sent.")
                        }
                        state.left -= piece.count
                        return ByteBuffer(bytes: piece)
                    }
                    switch state.pieces.popFirst() {
                    case nil: return nil
                    case .bytes(let bytes): return bytes
                    case .file(let path, let length):
                        state.file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
                        state.left = length
                    }
                }
            }
        }
    }
}
