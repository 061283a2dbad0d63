// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Testing

extension TaskStoreConformance {
    /// The list of objects that are still to be deleted, as tasks write it.
    public static let deleting: [Check] = [
        Check("a completed task's pictures are due when its links die, those of its request at once") {
            store,
            samples in
            let task = try samples.edit()
            try await store.create(task)
            let done = try samples.stored(task)
            try await store.update(done, from: task.version)
            let expiry = try #require(done.expiresAt)

            let first = try await due(in: store, at: samples.time.now)
            let early = try await due(in: store, at: expiry.advanced(by: .milliseconds(-1)))
            let second = try await due(in: store, at: expiry)

            #expect(first.map(\.key) == done.inputKeys)
            #expect(early.isEmpty)
            #expect(second.map(\.key) == done.pictureKeys)
            #expect((first + second).allSatisfy { $0.task == task.id && $0.tries == 1 })
        },
        Check("what an unfinished task needs is not due, whatever was announced and however late it is") {
            store,
            samples in
            let task = try samples.edit()
            let stray = try #require(ObjectKey("stray.png"))
            try await announce(task.inputKeys + [stray], of: task, in: store, at: samples.time.now)
            try await store.create(task)

            #expect(try await due(in: store, at: samples.late).isEmpty)

            try await store.update(try samples.failed(task), from: task.version)
            #expect(try await due(in: store, at: samples.late).map(\.key) == [stray], "it keeps what it was made from")
        },
        Check("a picture that was announced and then stored lives as long as its links") { store, samples in
            let task = try samples.edit()
            try await store.create(task)
            let done = try samples.stored(task)
            try await announce(done.pictureKeys, of: task, in: store, at: samples.time.now)
            try await store.update(done, from: task.version)
            let expiry = try #require(done.expiresAt)

            let before = try await due(in: store, at: expiry.advanced(by: .milliseconds(-1)))

            #expect(before.map(\.key) == done.inputKeys)
            #expect(try await due(in: store, at: expiry).map(\.key) == done.pictureKeys)
        },
        Check("a change that is refused leaves the list as it was") { store, samples in
            let task = try samples.edit()
            try await announce(task.inputKeys, of: task, in: store, at: samples.time.now)
            let done = try samples.stored(task)

            await expect(.conflict) { () async throws(StoreError) in try await store.update(done, from: task.version) }

            #expect(try await due(in: store, at: samples.late).map(\.key) == task.inputKeys)
        },
        Check("what a deleted task kept is due now, finished or not") { store, samples in
            let now = samples.time.now
            let (pending, failed, done) = (try samples.edit(), try samples.edit(), try samples.edit())
            for task in [pending, failed, done] { try await store.create(task) }
            try await store.update(try samples.failed(failed), from: failed.version)
            let stored = try samples.stored(done)
            try await store.update(stored, from: done.version)
            #expect(try await due(in: store, at: now).map(\.key) == done.inputKeys)

            for task in [pending, failed, done] { try await store.delete(task.id, owner: "alice", now: now) }

            let keys = try await due(in: store, at: now).map(\.key)
            #expect(Set(keys) == Set(pending.inputKeys + failed.inputKeys + stored.pictureKeys))
        },
        Check("a picture on its way when its task is deleted is due when its announcement is over") { store, samples in
            let task = try samples.edit()
            try await store.create(task)
            let late = samples.time.now.advanced(by: Deletion.uploadTime)
            let key = ObjectKey.picture(of: task, index: 0, format: .png)
            try await announce([key], of: task, in: store, at: late)
            try await store.delete(task.id, owner: nil, now: samples.time.now)

            let first = try await due(in: store, at: late.advanced(by: .milliseconds(-1)))

            #expect(first.map(\.key) == task.inputKeys)
            #expect(try await due(in: store, at: late).map(\.key) == [key])
        },
        Check("a handed-out object is nobody else's until its lease is over") { store, samples in
            let now = samples.time.now
            let task = try samples.edit()
            try await announce(task.inputKeys, of: task, in: store, at: now)

            let first = try await store.dueDeletions(limit: 1, now: now, lease: .seconds(60))
            let second = try await store.dueDeletions(limit: 9, now: now, lease: .seconds(60))
            let third = try await store.dueDeletions(limit: 9, now: now.advanced(by: .seconds(59)), lease: .seconds(60))
            let late = try await store.dueDeletions(limit: 9, now: now.advanced(by: .seconds(60)), lease: .seconds(60))

            #expect(first.count == 1)
            #expect(Set((first + second).map(\.key)) == Set(task.inputKeys))
            #expect(second.count == task.inputKeys.count - 1)
            #expect(third.isEmpty)
            #expect(late.map(\.tries) == task.inputKeys.map { _ in 2 })
        },
        Check("what is done is off the list, and what failed comes back when it shall") { store, samples in
            let now = samples.time.now
            let task = try samples.edit()
            try await announce(task.inputKeys, of: task, in: store, at: now)
            let out = try await due(in: store, at: now)
            var report = DeletionReport()
            report.done = [out[0]]
            report.open = [(out[1], now.advanced(by: .seconds(30)))]
            try await store.settle(report)

            let early = try await due(in: store, at: now.advanced(by: .seconds(29)))
            let late = try await due(in: store, at: now.advanced(by: .seconds(30)))

            #expect(early.isEmpty)
            #expect(late.map(\.key) == [out[1].key])
            #expect(late.map(\.tries) == [2])
        },
        Check("who reports after the lease changes nothing") { store, samples in
            let now = samples.time.now
            let task = try samples.edit()
            try await announce(task.inputKeys, of: task, in: store, at: now)
            let slow = try await store.dueDeletions(limit: 9, now: now, lease: .zero)
            let fast = try await store.dueDeletions(limit: 1, now: now, lease: .zero)
            try await announce([slow[1].key], of: task, in: store, at: now)

            var report = DeletionReport()
            report.done = slow
            try await store.settle(report)

            #expect(fast.map(\.tries) == [2])
            #expect(Set(try await due(in: store, at: now).map(\.key)) == Set(task.inputKeys))
        },
        Check("sixteen janitors at once never get the same object") { store, samples in
            let task = try samples.edit()
            let keys = (0..<200).compactMap { ObjectKey("many/\($0).png") }
            try await announce(keys, of: task, in: store, at: samples.time.now)

            let out = try await withThrowingTaskGroup(of: [ObjectKey].self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        var mine: [ObjectKey] = []
                        while true {
                            let more = try await store.dueDeletions(
                                limit: 3,
                                now: samples.time.now,
                                lease: .seconds(60)
                            )
                            if more.isEmpty { return mine }
                            mine += more.map(\.key)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }

            #expect(out.count == 200)
            #expect(Set(out) == Set(keys))
        },
    ]

    /// How long finished tasks are kept.
    public static let retaining: [Check] = [
        Check("tasks are removed that were finished before a moment, those first that were finished first") {
            store,
            samples in
            var tasks: [ImageTask] = []
            for _ in 0..<5 {
                let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.failed.events())
                try await store.create(task)
                tasks.append(task)
                samples.time.advance(by: .seconds(10))
            }
            let running = try samples.task(try samples.pending(), after: SampleTasks.Stage.waiting.events())
            try await store.create(running)
            let moment = try #require(tasks[3].completedAt)

            let first = try await store.removeTasks(finishedBefore: moment, limit: 2, now: samples.time.now)
            #expect(first == 2)
            #expect(try await store.task(tasks[1].id, owner: nil) == nil)
            #expect(try await store.task(tasks[2].id, owner: nil) == tasks[2])

            let second = try await store.removeTasks(finishedBefore: moment, limit: 9, now: samples.time.now)
            #expect(second == 1)
            let left = try await store.list(TaskQuery(owner: "alice", ascending: true)).tasks
            #expect(left == Array(tasks[3...]) + [running])
            #expect(try await store.removeTasks(finishedBefore: moment, limit: 9, now: samples.time.now) == 0)
        },
        Check("with an old task goes what it kept, but no link that still lives") { store, samples in
            let (failed, done) = (try samples.edit(), try samples.edit())
            for task in [failed, done] { try await store.create(task) }
            try await store.update(try samples.failed(failed), from: failed.version)
            let stored = try samples.stored(done)
            try await store.update(stored, from: done.version)
            #expect(try await due(in: store, at: samples.time.now).map(\.key) == done.inputKeys)
            let expiry = try #require(stored.expiresAt)
            samples.time.advance(by: .seconds(60))
            let now = samples.time.now

            #expect(try await store.removeTasks(finishedBefore: now, limit: 9, now: now) == 2)

            let early = try await due(in: store, at: expiry.advanced(by: .milliseconds(-1)))
            #expect(early.map(\.key) == failed.inputKeys)
            #expect(try await due(in: store, at: expiry).map(\.key) == stored.pictureKeys)
        },
    ]

