// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import NIOCore

/// What every object store must do, as checks for its tests.
///
/// ```swift
/// @Test(arguments: ObjectStoreConformance.Check.allCases)
/// func `my store keeps the contract`(check: ObjectStoreConformance.Check) async throws {
///     try await ObjectStoreConformance(store: store, time: SystemTime(), follow: { link in … }).run(check)
/// }
/// ```
/// Each check uses keys of its own, so that they may run side by side and again in the same bucket.
public struct ObjectStoreConformance: Sendable {
    let store: any ObjectStore
    private let time: any TimeSource
    private let follow: @Sendable (_ link: String) async throws -> ObjectBody?

    /// Prepares the checks for one store.
    ///
    /// - Parameters:
    ///   - store: The store under test.
    ///   - time: The clock by which links live and die: the machine's own for a real service.
    ///   - follow: Fetches a link by GET, as somebody without credentials; `nil` if it was refused or leads to nothing.
    public init(
        store: any ObjectStore,
        time: any TimeSource = SystemTime(),
        follow: @escaping @Sendable (_ link: String) async throws -> ObjectBody?
    ) {
        self.store = store
        self.time = time
        self.follow = follow
    }

    /// One promise of a store.
    public enum Check: String, Sendable, CaseIterable {
        /// An object comes back by its link, byte for byte, with its media type.
        case storedObjectComesBack
        /// Buffers are stored one after the other, whatever their number and size.
        case buffersAreJoined
        /// An object without a byte is an object.
        case emptyObject
        /// Storing under the same key replaces.
        case putReplaces
        /// A deleted object is gone; deleting what is not there is no error.
        case deletedObjectIsGone
        /// Every character that keys may have works, and long names do.
        case everyKeyWorks
        /// The same arguments give the same link, others another.
        case linksAreStable
        /// A link lives as long as it was signed for.
        case linksLiveTheirTime
        /// A link ends with its life.
        case linksEnd
        /// A link that somebody changed leads nowhere.
        case changedLinksAreRefused
        /// A life that no link can have is refused when it is signed.
        case impossibleLivesAreRefused
        /// Many objects stored at once do not disturb each other.
        case manyAtOnce
        /// An object whose bytes come while they are stored is the same as any other.
        case streamsAreStored
        /// A stream that ends early, late or with an error changes nothing, and says so.
        case brokenStreamsChangeNothing
        /// An object is read whole, up to the limit.
        case objectsAreRead
        /// An object that is not there, or is too large, is not found.
        case missingObjectsAreNotFound
    }

    /// Runs one check.
    ///
    /// - Parameter check: Which.
    /// - Throws: ``BrokenPromise``, or whatever the store or `follow` threw.
    public func run(_ check: Check) async throws {
        switch check {
        case .storedObjectComesBack: try await storedObjectComesBack()
        case .buffersAreJoined: try await buffersAreJoined()
        case .emptyObject: try await emptyObject()
        case .putReplaces: try await putReplaces()
        case .deletedObjectIsGone: try await deletedObjectIsGone()
        case .everyKeyWorks: try await everyKeyWorks()
        case .linksAreStable: try linksAreStable()
        case .linksLiveTheirTime: try await linksLiveTheirTime()
        case .linksEnd: try await linksEnd()
        case .changedLinksAreRefused: try await changedLinksAreRefused()
        case .impossibleLivesAreRefused: try impossibleLivesAreRefused()
        case .manyAtOnce: try await manyAtOnce()
        case .streamsAreStored: try await streamsAreStored()
        case .brokenStreamsChangeNothing: try await brokenStreamsChangeNothing()
        case .objectsAreRead: try await objectsAreRead()
        case .missingObjectsAreNotFound: try await missingObjectsAreNotFound()
        }
    }

    /// A check that failed, and how.
    public struct BrokenPromise: Error, Sendable, CustomStringConvertible {
        /// One sentence.
        public let description: String
    }
}

// MARK: The checks

extension ObjectStoreConformance {
    private func storedObjectComesBack() async throws {
        for (name, type) in [("a.png", "image/png"), ("b.jpg", "image/jpeg"), ("c.webp", "image/webp")] {
            let key = try freshKey(name)
            try await store.put(ObjectBody(contentType: type, buffers: [Self.bytes(70_000)]), at: key)
            let found = try await fetch(key)
            try expect(
                found?.contentType == type,
                "\(key) came back as \(found?.contentType ?? "nothing"), not \(type)"
            )
            try expect(found.map(Self.joined) == Self.bytes(70_000), "\(key) came back with other bytes")
        }
    }

    private func buffersAreJoined() async throws {
        let key = try freshKey("joined.png")
        var buffers = (1...40).map { Self.bytes($0 * 1009, from: $0) }
        buffers.insert(ByteBuffer(), at: 7)
        buffers.append(Self.bytes(5 << 20, from: 3))
        try await store.put(ObjectBody(contentType: "image/png", buffers: buffers), at: key)
        let whole = Self.joined(ObjectBody(contentType: "", buffers: buffers))
        try expect(try await fetch(key).map(Self.joined) == whole, "buffers were not stored one after the other")
    }

    private func emptyObject() async throws {
        let key = try freshKey("empty.png")
        try await store.put(ObjectBody(contentType: "image/png", buffers: []), at: key)
        try expect(try await fetch(key)?.length == 0, "an object without a byte did not come back as one")
    }

