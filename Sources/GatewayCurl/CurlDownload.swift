// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// The body on its way in when it is streamed: the event loop appends, one task takes.
final class CurlDownload: Sendable {
    private struct State {
        /// What nobody has taken yet, in one piece: a sender of very small pieces costs no more than its bytes.
        var waiting = ByteBuffer()
        var isPaused = false
        var end: Result<Void, TransportError>?
        var reader: CheckedContinuation<Result<ByteBuffer?, TransportError>, Never>?
    }

    private let state = Mutex(State())

    /// How many bytes wait at most before the sender is held back.
    private static let highWater = 512 << 10

    // MARK: The event loop

    /// Takes a piece, or asks to hold it back.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let (isTaken, reader) = state.withLock { state in
            if let reader = state.reader {
                state.reader = nil
                return (true, Optional(reader))
            }
            guard state.waiting.readableBytes < Self.highWater else {
                state.isPaused = true
                return (false, nil)
            }
            state.waiting.writeBytes(bytes)
            return (true, nil)
        }
        reader?.resume(returning: .success(ByteBuffer(bytes: bytes)))
        return isTaken
    }

    func finish(_ result: Result<Void, TransportError>) {
        let reader = state.withLock { state in
            if state.end == nil { state.end = result }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: result.map { nil })
    }

    var isPaused: Bool { state.withLock(\.isPaused) }

    // MARK: The reading task

    /// The next piece, `nil` at the end.
    ///
    /// - Parameter resume: Tells the loop to let the sender go on.
    func next(resume: @Sendable () -> Void) async -> Result<ByteBuffer?, TransportError> {
        await withCheckedContinuation { continuation in
            let (answer, isResuming) = state.withLock { state -> (Result<ByteBuffer?, TransportError>?, Bool) in
                if state.waiting.readableBytes == 0, let end = state.end { return (end.map { nil }, false) }
                defer { state.isPaused = false }
                if state.waiting.readableBytes == 0 {
                    state.reader = continuation
                    return (nil, state.isPaused)
                }
                defer { state.waiting = ByteBuffer() }
                return (.success(state.waiting), state.isPaused)
            }
            if isResuming { resume() }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}
