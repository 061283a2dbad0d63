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

    @Test func `what was committed is kept if it is of ordinary length`() throws {
        let memory = RecentTasks()
        let running = try samples.task(try samples.pending(), after: SampleTasks.Stage.waiting.events())
        let short = try finishedTask()
        let long = try finishedTask()

        memory.keep(running, bodyLength: 500)
        memory.keep(short, bodyLength: RecentTasks.longestBody)
        memory.keep(long, bodyLength: RecentTasks.longestBody + 1)

        #expect(memory[running.id] == running)
        #expect(memory[short.id] == short)
        #expect(memory[long.id] == nil)
    }

    @Test func `a version that is too long to keep leaves no earlier one behind`() throws {
        let memory = RecentTasks()
        let pending = try samples.pending()
        memory.keep(pending, bodyLength: 500)

        let running = try samples.task(pending, after: SampleTasks.Stage.waiting.events())
        memory.keep(running, bodyLength: RecentTasks.longestBody + 1)

        #expect(memory[pending.id] == nil)
    }

    @Test func `of an unfinished task only what was committed is kept, not what was read`() throws {
        let memory = RecentTasks()
        let running = try samples.task(try samples.pending(), after: SampleTasks.Stage.waiting.events())

        memory.keep(running, bodyLength: 500, unlessDeletedSince: memory.deletions)

        #expect(memory[running.id] == nil)
    }

    @Test func `a row is known only by its version`() throws {
        let memory = RecentTasks()
        let task = try finishedTask()
        memory.keep(task, bodyLength: 500)

        #expect(memory[task.id, task.version] == task)
        #expect(memory[task.id, task.version + 1] == nil)
    }

    @Test func `the number of tasks is bounded, and those asked for stay longest`() throws {
        let memory = RecentTasks(capacity: 10)
        let tasks = try (0..<40).map { _ in try finishedTask() }

        for task in tasks {
            memory.keep(task, bodyLength: 500)
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
}
