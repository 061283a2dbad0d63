// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

@Suite struct FinishedTasksTests {
    let samples = SampleTasks()

    private func finishedTask() throws -> ImageTask {
        try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
    }

    @Test func `only finished tasks of ordinary length are kept`() throws {
        let memory = FinishedTasks()
        let running = try samples.task(try samples.pending(), after: SampleTasks.Stage.waiting.events())
        let short = try finishedTask()
        let long = try finishedTask()

        memory.keep(running, bodyLength: 500)
        memory.keep(short, bodyLength: FinishedTasks.longestBody)
        memory.keep(long, bodyLength: FinishedTasks.longestBody + 1)

        #expect(memory[running.id] == nil)
        #expect(memory[short.id] == short)
        #expect(memory[long.id] == nil)
    }

    @Test func `the number of tasks is bounded, and those asked for stay longest`() throws {
        let memory = FinishedTasks(capacity: 10)
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
        let memory = FinishedTasks()
        let task = try finishedTask()
        let before = memory.deletions

        memory.forget(task.id)
        memory.keep(task, bodyLength: 500, unlessDeletedSince: before)
        #expect(memory[task.id] == nil)

        memory.keep(task, bodyLength: 500, unlessDeletedSince: memory.deletions)
        #expect(memory[task.id] == task)
    }
}
