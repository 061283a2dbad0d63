// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayServer
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// Stored pictures that are read for callers who want them in base64.
@Suite(.timeLimit(.minutes(5))) struct PictureReaderTests {
    private let samples = SampleTasks()

    private func task() throws -> ImageTask {
        try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
    }

    private func read(
        _ task: ImageTask,
        with reader: PictureReader,
        callers: Int,
        then open: Flag
    ) async -> [Result<[ByteBuffer], any Error>] {
        await withTaskGroup(of: Result<[ByteBuffer], any Error>.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    do {
                        return .success(try await reader.pictures(of: task).pictures.map(\.base64))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            while reader.waitingCount(for: task.id) < callers - 1 { try? await Task.sleep(for: .milliseconds(2)) }
            open.set()
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func `who asks while a picture is read gets the same buffers, and it is read once`() async throws {
        let (task, open) = (try task(), Flag())
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .get = call else { return }
            while !open.isSet { try? await Task.sleep(for: .milliseconds(2)) }
        }
        let key = try #require(task.pictureKeys.first)
        try await objects.put(ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: "a picture")]), at: key)
        let reader = PictureReader(objects: objects, room: BodyRoom(limit: 0))

        let readings = await read(task, with: reader, callers: 50, then: open)

        for reading in readings { #expect(try reading.get() == [ByteBuffer(string: "YSBwaWN0dXJl")]) }
        #expect(objects.calls == [.put(key), .get(key)])
        #expect(reader.waitingCount(for: task.id) == 0)
        _ = try await reader.pictures(of: task)
        #expect(objects.calls.count == 3)
    }

    @Test func `a failure is told to everybody, and the next one tries again`() async throws {
        let (task, open) = (try task(), Flag())
        let objects = MemoryObjectStore { call throws(ObjectError) in
            while !open.isSet { try? await Task.sleep(for: .milliseconds(2)) }
            throw ObjectError(.unavailable, isTemporary: true, "The bucket is away.")
        }
        let reader = PictureReader(objects: objects, room: BodyRoom(limit: 0))

        let readings = await read(task, with: reader, callers: 9, then: open)

        #expect(readings.allSatisfy { (try? $0.get()) == nil })
        #expect(objects.calls.count == 1)
        await #expect(throws: ObjectError.self) { _ = try await reader.pictures(of: task) }
        #expect(objects.calls.count == 2)
    }

    /// A store that gives nothing before it is opened, or whoever asks goes away.
    private func slow(_ open: Flag, holding task: ImageTask) async throws -> MemoryObjectStore {
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .get = call else { return }
            while !open.isSet {
                do {
                    try await Task.sleep(for: .milliseconds(2))
                } catch {
                    throw ObjectError(.unavailable, isTemporary: true, "The reading was cancelled.")
                }
            }
        }
        let key = try #require(task.pictureKeys.first)
        try await objects.put(ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: "a picture")]), at: key)
        return objects
    }

    private func gets(_ objects: MemoryObjectStore) -> Int {
        objects.calls.count { if case .get = $0 { true } else { false } }
    }

    /// Runs callers one after the other into the line, and does something with them when all are in it.
    private func line(
        of count: Int,
        for task: ImageTask,
        at reader: PictureReader,
        _ objects: MemoryObjectStore,
        _ work: ([Task<[ByteBuffer], any Error>]) async throws -> Void
    ) async throws {
        var callers: [Task<[ByteBuffer], any Error>] = []
        for number in 0..<count {
            callers.append(Task { try await reader.pictures(of: task).pictures.map(\.base64) })
            // The first reads, and the others wait behind one another.
            while reader.waitingCount(for: task.id) < number { try await Task.sleep(for: .milliseconds(2)) }
            while gets(objects) == 0 { try await Task.sleep(for: .milliseconds(2)) }
        }
        try await work(callers)
    }

    @Test func `when the one who reads goes away the next in line reads, and nobody else notices`() async throws {
        let (task, open) = (try task(), Flag())
        let objects = try await slow(open, holding: task)
        let reader = PictureReader(objects: objects, room: BodyRoom(limit: 0))

        try await line(of: 9, for: task, at: reader, objects) { callers in
            // One after the other: the one who takes over may go away, too.
            for (place, leaver) in callers.prefix(3).enumerated() {
                while gets(objects) <= place { try await Task.sleep(for: .milliseconds(2)) }
                leaver.cancel()
                await #expect(throws: (any Error).self) { _ = try await leaver.value }
            }
            while gets(objects) < 4 { try await Task.sleep(for: .milliseconds(2)) }
            #expect(reader.waitingCount(for: task.id) == 5)
            open.set()

            for caller in callers.dropFirst(3) {
                let pictures = try await caller.value
                #expect(pictures == [ByteBuffer(string: "YSBwaWN0dXJl")])
            }
        }
        #expect(gets(objects) == 4)
    }

    @Test func `who waits and goes away leaves at once, and the others get their picture`() async throws {
        let (task, open) = (try task(), Flag())
        let objects = try await slow(open, holding: task)
        let reader = PictureReader(objects: objects, room: BodyRoom(limit: 0))

        try await line(of: 4, for: task, at: reader, objects) { callers in
            callers[2].cancel()
            await #expect(throws: CancellationError.self) { _ = try await callers[2].value }
            #expect(reader.waitingCount(for: task.id) == 2)
            open.set()

            for place in [0, 1, 3] {
                let pictures = try await callers[place].value
                #expect(pictures.count == 1)
            }
        }
        #expect(gets(objects) == 1)
    }

    @Test func `when everybody has gone away nobody reads, and the next one begins anew`() async throws {
        let (task, open) = (try task(), Flag())
        let objects = try await slow(open, holding: task)
        let reader = PictureReader(objects: objects, room: BodyRoom(limit: 1 << 20))

        try await line(of: 3, for: task, at: reader, objects) { callers in
            for caller in callers.reversed() { caller.cancel() }
            for caller in callers { await #expect(throws: (any Error).self) { _ = try await caller.value } }
        }
        #expect(gets(objects) == 1)
        #expect(reader.waitingCount(for: task.id) == 0)
        open.set()
        #expect(try await reader.pictures(of: task).pictures.count == 1)
        #expect(gets(objects) == 2)
    }

    @Test func `pictures are read while there is room, which lasts until the last who holds them is done`() async throws
    {
        let objects = MemoryObjectStore()
        let bytes = ByteBuffer(repeating: 7, count: 300 << 10)
        let tasks = try (0..<2).map { _ in
            let pending = try samples.pending()
            let key = ObjectKey.picture(of: pending, index: 0, format: .png)
            let picture = StoredPicture(key: key.description, header: SampleTasks.header, bytes: bytes.readableBytes)
            return try samples.task(
                pending,
                after: [
                    .claimed(node: "node", portions: [1]), SampleTasks.submitting(),
                    .stored(portion: 0, pictures: [picture], usage: nil, warnings: []),
                ]
            )
        }
        for task in tasks {
            let key = try #require(task.pictureKeys.first)
            try await objects.put(ObjectBody(contentType: "image/png", buffers: [bytes]), at: key)
        }
        // One reading takes 700 KiB.
        let reader = PictureReader(objects: objects, room: BodyRoom(limit: 1 << 20))
        var held: PictureReader.Reading? = try await reader.pictures(of: tasks[0])
        #expect(held?.pictures.count == 1)

        let refusal = await #expect(throws: APIError.self) { _ = try await reader.pictures(of: tasks[1]) }
        withExtendedLifetime(held) {}
        #expect(refusal?.status == .tooManyRequests)
        #expect(refusal?.code == "queue_full")
        #expect(refusal?.headers[.retryAfter] == "2")
        #expect(objects.calls.count == 3)

        held = nil
        #expect(try await reader.pictures(of: tasks[1]).pictures.count == 1)
    }
}
