// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// The body on its way out: the event loop takes, a task feeds if the bytes come while they are sent.
final class CurlUpload: Sendable {
    /// What the loop gets when it asks for bytes.
    enum Given {
        case bytes(Int)
        case later
        case failed(TransportError)
    }

    private struct State {
        var place = 0
        var offset = 0
        var queue: [ByteBuffer] = []
        var hasEnded = false
        var failure: TransportError?
        var isStarving = false
        var isAbandoned = false
        var feeder: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// How many pieces of a streamed body wait at most.
    private static let queueLimit = 4

    // MARK: The event loop

    func give(_ target: UnsafeMutableRawBufferPointer, request: TransportRequest) -> Given {
        switch request.body {
        case .none: .bytes(0)
        case .bytes(let buffers): .bytes(state.withLock { Self.copy(buffers, &$0, to: target) })
        case .stream: giveStreamed(target)
        }
    }

    func rewind() {
        state.withLock { state in
            state.place = 0
            state.offset = 0
        }
    }

    /// Lets the feeding task go: nobody will take any more.
    func abandon() {
        let feeder = state.withLock { state in
            state.isAbandoned = true
            defer { state.feeder = nil }
            return state.feeder
        }
        feeder?.resume()
    }

    private static func copy(
        _ buffers: [ByteBuffer],
        _ state: inout State,
        to target: UnsafeMutableRawBufferPointer
    ) -> Int {
        var count = 0
        while count < target.count, state.place < buffers.count {
            let copied = buffers[state.place].withUnsafeReadableBytes { bytes in
                let part = bytes[state.offset..<min(bytes.count, state.offset + target.count - count)]
                UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyBytes(from: part)
                return part.count
            }
            count += copied
            state.offset += copied
            if state.offset >= buffers[state.place].readableBytes {
                state.place += 1
                state.offset = 0
            }
        }
        return count
    }

    private func giveStreamed(_ target: UnsafeMutableRawBufferPointer) -> Given {
        let (given, feeder) = state.withLock { state -> (Given, CheckedContinuation<Void, Never>?) in
            if let failure = state.failure { return (.failed(failure), nil) }
            if state.queue.isEmpty {
                if state.hasEnded { return (.bytes(0), nil) }
                state.isStarving = true
                return (.later, nil)
            }
            let count = Self.copy(state.queue, &state, to: target)
            state.queue.removeFirst(state.place)
            state.place = 0
            defer { state.feeder = nil }
            return (.bytes(count), state.feeder)
        }
        feeder?.resume()
        return given
    }

    private static let wrongLength = TransportError(
        .bodyFailed,
        mayHaveArrived: false,
        "The body to be sent had another length than announced."
    )

    // MARK: The feeding task

    /// Feeds a streamed body until it ends, fails, or nobody takes any more.
    ///
    /// The piece that makes the body complete goes out only when the source has ended well: the server cannot take a body
    /// for whole that turns out to be longer, or fails at its very end.
    ///
    /// - Parameters:
    ///   - source: The body.
    ///   - length: How long it was announced to be.
    ///   - wake: Tells the loop that there are bytes again.
    func pump(
        _ source: any AsyncSequence<ByteBuffer, any Error> & Sendable,
        length: Int,
        wake: @Sendable () -> Void
    ) async {
        do {
            var left = length
            var last: ByteBuffer?
            for try await piece in source where piece.readableBytes > 0 {
                left -= piece.readableBytes
                guard left >= 0 else { return close(Self.wrongLength, wake) }
                if left == 0 {
                    last = piece
                } else {
                    guard await push(piece, wake) else { return }
                }
            }
            if let last { guard await push(last, wake) else { return } }
            close(left == 0 ? nil : Self.wrongLength, wake)
        } catch {
            close(TransportError(.bodyFailed, mayHaveArrived: false, "The body to be sent could not be read."), wake)
        }
    }

    private func push(_ piece: ByteBuffer, _ wake: @Sendable () -> Void) async -> Bool {
        await withCheckedContinuation { continuation in
            let (goOn, isStarving) = state.withLock { state in
                state.queue.append(piece)
                let isFull = state.queue.count >= Self.queueLimit && !state.isAbandoned
                if isFull { state.feeder = continuation }
                defer { state.isStarving = false }
                return (!isFull, state.isStarving)
            }
            if isStarving { wake() }
            if goOn { continuation.resume() }
        }
        return state.withLock { !$0.isAbandoned }
    }

    private func close(_ failure: TransportError?, _ wake: @Sendable () -> Void) {
        let isStarving = state.withLock { state in
            state.hasEnded = true
            state.failure = failure
            defer { state.isStarving = false }
            return state.isStarving
        }
        if isStarving { wake() }
    }
}
