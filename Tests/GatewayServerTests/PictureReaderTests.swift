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
