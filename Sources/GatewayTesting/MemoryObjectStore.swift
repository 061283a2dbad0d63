// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import NIOCore
import Synchronization

/// An object store in memory, with links that only it understands.
public final class MemoryObjectStore: ObjectStore {
    /// One call, as the store saw it begin.
    public enum Call: Sendable, Hashable {
        /// An object was to be stored.
        case put(ObjectKey)
        /// An object was to be read.
        case get(ObjectKey)
        /// An object was to be deleted.
        case delete(ObjectKey)
    }

    private struct State {
        var objects: [ObjectKey: ObjectBody] = [:]
        var calls: [Call] = []
    }

    private static let base = "https://objects.test/"

    private let state = Mutex(State())
    private let before: @Sendable (Call) async throws(ObjectError) -> Void

    /// Creates an empty store.
    ///
    /// - Parameter before: Runs before each call takes effect: throws to make it fail, waits to make it slow.
    public init(before: @escaping @Sendable (Call) async throws(ObjectError) -> Void = { _ throws(ObjectError) in }) {
        self.before = before
    }

    /// Every call so far, failed ones too, in the order they began.
    public var calls: [Call] { state.withLock(\.calls) }

    /// What is stored.
    public var objects: [ObjectKey: ObjectBody] { state.withLock(\.objects) }

    /// Stores an object.
    public func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
        try await begin(.put(key))
        state.withLock { $0.objects[key] = object }
    }

    /// Stores an object whose bytes come while they are stored.
    public func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
        try await begin(.put(key))
        var buffers: [ByteBuffer] = []
        var left = object.length
        do {
            for try await chunk in object.chunks where left >= 0 {
                left -= chunk.readableBytes
                buffers.append(chunk)
            }
        } catch {
            throw ObjectError(.incomplete, isTemporary: true, "The object ended with an error.", cause: error)
        }
        guard left == 0 else {
            throw ObjectError(.incomplete, isTemporary: true, "The object has another length than was said.")
        }
        let body = ObjectBody(contentType: object.contentType, buffers: buffers)
        state.withLock { $0.objects[key] = body }
    }

    /// Reads an object whole.
    public func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer {
        try await begin(.get(key))
        guard let object = state.withLock({ $0.objects[key] }), object.length <= limit else {
            throw ObjectError(.notFound, isTemporary: false, "The object is not there.")
        }
        return object.buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    }

    /// Deletes an object.
    public func delete(_ key: ObjectKey) async throws(ObjectError) {
        try await begin(.delete(key))
        state.withLock { $0.objects[key] = nil }
    }

    /// Gives a link that ``object(at:now:)`` understands.
    public func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        guard lifetime >= .seconds(1) else {
            throw ObjectError(.misconfigured, isTemporary: false, "A link must live at least 1 second.")
        }
        let expires = signedAt.seconds + lifetime.components.seconds
        return "\(Self.base)\(key)?expires=\(expires)&signature=\(Self.checksum(key, expires))"
    }

    /// Follows a link.
    ///
    /// - Parameters:
    ///   - link: What ``link(to:signedAt:lifetime:)`` gave.
    ///   - now: The present moment.
    /// - Returns: The object, or `nil` if the link is wrong or over, or the object gone.
    public func object(at link: String, now: Timestamp) -> ObjectBody? {
        let parts = link.dropFirst(Self.base.count).split(separator: "?", maxSplits: 1)
        guard link.hasPrefix(Self.base), parts.count == 2, let key = ObjectKey(String(parts[0])) else { return nil }
        let values = parts[1].split(separator: "&").map { $0.drop { $0 != "=" }.dropFirst() }
        guard values.count == 2, let expires = Int64(values[0]), String(values[1]) == Self.checksum(key, expires),
            now < Timestamp(seconds: expires)
        else { return nil }
        return objects[key]
    }

    private func begin(_ call: Call) async throws(ObjectError) {
        state.withLock { $0.calls.append(call) }
        try await before(call)
    }

    /// FNV-1a, 64 bits: enough to notice a link that somebody changed, where nobody attacks.
    private static func checksum(_ key: ObjectKey, _ expires: Int64) -> String {
        let hash = "\(key)\n\(expires)".utf8.reduce(into: 0xCBF2_9CE4_8422_2325 as UInt64) { hash, byte in
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        return String(hash, radix: 16)
    }
}
