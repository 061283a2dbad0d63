// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import GatewayCore
import NIOCore
import Synchronization
import Testing

@testable import GatewayPictures

@Suite struct LaneTests {
    /// Work that stays until it is told to go, and how much of it there is.
    private final class Gate: Sendable {
        let running = Mutex((now: 0, most: 0))
        let door = DispatchSemaphore(value: 0)

        func work() -> ByteBuffer {
            running.withLock { running in
                running.now += 1
                running.most = max(running.most, running.now)
            }
            door.wait()
            running.withLock { $0.now -= 1 }
            return ByteBuffer()
        }
    }

    private func until(_ isTrue: () -> Bool) async { while !isTrue() { await Task.yield() } }

    @Test(arguments: [(memory: 1000, bytes: 1, most: 2), (memory: 10, bytes: 6, most: 1), (10, 99, 1)])
    func `no more run at once than there are threads and memory`(memory: Int, bytes: Int, most: Int) async throws {
        let (lanes, gate) = (TranscodingLanes(count: 2, memory: memory), Gate())

        try await withThrowingTaskGroup { group in
            for _ in 0..<6 { group.addTask { _ = try await lanes.run(bytes: bytes) { gate.work() } } }
            await until { gate.running.withLock { $0.now == most } && lanes.waiting == 6 - most }
            for _ in 0..<6 { gate.door.signal() }
            try await group.waitForAll()
        }

        #expect(gate.running.withLock { $0.most } == most)
        #expect(lanes.waiting == 0)
    }

    @Test func `who is canceled while waiting leaves at once, and lets others pass`() async throws {
        let (lanes, gate) = (TranscodingLanes(count: 2, memory: 10), Gate())
        let first = Task { try await lanes.run(bytes: 6) { gate.work() } }
        await until { gate.running.withLock { $0.now == 1 } }
        let large = Task { try await lanes.run(bytes: 9) { gate.work() } }
        await until { lanes.waiting == 1 }
        let small = Task { try await lanes.run(bytes: 2) { gate.work() } }
        await until { lanes.waiting == 2 }

        large.cancel()

        await #expect(throws: TranscodingError.self) { try await large.value }
        await until { gate.running.withLock { $0.now == 2 } }
        for _ in 0..<2 { gate.door.signal() }
        _ = try await (first.value, small.value)
        #expect(gate.running.withLock { $0.most } == 2)
    }

    @Test func `many at once come out as they went in`() async throws {
        let transcoder = LibraryTranscoder(threads: 2, memory: 1 << 20)

        try await withThrowingTaskGroup { group in
            for side in 1...60 {
                group.addTask {
                    let picture = Samples.file(.png, PixelSize(side, side + 1))
                    let made = try await transcoder.transcode(picture, to: .webp, quality: nil)
                    #expect(PictureHeader(made.readableBytesView)?.size == PixelSize(side, side + 1))
                }
            }
            try await group.waitForAll()
        }
    }
}
