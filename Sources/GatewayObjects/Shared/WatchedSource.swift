// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// The bytes of an object on their way to a store, and the error they ended with.
///
/// A transport says only that a body failed; why it did is what whoever fetches it decides by.
final class WatchedSource: Sendable {
    private struct State {
        var failure: (any Error)?
        var sum: CRC64?
    }

    private let source: TransportChunks
    private let state: Mutex<State>

    /// - Parameters:
    ///   - source: The bytes.
    ///   - isSummed: Whether their checksum is taken while they pass.
    init(_ source: TransportChunks, isSummed: Bool = false) {
        self.source = source
        state = Mutex(State(sum: isSummed ? CRC64() : nil))
    }

    /// What the source failed with.
    var failure: (any Error)? { state.withLock { $0.failure } }

    /// The checksum of what has passed; `nil` if none is taken.
    var checksum: UInt64? { state.withLock { $0.sum?.value } }

    /// The bytes, to be read once.
    var chunks: TransportChunks {
        TransportChunks { [self] in
            do {
                var iterator = source.makeAsyncIterator()
                guard let chunk = try await iterator.next() else { return nil }
                state.withLock { $0.sum?.add(chunk) }
                return chunk
            } catch {
                state.withLock { $0.failure = error }
                throw error
            }
        }
    }

    /// Whether the source ends without a byte.
    func isEmpty() async throws(ObjectError) -> Bool {
        do {
            for try await chunk in chunks where chunk.readableBytes > 0 { return false }
            return true
        } catch {
            throw Self.failed(error)
        }
    }

    static let wrongLength = ObjectError(
        .incomplete,
        isTemporary: true,
        "The object to be stored has another length than was said."
    )

    static func failed(_ error: any Error) -> ObjectError {
        ObjectError(.incomplete, isTemporary: true, "The object to be stored ended with an error.", cause: error)
    }
}
