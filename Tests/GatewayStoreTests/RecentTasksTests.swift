// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct RecentTasksTests {
    let samples = SampleTasks()

    private func finishedTask() throws -> ImageTask {
        try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
    }

    private func row(_ task: ImageTask) throws -> TaskRow { try TaskRow(task) }

    @Test func `tasks of ordinary length are kept as they were written last`() throws {
        let memory = RecentTasks()
        let task = try samples.pending()
        let claimed = try samples.task(task, after: SampleTasks.Stage.queued.events())

        memory.keep(try row(task))
        #expect(memory[task.id] == task)
        memory.keep(try row(claimed))
        #expect(memory[task.id] == claimed)
        #expect(memory.find(task.id.description, version: claimed.version) == claimed)
        #expect(memory.find(task.id.description, version: task.version) == nil)
        #expect(memory.find("something else", version: 0) == nil)
    }

    @Test func `a task that became long is not kept as it was before`() throws {
        let memory = RecentTasks()
        let task = try samples.pending()
        let warning = String(repeating: "w", count: RecentTasks.longestBody)
        let long = try samples.task(
            task,
            after: [
                .claimed(node: "node-1", portions: [1]),
                .submitting(portion: 0, provider: "google", model: "m", warnings: [warning]),
            ]
        )

        memory.keep(try row(task))
        memory.keep(try row(long))

        #expect(memory[task.id] == nil)
    }

    @Test func `of what is read only finished tasks of ordinary length are kept`() throws {
        let memory = RecentTasks()
        let running = try samples.task(try samples.pending(), after: SampleTasks.Stage.waiting.events())
        let short = try finishedTask()
        let long = try finishedTask()

        memory.keep(running, bodyLength: 500, unlessDeletedSince: 0)
        memory.keep(short, bodyLength: RecentTasks.longestBody, unlessDeletedSince: 0)
        memory.keep(long, bodyLength: RecentTasks.longestBody + 1, unlessDeletedSince: 0)

        #expect(memory[running.id] == nil)
        #expect(memory[short.id] == short)
        #expect(memory[long.id] == nil)
    }

    @Test func `the number of tasks is bounded, and those asked for stay longest`() throws {
        let memory = RecentTasks(capacity: 10)
        let tasks = try (0..<40).map { _ in try finishedTask() }

        for task in tasks {
            memory.keep(try row(task))
            #expect(memory[tasks[0].id] == tasks[0])
        }

        let kept = tasks.filter { memory[$0.id] != nil }
        #expect(kept.count <= 20)
        #expect(kept.last == tasks.last)
    }

    @Test func `a row that was read before a deletion is not kept after it`() throws {
        let memory = RecentTasks()
        let task = try finishedTask()
        let before = memory.deletions

        memory.forget(task.id)
        memory.keep(task, bodyLength: 500, unlessDeletedSince: before)
        #expect(memory[task.id] == nil)

        memory.keep(task, bodyLength: 500, unlessDeletedSince: memory.deletions)
        #expect(memory[task.id] == task)
    }

    @Test func `after a write in doubt nothing is known, and nothing that was being read is kept`() throws {
        let memory = RecentTasks()
        let task = try finishedTask()
        memory.keep(try TaskRow(task))
        let before = memory.deletions

        memory.forgetAll()

        #expect(memory[task.id] == nil)
        memory.keep(task, bodyLength: 500, unlessDeletedSince: before)
        #expect(memory[task.id] == nil)
    }
}
