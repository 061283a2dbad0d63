// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

@testable import ImageGateway

/// Whether pictures can be stored, asked all the time.
@Suite struct StorageReadinessTests {
    private static let down = ObjectError(.unavailable, isTemporary: true, "Down.")
    private let time = ManualTime()

    private static func failure(_ readiness: StorageReadiness) async -> ObjectError? {
        do throws(ObjectError) {
            try await readiness.check()
            return nil
        } catch {
            return error
        }
    }

    private func key() throws -> ObjectKey { try #require(ObjectKey("check/ready.txt")) }

    @Test func `a bucket is asked once in half a minute, and written to only when the object is not there`()
        async throws
    {
        let objects = MemoryObjectStore()
        let readiness = StorageReadiness(objects, isLocal: false, time: time)

        for _ in 1...50 { try await readiness.check() }
        #expect(objects.calls == [.get(try key()), .put(try key())])
        time.advance(by: .seconds(29))
        try await readiness.check()
        #expect(objects.calls.count == 2)
        time.advance(by: .seconds(1))
        for _ in 1...50 { try await readiness.check() }
        #expect(objects.calls == [.get(try key()), .put(try key()), .get(try key())])
    }

    @Test func `a folder is written to each time, because a full disk still reads, and nothing stays there`()
        async throws
    {
        let objects = MemoryObjectStore()
        let readiness = StorageReadiness(objects, isLocal: true, time: time)

        for _ in 1...3 {
            try await readiness.check()
            time.advance(by: .seconds(30))
        }

        #expect(
            objects.calls == [
                .put(try key()), .delete(try key()), .put(try key()), .delete(try key()), .put(try key()),
                .delete(try key()),
            ]
        )
        #expect(objects.objects.isEmpty)
    }

    @Test func `who may not list is told that the missing is forbidden, and may write all the same`() async throws {
        let objects = MemoryObjectStore { call throws(ObjectError) in
            if case .get = call { throw ObjectError(.denied, isTemporary: false, "Denied.") }
        }

        try await StorageReadiness(objects, isLocal: false, time: time).check()

        #expect(objects.calls.count == 2)
    }

    @Test func `a failure is told for five seconds, and then asked for again`() async throws {
        let isDown = Mutex(true)
        let objects = MemoryObjectStore { _ throws(ObjectError) in if isDown.withLock(\.self) { throw Self.down } }
        let readiness = StorageReadiness(objects, isLocal: false, time: time)

        for _ in 1...20 { #expect(await Self.failure(readiness)?.message == "Down.") }
        #expect(objects.calls.count == 1)
        isDown.withLock { $0 = false }
        #expect(await Self.failure(readiness)?.message == "Down.")
        time.advance(by: .seconds(5))
        #expect(await Self.failure(readiness) == nil)
    }

    @Test func `a clock that is set back keeps no old answer alive`() async throws {
        let objects = MemoryObjectStore()
        let readiness = StorageReadiness(objects, isLocal: true, time: time)
        try await readiness.check()

        time.advance(by: .seconds(-3600))
        try await readiness.check()

        #expect(objects.calls.count == 4)
    }

    @Test func `a storage that hangs is unready after five seconds, for everybody who waits`() async throws {
        let time = time
        let objects = MemoryObjectStore { _ throws(ObjectError) in
            try? await Task.sleep(for: .seconds(3600))
            throw Self.down
        }
        let readiness = StorageReadiness(objects, isLocal: false, time: time)

        let failures = await withTaskGroup(of: ObjectError?.self) { group in
            for _ in 1...10 { group.addTask { await Self.failure(readiness) } }
            await time.untilSleeping()
            time.advance(by: .seconds(5))
            return await group.reduce(into: []) { $0.append($1) }
        }

        #expect(failures.count == 10)
        #expect(failures.allSatisfy { $0?.message.contains("within 5 seconds") == true })
        #expect(objects.calls.count == 1)
    }

    @Test func `no storage is never unready`() async throws {
        try await StorageReadiness(NoObjectStore(), isLocal: false, time: time).check()
    }
}
