// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

/// Every event in every state, for a task of one portion.
@Suite struct TaskEventTests {
    /// Where a task of one portion can be.
    enum Place: String, CaseIterable, Sendable {
        case pending, queued, submitting, waiting, fetching, stored, delivered, failed

        var events: [TaskEvent] {
            switch self {
            case .pending: []
            case .queued: SampleTasks.Stage.queued.events()
            case .submitting: SampleTasks.Stage.submitting.events()
            case .waiting: SampleTasks.Stage.waiting.events()
            case .fetching: SampleTasks.Stage.fetching.events()
            case .stored: SampleTasks.Stage.stored.events()
            case .delivered: SampleTasks.Stage.delivered.events()
            case .failed: SampleTasks.Stage.failed.events()
            }
        }

        var status: ImageTask.Status {
            switch self {
            case .pending: .pending
            case .queued, .submitting, .waiting, .fetching: .inProgress
            case .stored, .delivered: .completed
            case .failed: .failed
            }
        }

        init(of task: ImageTask) throws {
            self =
                switch try #require(task.portions.count < 2 ? (task.status, task.portions.first?.stage) : nil) {
                case (.pending, nil): .pending
                case (.inProgress, .queued?): .queued
                case (.inProgress, .submitting?): .submitting
                case (.inProgress, .waiting?): .waiting
                case (.inProgress, .fetching?): .fetching
                case (.completed, .stored?): .stored
                case (.completed, .delivered?): .delivered
                case (.failed, .failed?), (.failed, nil): .failed
                default: throw Impossible()
                }
        }