    /// Takes what is due; it is not handed out again within any time that a check looks at.
    private static func due(in store: any TaskStore, at now: Timestamp) async throws -> [Deletion] {
        let due = try await store.dueDeletions(limit: 1000, now: now, lease: .seconds(1_000_000))
        return due.sorted { $0.key.description < $1.key.description }
    }

    private static func announce(
        _ keys: [ObjectKey],
        of task: ImageTask,
        in store: any TaskStore,
        at due: Timestamp
    ) async throws {
        try await store.announce(keys.map { Deletion(key: $0, task: task.id, due: due) })
    }
}

extension SampleTasks {
    /// A moment long after everything.
    fileprivate var late: Timestamp { time.now.advanced(by: .seconds(900_000)) }

    /// A pending task with two pictures in its request.
    public func edit() throws(InvalidRequest) -> ImageTask {
        let request = try Self.request { draft in
            draft.kind = .edit
            draft.inputs = [.upload(Self.header, bytes: 10), .url("https://cats.example/1.png")]
            draft.mask = .upload(Self.header, bytes: 20)
        }
        return ImageTask(
            id: id(),
            owner: "alice",
            request: request,
            needsLink: true,
            createdAt: time.now,
            linkLifetime: .seconds(86_400)
        )
    }

    /// A pending task after it was completed with two pictures under its own names.
    public func stored(_ pending: ImageTask) throws -> ImageTask {
        let pictures = (0..<2).map { place in
            StoredPicture(
                key: ObjectKey.picture(of: pending, index: place, format: .png).description,
                header: Self.header,
                bytes: 100
            )
        }
        let stored = TaskEvent.stored(portion: 0, pictures: pictures, usage: nil, warnings: [])
        return try task(pending, after: Stage.submitting.events() + [stored])
    }

    fileprivate func failed(_ pending: ImageTask) throws -> ImageTask {
        try task(pending, after: Stage.failed.events())
    }
}
