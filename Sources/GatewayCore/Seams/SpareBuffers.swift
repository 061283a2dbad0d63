// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore
import Synchronization

/// Memory in which pictures were received, for those to come: the system takes longer to make fresh pages than it takes to
/// copy a picture into them.
///
/// A buffer may be given while somebody still reads it; it is taken only when nobody does any more. Kept is what was in use
/// lately, and never more than ``limit``.
public final class SpareBuffers: Sendable {
    private struct State {
        /// The last given last.
        var buffers: [ByteBuffer] = []
        var bytes = 0
        /// How many there were at the least since the last look: so many are not needed.
        var idle = 0

        mutating func remove(at place: Int) -> ByteBuffer {
            let buffer = buffers.remove(at: place)
            bytes -= buffer.storageCapacity
            idle = min(idle, buffers.count)
            return buffer
        }
    }

    private let state = Mutex(State())

    /// How many bytes are kept at most.
    public static let limit = 64 << 20
    /// Which buffers are worth keeping; larger ones are rare, and go back to the system at once.
    public static let sizes = (256 << 10)...(8 << 20)

    /// How many times what was asked for a buffer may be: what is held is charged by what was asked for.
    private static let widest = 4

    /// Creates an empty store.
    public init() {}

    /// How many bytes are kept now.
    public var bytes: Int { state.withLock(\.bytes) }

    /// Takes an empty buffer.
    ///
    /// - Parameter capacity: What shall fit into it.
    /// - Returns: One that nobody else has; `nil` if there is none of that size.
    public func take(atLeast capacity: Int) -> ByteBuffer? {
        guard Self.sizes.contains(capacity) else { return nil }
        return state.withLock { state in
            let place = state.buffers.indices.last { place in
                (capacity...capacity * Self.widest).contains(state.buffers[place].storageCapacity)
                    && state.buffers[place].modifyIfUniquelyOwned { $0.clear() } != nil
            }
            return place.map { state.remove(at: $0) }
        }
    }

    /// Gives a buffer, whatever is in it.
    public func give(_ buffer: ByteBuffer) {
        guard Self.sizes.contains(buffer.storageCapacity) else { return }
        state.withLock { state in
            // Several pictures of one answer share its memory, which is kept once.
            guard !state.buffers.contains(where: { Self.mayShareMemory($0, buffer) }) else { return }
            state.buffers.append(buffer)
            state.bytes += buffer.storageCapacity
            while state.bytes > Self.limit { _ = state.remove(at: 0) }
        }
    }

    /// Whether two buffers may be parts of the same memory; now and then `true` for neighbors, which is no harm.
    private static func mayShareMemory(_ one: ByteBuffer, _ other: ByteBuffer) -> Bool {
        guard one.storageCapacity == other.storageCapacity else { return false }
        let places = [one, other].map { $0.withVeryUnsafeBytes { Int(bitPattern: $0.baseAddress) } }
        return (places[0] - places[1]).magnitude < one.storageCapacity
    }

    /// Gives the system back what was not needed since the last time; to be called now and then.
    public func shrink() {
        state.withLock { state in
            for _ in 0..<state.idle { _ = state.remove(at: 0) }
            state.idle = state.buffers.count
        }
    }
}