        private struct Impossible: Error {}
    }

    /// One of each event.
    enum Event: String, CaseIterable, Sendable {
        case claimed, adopted, released, submitting, accepted, generated, attemptFailed, stored, delivered
        case portionFailed, gaveUp

        var event: TaskEvent {
            switch self {
            case .claimed: .claimed(node: "node-2", portions: [1])
            case .adopted: .adopted(node: "node-2")
            case .released: .released
            case .submitting: SampleTasks.submitting()
            case .accepted: .accepted(portion: 0, job: ProviderJob(id: "job-2"))
            case .generated: .generated(portion: 0, urls: ["https://vendor.example/2.png"], usage: nil)
            case .attemptFailed: .attemptFailed(portion: 0, outcome: .rejected, error: "No.")
            case .stored: SampleTasks.stored()
            case .delivered: .delivered(portion: 0, headers: [SampleTasks.header], usage: nil, warnings: [])
            case .portionFailed: .portionFailed(portion: 0, SampleTasks.failure)
            case .gaveUp: .gaveUp(TaskFailure(.taskTimeout, "The task's time is over."))
            }
        }
    }

    /// Where each event leads; an event that is not in a row cannot happen there.
    static let table: [Place: [Event: Place]] = [
        .pending: [.claimed: .queued, .adopted: .pending, .released: .pending, .gaveUp: .failed],
        .queued: [
            .claimed: .queued, .adopted: .queued, .released: .queued, .submitting: .submitting,
            .portionFailed: .failed, .gaveUp: .failed,
        ],
        .submitting: [
            .claimed: .submitting, .adopted: .queued, .released: .queued, .accepted: .waiting,
            .generated: .fetching, .attemptFailed: .queued, .stored: .stored, .delivered: .delivered,
            .portionFailed: .failed, .gaveUp: .failed,
        ],
        .waiting: [
            .claimed: .waiting, .adopted: .waiting, .released: .waiting, .accepted: .waiting, .generated: .fetching,
            .attemptFailed: .queued, .stored: .stored, .delivered: .delivered, .portionFailed: .failed,
            .gaveUp: .failed,
        ],
        .fetching: [
            .claimed: .fetching, .adopted: .fetching, .released: .fetching, .generated: .fetching,
            .stored: .stored, .delivered: .delivered, .portionFailed: .failed, .gaveUp: .failed,
        ],
        .stored: [:], .delivered: [:], .failed: [:],
    ]

    @Test(arguments: Place.allCases, Event.allCases)
    func `every event in every state leads where the table says, or is refused`(place: Place, event: Event) throws {
        let samples = SampleTasks()
        let task = try samples.task(try samples.pending(), after: place.events)
        let now = samples.time.now.advanced(by: .seconds(5))
        #expect(try Place(of: task) == place)

        guard let next = Self.table[place]?[event] else {
            let error = #expect(throws: TaskStateError.self) { try task.applying(event.event, at: now) }
            #expect(error?.message.hasSuffix(".") == true)
            return
        }
        let changed = try task.applying(event.event, at: now)

        #expect(try Place(of: changed) == next)
        #expect(changed.status == next.status)
        #expect(changed.version == task.version + 1)
        #expect(changed.progress >= task.progress)
        #expect(changed.progress < 100 || changed.status == .completed)
        #expect((changed.completedAt == now) == next.status.isFinal)
        #expect((changed.failure != nil) == (next == .failed))
        #expect(changed.attempts.count >= task.attempts.count)
        #expect(next.status.isFinal ? changed.node == nil && changed.attempts.allSatisfy { $0.outcome != nil } : true)
    }

    static let owners: [(event: Event, place: Place, node: String?)] = [
        (.claimed, .pending, "node-2"), (.adopted, .pending, "node-2"), (.adopted, .waiting, "node-2"),
        (.released, .queued, nil), (.released, .waiting, nil), (.submitting, .queued, "node-1"),
        (.accepted, .submitting, "node-1"), (.attemptFailed, .waiting, "node-1"), (.stored, .fetching, nil),
    ]

    @Test(arguments: owners)
    func `claiming, adopting, releasing and finishing change who works on a task, nothing else does`(
        event: Event,
        place: Place,
        node: String?
    ) throws {
        let samples = SampleTasks()
        let task = try samples.task(try samples.pending(), after: place.events)

        #expect(try task.applying(event.event, at: samples.time.now).node == node)
    }

    static let outcomes: [(event: Event, place: Place, outcome: Attempt.Outcome?)] = [
        (.accepted, .submitting, nil), (.generated, .waiting, .succeeded), (.stored, .submitting, .succeeded),
        (.delivered, .submitting, .succeeded), (.attemptFailed, .submitting, .rejected),
        (.attemptFailed, .waiting, .rejected), (.adopted, .submitting, .unknown), (.adopted, .waiting, nil),
        (.adopted, .fetching, .succeeded), (.released, .submitting, .unknown), (.released, .waiting, nil),
        (.portionFailed, .waiting, .unknown), (.portionFailed, .fetching, .succeeded), (.gaveUp, .submitting, .unknown),
        (.gaveUp, .waiting, .unknown),
        (.gaveUp, .fetching, .succeeded),
    ]

    @Test(arguments: outcomes)
    func `an attempt ends with what is known about it, and only once`(
        event: Event,
        place: Place,
        outcome: Attempt.Outcome?
    ) throws {
        let samples = SampleTasks()
        let task = try samples.task(try samples.pending(), after: place.events)
        samples.time.advance(by: .seconds(3))

        let attempt = try task.applying(event.event, at: samples.time.now).attempts.last

        #expect(attempt?.outcome == outcome)
        #expect((attempt?.endedAt != nil) == (outcome != nil))
        #expect(attempt?.provider == "google")
    }

    @Test func `a portion that does not exist cannot be worked on`() throws {
        let samples = SampleTasks()
        let task = try samples.task(try samples.pending(), after: Place.submitting.events)

        for portion in [-1, 1, Int.max] {
            let events: [TaskEvent] = [
                SampleTasks.submitting(portion: portion), .accepted(portion: portion, job: ProviderJob(id: "job")),
                SampleTasks.stored(portion: portion), .portionFailed(portion: portion, SampleTasks.failure),
            ]
            for event in events {
                #expect(throws: TaskStateError.self) { try task.applying(event, at: samples.time.now) }
            }
        }
    }

    @Test(arguments: [[], [0], [-1], [1, 0]])
    func `a task cannot be divided into nothing`(counts: [Int]) throws {
        let samples = SampleTasks()
        let task = try samples.pending()

        #expect(throws: TaskStateError.self) {
            try task.applying(.claimed(node: "node-1", portions: counts), at: samples.time.now)
        }
    }

    @Test func `a task is divided once`() throws {
        let samples = SampleTasks()
        let task = try samples.task(
            try samples.pending(count: 3),
            after: [.claimed(node: "node-1", portions: [2, 1]), .released]
        )

        #expect(throws: TaskStateError.self) {
            try task.applying(.claimed(node: "node-2", portions: [3]), at: samples.time.now)
        }
        let again = try task.applying(.claimed(node: "node-2", portions: [2, 1]), at: samples.time.now)
        #expect(again.portions.map(\.count) == [2, 1])
    }
}
