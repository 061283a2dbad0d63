// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

/// Which objects live how long.
@Suite struct DeletionTests {
    let samples = SampleTasks()

    @Test(arguments: [
        (0, 15), (1, 15), (2, 30), (3, 60), (4, 120), (8, 1920), (9, 3600), (10, 3600), (Int.max, 3600),
    ])
    func `a failure is tried again later each time, and at least every hour`(tries: Int, pause: Int) throws {
        let (task, now) = (try samples.edit(), samples.time.now)
        let deletion = Deletion(key: task.inputKeys[0], task: task.id, due: now, tries: tries)
        #expect(now.duration(to: deletion.nextTry(after: now)) == .seconds(pause))
    }

    @Test func `only pictures that came as bytes lie in the object store`() throws {
        let task = try samples.edit()
        #expect(
            task.inputKeys.map(\.description) == [
                "inputs/2023/11/14/\(task.id)-0.png", "inputs/2023/11/14/\(task.id)-2.png",
            ]
        )
    }

    @Test(arguments: [SampleTasks.Stage.queued, .submitting, .waiting, .fetching, .failed])
    func `a task that runs or failed keeps what it has until it is removed`(stage: SampleTasks.Stage) throws {
        let task = try samples.task(try samples.edit(), after: stage.events())
        let now = samples.time.now
        #expect(task.objects.due.isEmpty)
        #expect(task.objects.kept == task.inputKeys)
        for endsLinks in [true, false] {
            let removed = task.deletions(removedAt: now, endsLinks: endsLinks)
            #expect(removed == task.inputKeys.map { Deletion(key: $0, task: task.id, due: now) })
        }
    }

    @Test func `a completed task's pictures live as long as its links`() throws {
        let task = try samples.stored(try samples.edit())
        let (now, expiry) = (samples.time.now, samples.time.now.advanced(by: .seconds(86_400)))
        let pictures = task.pictureKeys.map { Deletion(key: $0, task: task.id, due: expiry) }
        #expect(task.objects.due == pictures + task.inputKeys.map { Deletion(key: $0, task: task.id, due: now) })
        #expect(task.objects.kept.isEmpty)
        #expect(task.deletions(removedAt: now, endsLinks: false).isEmpty)
        #expect(task.deletions(removedAt: now, endsLinks: true).map(\.key) == task.pictureKeys)
        #expect(task.deletions(removedAt: now, endsLinks: true).allSatisfy { $0.due == now })
        #expect(task.deletions(removedAt: expiry, endsLinks: true).isEmpty, "it is on the list since it was completed")
    }
}
