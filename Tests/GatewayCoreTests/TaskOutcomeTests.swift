// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import Testing

/// What becomes of tasks of several portions.
@Suite struct TaskOutcomeTests {
    let samples = SampleTasks()

    private func task(_ counts: [Int], _ events: [TaskEvent]) throws -> ImageTask {
        try samples.task(
            try samples.pending(count: counts.reduce(0, +)),
            after: [.claimed(node: "node-1", portions: counts)] + events
        )
    }

    private func making(_ portion: Int) -> [TaskEvent] {
        [SampleTasks.submitting(portion: portion), SampleTasks.stored(portion: portion)]
    }

    @Test func `a task is done when its last portion is`() throws {
        let most = try task([1, 1, 1], making(0) + making(2))
        #expect(most.status == .inProgress)
        #expect(most.progress == 66)

        let all = try samples.task(most, after: making(1))

        #expect(all.status == .completed)
        #expect(all.progress == 100)
        #expect(all.warnings.isEmpty)
        #expect(all.pictures.map(\.key) == (0..<3).map { "2023/11/14/picture-\($0).png" })
        #expect(all.headers.count == 3)
        #expect(all.expiresAt == samples.time.now.advanced(by: .seconds(86_400)))
    }

    @Test func `with some pictures it is completed and says what is missing`() throws {
        let task = try task([1, 1, 2], making(0) + [.portionFailed(portion: 1, SampleTasks.failure)] + making(2))

        #expect(task.status == .completed)
        #expect(task.failure == nil)
        #expect(task.warnings == ["2 of 4 pictures were made: Every provider failed."])
        #expect(task.progress == 100)
    }

    @Test func `without a picture it fails with the first failure`() throws {
        let refusal = TaskFailure(.contentPolicyViolation, "The prompt is not allowed.")
        let task = try task(
            [1, 1],
            [.portionFailed(portion: 1, SampleTasks.failure), .portionFailed(portion: 0, refusal)]
        )

        #expect(task.status == .failed)
        #expect(task.failure == refusal)
        #expect(task.expiresAt == nil)
        #expect(task.pictures.isEmpty)
    }

    @Test func `giving up keeps the pictures that are there`() throws {
        let task = try task([1, 1], making(0) + [.gaveUp(TaskFailure(.taskTimeout, "The task's time is over."))])

        #expect(task.status == .completed)
        #expect(task.pictures.count == 1)
        #expect(task.warnings.count == 1)
    }

    @Test func `a canceled attempt is canceled, one whose time is over has an unknown outcome`() throws {
        for (code, outcome) in [(TaskFailure.Code.taskCancelled, Attempt.Outcome.cancelled), (.taskTimeout, .unknown)] {
            let task = try task([1, 1], [SampleTasks.submitting(portion: 1), .gaveUp(TaskFailure(code, "Over."))])

            #expect(task.status == .failed)
            #expect(task.failure?.code == code)
            #expect(task.attempts.map(\.outcome) == [outcome])
            #expect(task.lostPurchases == (outcome == .unknown ? 1 : 0))
        }
    }

    @Test func `progress never falls, whatever happens`() throws {
        var task = try task([1, 1], [])
        let events: [TaskEvent] = [
            SampleTasks.submitting(portion: 0), .accepted(portion: 0, job: ProviderJob(id: "job-1")),
            SampleTasks.submitting(portion: 1), .attemptFailed(portion: 0, outcome: .failed, error: "Lost."),
            .attemptFailed(portion: 1, outcome: .rejected, error: "Busy."), .adopted(node: "node-2"), .released,
            .claimed(node: "node-3", portions: [1, 1]), SampleTasks.submitting(portion: 1),
            .accepted(portion: 1, job: ProviderJob(id: "job-2")),
            .generated(portion: 1, urls: ["https://a.example"], usage: nil),
            SampleTasks.stored(portion: 1), .portionFailed(portion: 0, SampleTasks.failure),
        ]
        var progress = [task.progress]

        for event in events {
            task = try task.applying(event, at: samples.time.now)
            progress.append(task.progress)
        }

        #expect(progress == progress.sorted())
        #expect(progress.dropLast().allSatisfy { $0 < 100 })
        #expect(progress.last == 100)
        #expect(Set(progress).count > 4)
    }

    @Test func `a failed task keeps the progress it had`() throws {
        let task = try task([1, 1], [SampleTasks.submitting(), .gaveUp(SampleTasks.failure)])

        #expect(task.status == .failed)
        #expect(task.progress == 10)
    }

    @Test func `adoption ends what was on its way and leaves the rest`() throws {
        let working = try task(
            [1, 1, 1],
            [SampleTasks.submitting(portion: 0), SampleTasks.submitting(portion: 1)]
                + [.accepted(portion: 1, job: ProviderJob(id: "job-1"))]
        )

        let adopted = try working.applying(.adopted(node: "node-2"), at: samples.time.now)

        #expect(adopted.node == "node-2")
        #expect(
            adopted.portions.map(\.stage) == [.queued, .waiting(attempt: 1, job: ProviderJob(id: "job-1")), .queued]
        )
        #expect(adopted.attempts.map(\.outcome) == [.unknown, nil])
        #expect(adopted.attempts.first?.error?.isEmpty == false)
        #expect(adopted.lostPurchases == 1)
        #expect(adopted.status == .inProgress)
    }

    @Test func `only outcomes that may have bought a picture count as lost purchases`() throws {
        var task = try task([1], [])
        for outcome in Attempt.Outcome.allCases where outcome != .succeeded {
            let events = [SampleTasks.submitting(), .attemptFailed(portion: 0, outcome: outcome, error: "x")]
            task = try samples.task(task, after: events)
        }

        #expect(task.lostPurchases == task.attempts.count { [.unknown, .failed].contains($0.outcome) })
        #expect(task.lostPurchases == 2)
        #expect(Attempt.Outcome.allCases.filter { $0.billed == .yes } == [.succeeded])
        #expect(Attempt.Outcome.allCases.filter { $0.billed == .no } == [.notSent, .rejected, .refused])
    }

    @Test func `warnings are said once, and usage adds up`() throws {
        let usage = Usage(inputTokens: 3, inputTextTokens: 1, inputImageTokens: 2, outputTokens: 10, totalTokens: 13)
        let picture = StoredPicture(key: "a.png", header: SampleTasks.header, bytes: 1)
        func making(_ portion: Int) -> [TaskEvent] {
            [
                .submitting(portion: portion, provider: "p", model: "m", warnings: ["smaller"]),
                .stored(portion: portion, pictures: [picture], usage: usage, warnings: ["smaller", "no \(portion)"]),
            ]
        }

        let task = try task([1, 1], making(0) + making(1))

        #expect(task.warnings == ["smaller", "no 0", "no 1"])
        #expect(task.usage == usage + usage)
        #expect(task.usage?.totalTokens == 26)
    }

    @Test(arguments: SampleTasks.Stage.allCases)
    func `a task in any state survives being written as JSON`(stage: SampleTasks.Stage) throws {
        let task = try samples.task(try samples.pending(prompt: "\u{0}\"🦊"), after: stage.events())

        let read = try JSONDecoder().decode(ImageTask.self, from: JSONEncoder().encode(task))

        #expect(read == task)
    }
}
