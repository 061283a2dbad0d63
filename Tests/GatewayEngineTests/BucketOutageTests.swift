// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// A bucket in trouble for a minute: no task is lost, nothing is bought again, memory stays what it was.
@Suite struct BucketOutageTests {
    enum Trouble: String, CaseIterable, Sendable {
        /// Each call takes 20 seconds.
        case slow
        case full, forbidden, missing, down
        /// The connection ends when half of the bytes are through.
        case halfway
    }

    /// A bucket with a trouble that ends by the clock.
    final class Bucket: ObjectStore {
        let memory: MemoryObjectStore
        private let trouble: Trouble
        private let end: Timestamp
        private let time: HastyTime
        private let budget: ByteBudget
        private let notes = Mutex((failures: 0, most: 0))

        init(
            _ memory: MemoryObjectStore,
            _ trouble: Trouble,
            until end: Timestamp,
            _ time: HastyTime,
            _ budget: ByteBudget
        ) {
            self.memory = memory
            self.trouble = trouble
            self.end = end
            self.time = time
            self.budget = budget
        }

        /// How often it refused.
        var failures: Int { notes.withLock(\.failures) }
        /// The most bytes that were held while something was to be stored.
        var mostHeld: Int { notes.withLock(\.most) }

        func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
            try await begin { 0 }
            try await memory.put(object, at: key)
        }

        func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
            try await begin {
                var iterator = object.chunks.makeAsyncIterator()
                return (try? await iterator.next())?.readableBytes ?? 0
            }
            try await memory.put(object, at: key)
        }

        private func begin(_ half: () async -> Int) async throws(ObjectError) {
            let used = budget.used
            notes.withLock { $0.most = max($0.most, used) }
            guard time.now < end else { return }
            notes.withLock { $0.failures += 1 }
            switch trouble {
            case .slow:
                // As slow as the bucket is, the picture gets there.
                try? await time.sleep(for: .seconds(20))
                return
            case .full: throw ObjectError(.full, isTemporary: true, "Full.")
            case .forbidden: throw ObjectError(.denied, isTemporary: false, "Forbidden.")
            case .missing: throw ObjectError(.noBucket, isTemporary: false, "No bucket.")
            case .down: throw ObjectError(.unavailable, isTemporary: true, "Down.")
            case .halfway:
                _ = await half()
                throw ObjectError(.unavailable, isTemporary: true, "The connection ended.")
            }
        }

        func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer {
            try await memory.get(key, atMost: limit)
        }

        func delete(_ key: ObjectKey) async throws(ObjectError) { try await memory.delete(key) }

        func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
            try memory.link(to: key, signedAt: signedAt, lifetime: lifetime)
        }
    }

    private static let tasks = 8

    @Test(arguments: Trouble.allCases, [false, true])
    func `tasks complete when the bucket is back`(trouble: Trouble, isStreamed: Bool) async throws {
        let (time, memory, budget) = (HastyTime(), MemoryObjectStore(), ByteBudget(limit: 1 << 20))
        let bucket = Bucket(memory, trouble, until: time.now.advanced(by: .seconds(60)), time, budget)
        let vendor = FakeVendor { _, number in
            isStreamed ? .addresses("https://v.example/\(number).png") : .pictures(number)
        }
        let bench = Bench(
            vendor.provider("a"),
            objects: memory,
            time: time,
            keeping: bucket,
            memory: budget,
            web: ReplayTransport { _ in RemotePictureTests.picture() }
        )

        let tasks = try await withThrowingTaskGroup(of: ImageTask.self) { group in
            for _ in 0..<Self.tasks { group.addTask { try await bench.draw() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }

        #expect(tasks.allSatisfy { $0.status == .completed })
        #expect(tasks.allSatisfy { $0.attempts.count == 1 && $0.pictures.count == 1 })
        #expect(vendor.ledger.submissions == Self.tasks)
        #expect(memory.objects.count == Self.tasks)
        #expect(memory.objects.values.allSatisfy { $0.length == Picture.png(1).readableBytes })
        // The trouble was met, and the retries did not hold a picture twice.
        #expect(bucket.failures > 0)
        #expect(bucket.mostHeld <= Self.tasks * 2 * Picture.png(1).readableBytes)
        #expect(budget.used == 0)
    }

    @Test(arguments: [false, true])
    func `a bucket that stays forbidden until the task's time is over is the reason that is given`(
        isStreamed: Bool
    ) async throws {
        let (time, memory, budget) = (HastyTime(), MemoryObjectStore(), ByteBudget(limit: 1 << 20))
        let bucket = Bucket(memory, .forbidden, until: time.now.advanced(by: .seconds(100_000)), time, budget)
        let vendor = FakeVendor { _, _ in isStreamed ? .addresses("https://v.example/a.png") : .pictures(1) }
        let bench = Bench(
            vendor.provider("a"),
            objects: memory,
            time: time,
            keeping: bucket,
            memory: budget,
            web: ReplayTransport { _ in RemotePictureTests.picture() }
        )

        let task = try await bench.draw()

        #expect(task.status == .failed)
        #expect(task.failure?.code == .storageError)
        #expect(task.attempts.map(\.outcome) == [.succeeded])
        #expect(vendor.ledger.submissions == 1)
        // Once in ten seconds, not as fast as it can.
        #expect((30...120).contains(bucket.failures), "\(bucket.failures)")
        #expect(budget.used == 0)
    }
}