    private func putReplaces() async throws {
        let key = try freshKey("replaced.png")
        for length in [300, 100] {
            try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(length)]), at: key)
        }
        try expect(try await fetch(key)?.length == 100, "the second object did not replace the first")
    }

    private func deletedObjectIsGone() async throws {
        let key = try freshKey("deleted.png")
        let neighbor = try freshKey("kept.png")
        for key in [key, neighbor] {
            try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(9)]), at: key)
        }
        for _ in 1...2 { try await store.delete(key) }
        try expect(try await fetch(key) == nil, "a deleted object is still there")
        try expect(try await fetch(neighbor) != nil, "deleting one object took another one away")
        try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(8)]), at: key)
        try expect(try await fetch(key)?.length == 8, "an object could not be stored again after it was deleted")
    }

    private func everyKeyWorks() async throws {
        let names = [
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdefghijklmnopqrstuvwxyz_0123456789.png", "two.dots..png", "no-extension",
            "-",
            "_/-/_.png", "a/b/c/d/e/f/g/h/i/j.png",
            Array(repeating: String(repeating: "k", count: 200), count: 4)
                .joined(separator: "/"),
        ]
        for (index, name) in names.enumerated() {
            let key = try freshKey(name)
            try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(index + 1)]), at: key)
            try expect(try await fetch(key)?.length == index + 1, "the key \(key) does not work")
        }
    }

    private func linksAreStable() throws {
        let (key, other) = (try freshKey("a.png"), try freshKey("b.png"))
        let moment = Timestamp(seconds: 1_700_000_000)
        let link = try store.link(to: key, signedAt: moment, lifetime: .seconds(3600))
        let others = [
            try store.link(to: other, signedAt: moment, lifetime: .seconds(3600)),
            try store.link(to: key, signedAt: moment.advanced(by: .seconds(1)), lifetime: .seconds(3600)),
            try store.link(to: key, signedAt: moment, lifetime: .seconds(3601)),
        ]
        try expect(
            try store.link(to: key, signedAt: moment, lifetime: .seconds(3600)) == link,
            "links change by themselves"
        )
        try expect(!others.contains(link), "two different links are the same")
        try expect(link.hasPrefix("http://") || link.hasPrefix("https://"), "a link is no URL")
    }

    private func linksLiveTheirTime() async throws {
        let key = try freshKey("old.png")
        try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(7)]), at: key)
        let almostOver = try store.link(to: key, signedAt: ago(.seconds(43_140)), lifetime: .seconds(43_200))
        try expect(try await follow(almostOver)?.length == 7, "a link died before its time")
    }

    private func linksEnd() async throws {
        let key = try freshKey("over.png")
        try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(7)]), at: key)
        let over = try store.link(to: key, signedAt: ago(.seconds(3605)), lifetime: .seconds(3600))
        try expect(try await follow(over) == nil, "a link lives longer than it was signed for")
    }

    private func changedLinksAreRefused() async throws {
        let (key, other) = (try freshKey("mine.png"), try freshKey("theirs.png"))
        for key in [key, other] {
            try await store.put(ObjectBody(contentType: "image/png", buffers: [Self.bytes(7)]), at: key)
        }
        let link = try store.link(to: key, signedAt: ago(.seconds(60)), lifetime: .seconds(3600))
        let stranger = try store.link(to: other, signedAt: ago(.seconds(60)), lifetime: .seconds(3600))
        let (path, query) = (link.prefix { $0 != "?" }, link.drop { $0 != "?" })
        let last: Character = link.last == "a" ? "b" : "a"
        let changed = [
            "another object": "\(stranger.prefix { $0 != "?" })\(query)",
            "another signature": "\(link.dropLast())\(last)",
            "no query": "\(path)", "one parameter more": "\(link)&response-content-type=text%2Fhtml",
        ]
        try expect(try await follow(link) != nil, "an untouched link leads nowhere")
        for (change, link) in changed {
            try expect(try await follow(link) == nil, "a link works after a change: \(change)")
        }
    }

    private func impossibleLivesAreRefused() throws {
        let key = try freshKey("never.png")
        for lifetime in [Duration.zero, .seconds(-1), .milliseconds(999)] {
            let link = try? store.link(to: key, signedAt: time.now, lifetime: lifetime)
            try expect(link == nil, "a link was signed for a life of \(lifetime)")
        }
    }

    private func manyAtOnce() async throws {
        let keys = try (0..<32).map { try freshKey("many-\($0).png") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, key) in keys.enumerated() {
                group.addTask {
                    let body = Self.bytes(1000 + index, from: index)
                    try await store.put(ObjectBody(contentType: "image/png", buffers: [body]), at: key)
                }
            }
            try await group.waitForAll()
        }
        for (index, key) in keys.enumerated() {
            let found = try await fetch(key).map(Self.joined)
            try expect(found == Self.bytes(1000 + index, from: index), "objects stored at once were mixed up")
        }
    }
}

// MARK: What the checks use

extension ObjectStoreConformance {
    func expect(_ isKept: Bool, _ sentence: @autoclosure () -> String) throws {
        if !isKept { throw BrokenPromise(description: sentence()) }
    }

    func fetch(_ key: ObjectKey) async throws -> ObjectBody? {
        try await follow(try store.link(to: key, signedAt: ago(.seconds(1)), lifetime: .seconds(600)))
    }

    private func ago(_ duration: Duration) -> Timestamp { time.now.advanced(by: .zero - duration) }

    func freshKey(_ name: String) throws -> ObjectKey {
        let run = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let key = ObjectKey("conformance/\(run)/\(name)") else {
            throw BrokenPromise(description: "no key: \(name)")
        }
        return key
    }

    static func joined(_ object: ObjectBody) -> ByteBuffer {
        object.buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    }

    static func bytes(_ count: Int, from seed: Int = 0) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).lazy.map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 ^ ($0 >> 8)) })
    }
}
