// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// An engine that plays its part on the board as a test says.
struct FakeEngine: Sendable {
    typealias Conduct = @Sendable (FakeEngine, ImageTask) async throws -> Void

    let store: MemoryTaskStore
    let board: TaskBoard
    let time: any TimeSource
    let node: String
    var uploads = HandedUploads()

    /// Treats every assigned task, until the test ends.
    func run(_ conduct: @escaping Conduct) async {
        await withDiscardingTaskGroup { group in
            for await assignment in board.assignments {
                let task = assignment.task
                uploads.note(assignment)
                group.addTask {
                    do {
                        try await conduct(self, task)
                    } catch is CancellationError {
                        // The test is over.
                    } catch {
                        Issue.record(error)
                    }
                    board.settled(task.id)
                }
            }
        }
    }

    /// Writes what happened to a task and tells everybody.
    @discardableResult
    func record(_ task: ImageTask, _ events: TaskEvent...) async throws -> ImageTask {
        var changed = task
        for event in events { changed = try changed.applying(event, at: time.now) }
        try await store.update(changed, from: task.version)
        board.changed(task.id)
        return changed
    }

    /// Begins one portion.
    func begin(_ task: ImageTask) async throws -> ImageTask {
        let claimed = TaskEvent.claimed(node: node, portions: [task.request.count])
        return try await record(task, claimed, SampleTasks.submitting())
    }

    /// Makes the pictures: handed to the caller who waits, or stored.
    func finish(
        _ task: ImageTask,
        _ pictures: [DeliveredPicture] = [.small],
        usage: Usage? = nil,
        warnings: [String] = []
    ) async throws {
        let begun = try await begin(task)
        guard !task.needsLink, let caller = board.takeCaller(of: task.id) else {
            return try await keep(begun, pictures, usage: usage, warnings: warnings)
        }
        let headers = pictures.map { _ in SampleTasks.header }
        let event = TaskEvent.delivered(portion: 0, headers: headers, usage: usage, warnings: warnings)
        caller.give(Delivery(task: try await record(begun, event), pictures: pictures))
    }

    /// Stores the pictures of a task that was begun.
    func keep(
        _ task: ImageTask,
        _ pictures: [DeliveredPicture] = [.small],
        usage: Usage? = nil,
        warnings: [String] = []
    ) async throws {
        let stored = pictures.enumerated().map { place, picture in
            StoredPicture(
                key: ObjectKey.picture(of: task, index: place, format: .png).description,
                header: SampleTasks.header,
                bytes: 100,
                revisedPrompt: picture.revisedPrompt
            )
        }
        try await record(task, .stored(portion: 0, pictures: stored, usage: usage, warnings: warnings))
    }

    /// Gives a task up.
    func fail(_ task: ImageTask, _ failure: TaskFailure) async throws {
        let claimed = try await record(task, .claimed(node: node, portions: [task.request.count]))
        try await record(claimed, .portionFailed(portion: 0, failure))
    }
}

extension DeliveredPicture {
    /// A few bytes that stand for a picture.
    static let small = DeliveredPicture(base64: ByteBuffer(string: "iVBORw0KGgo="))
}

/// The pictures that were handed to the engine in memory.
final class HandedUploads: Sendable {
    private let stored = Mutex<[TaskID: [InputPicture]]>([:])

    func note(_ assignment: Assignment) {
        stored.withLock { $0[assignment.task.id] = assignment.uploads }
    }

    /// What came with a task; `nil` if it was not assigned.
    subscript(task: TaskID) -> [InputPicture]? { stored.withLock { $0[task] } }
}
