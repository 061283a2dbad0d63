// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

extension ObjectStoreConformance {
    func streamsAreStored() async throws {
        for count in [0, 1, 5, 40] {
            let key = try freshKey("stream-\(count).webp")
            let pieces = (0..<count).map { Self.bytes($0 * 5003, from: $0) }
            try await store.put(Self.stream(pieces), at: key)
            let whole = Self.joined(ObjectBody(contentType: "", buffers: pieces))
            let found = try await fetch(key)
            try expect(found.map(Self.joined) == whole, "a stream of \(count) pieces came back with other bytes")
            try expect(found?.contentType == "image/webp", "a stream came back as \(found?.contentType ?? "nothing")")
        }
        let key = try freshKey("replaced.webp")
        for length in [300, 100] { try await store.put(Self.stream([Self.bytes(length)]), at: key) }
        try expect(try await fetch(key)?.length == 100, "the second stream did not replace the first")
    }

    func brokenStreamsChangeNothing() async throws {
        let (old, new) = (try freshKey("old.webp"), try freshKey("new.webp"))
        try await store.put(ObjectBody(contentType: "image/webp", buffers: [Self.bytes(9)]), at: old)
        let pieces = (0..<8).map { Self.bytes(50_000, from: $0) }
        let broken = [
            ("ends early", Self.stream(pieces, length: 400_001)), ("ends late", Self.stream(pieces, length: 399_999)),
            ("has bytes where none were said", Self.stream(pieces, length: 0)),
            ("ends with an error", Self.stream(pieces, length: 400_000, failing: true)),
            ("ends early with an error", Self.stream(pieces, length: 500_000, failing: true)),
        ]
        for (kind, stream) in broken {
            for key in [old, new] {
                let error = await failure { () throws(ObjectError) in try await store.put(stream(), at: key) }
                try expect(
                    error?.code == .incomplete && error?.isTemporary == true,
                    "a stream that \(kind) ended as \(error.map { "\($0)" } ?? "a success")"
                )
            }
            try expect(try await fetch(old)?.length == 9, "a stream that \(kind) took away what was there")
            try expect(try await fetch(new) == nil, "a stream that \(kind) left something behind")
        }
    }

    func objectsAreRead() async throws {
        let key = try freshKey("read.png")
        for length in [0, 1, 700_000] {
            try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(length)]), at: key)
            for limit in [length, length + 1, 1 << 30] {
                let found = try await store.get(key, atMost: limit)
                try expect(found == Self.bytes(length), "an object of \(length) bytes was read as another")
            }
            try expect(try await fetch(key)?.length == length, "an object that was read is not at its link")
        }
    }

    func missingObjectsAreNotFound() async throws {
        let (key, never) = (try freshKey("gone.png"), try freshKey("never/was/there.png"))
        for length in [100, 300_000] {
            try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(length)]), at: key)
            try expect(try await fetch(key)?.length == length, "an object is not at its link")
            for limit in [0, length - 1] {
                let error = await failure { () throws(ObjectError) in _ = try await store.get(key, atMost: limit) }
                try expect(error?.code == .notFound, "an object of \(length) bytes was read with a limit of \(limit)")
            }
        }
        try await store.delete(key)
        for key in [key, never] {
            let error = await failure { () throws(ObjectError) in _ = try await store.get(key, atMost: 1000) }
            try expect(
                error?.code == .notFound && error?.isTemporary == false,
                "reading what is not there ended as \(error.map { "\($0)" } ?? "a success")"
            )
        }
    }

    private func failure(_ body: () async throws(ObjectError) -> Void) async -> ObjectError? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    private struct Cut: Error {}

    private static func stream(_ pieces: [ByteBuffer]) -> ObjectStream {
        stream(pieces, length: pieces.reduce(0) { $0 + $1.readableBytes }, failing: false)()
    }

    private static func stream(
        _ pieces: [ByteBuffer],
        length: Int,
        failing: Bool = false
    ) -> @Sendable () -> ObjectStream {
        {
            let left = Mutex(pieces[...])
            let chunks = TransportChunks {
                if let piece = left.withLock({ $0.popFirst() }) { return piece }
                if failing { throw Cut() }
                return nil
            }
            return ObjectStream(contentType: "image/webp", length: length, chunks: chunks)
        }
    }
}
