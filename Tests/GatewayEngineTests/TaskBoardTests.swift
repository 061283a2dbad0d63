// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
import GatewayTesting
import Synchronization
import Testing

@Suite struct TaskBoardTests {
    private let board = TaskBoard()
    private let samples = SampleTasks()

    private func delivery() throws -> Delivery {
        Delivery(task: try samples.pending(), pictures: [DeliveredPicture(base64: Picture.base64(7))])
    }

    @Test func `a watcher hears of a change that came before it looked`() async {
        let id = samples.id()
        var changes = board.changes(of: id).makeAsyncIterator()
        board.changed(samples.id())
        board.changed(id)
        board.changed(id)

        #expect(await changes.next() != nil)
    }

    @Test func `a watch that is not needed any more leaves nothing behind`() async throws {
        let ids = (0..<100).map { _ in samples.id() }
        do {
            let dropped = ids.map { board.changes(of: $0) }
            #expect(dropped.count == 100)
            #expect(!board.isQuiet)
        }
        let watch = Task { [board, id = ids[0]] in
            for await _ in board.changes(of: id) {}
        }
        try await eventually { !board.isQuiet }

        watch.cancel()
        await watch.value

        #expect(board.isQuiet)
    }

    @Test func `a caller gets what was handed over, once`() async throws {
        let id = samples.id()
        let deliveries = board.expect(id)
        let caller = try #require(board.takeCaller(of: id))
        caller.give(try delivery())

        var given: [Delivery] = []
        for await delivery in deliveries { given.append(delivery) }

        #expect(given.map(\.pictures.count) == [1])
        #expect(board.takeCaller(of: id) == nil)
        #expect(board.isQuiet)
    }

    @Test func `a caller who withdraws is not taken, and one who was taken cannot withdraw`() async throws {
        let early = samples.id()
        let late = samples.id()
        let first = board.expect(early)
        let second = board.expect(late)

        #expect(board.withdraw(first))
        let taken = board.takeCaller(of: late)

        #expect(board.takeCaller(of: early) == nil)
        #expect(!board.withdraw(second))
        #expect(!board.hasHungUp(early))
        taken?.dismiss()
        for await _ in first { Issue.record("a delivery for one who withdrew") }
        for await _ in second { Issue.record("a delivery for one who was dismissed") }
        #expect(board.isQuiet)
    }

    @Test func `hanging up is remembered until the task is settled, and only for one who waited`() {
        let waiting = samples.id()
        let stranger = samples.id()
        let place = board.expect(waiting)
        let withdrawn = board.expect(stranger)
        board.withdraw(withdrawn)

        board.hangUp(place)
        board.hangUp(withdrawn)

        #expect(board.hasHungUp(waiting))
        #expect(!board.hasHungUp(stranger))
        board.settled(waiting)
        board.hangUp(place)
        #expect(board.isQuiet)
    }

    @Test func `a settled task sends its caller back to the row`() async {
        let id = samples.id()
        let deliveries = board.expect(id)

        board.settled(id)

        for await _ in deliveries { Issue.record("a delivery for a settled task") }
        #expect(board.isQuiet)
    }

    @Test func `all callers of one task get the same buffers`() async throws {
        let id = samples.id()
        let places = (0..<200).map { _ in board.expect(id) }
        let delivery = try delivery()

        board.takeCaller(of: id)?.give(delivery)

        for place in places {
            var given: [Delivery] = []
            for await delivery in place { given.append(delivery) }
            #expect(given.map { $0.pictures.map(\.base64) } == [delivery.pictures.map(\.base64)])
        }
        #expect(board.isQuiet)
    }

    @Test func `a task is dropped only when the last of its callers hangs up`() {
        let id = samples.id()
        let (first, second, third) = (board.expect(id), board.expect(id), board.expect(id))

        board.hangUp(first)
        board.withdraw(second)
        #expect(!board.hasHungUp(id))
        #expect(board.isAwaited(id))
        board.hangUp(third)
        #expect(board.hasHungUp(id))
        #expect(!board.isAwaited(id))

        let late = board.expect(id)
        #expect(!board.hasHungUp(id))
        board.withdraw(late)
        #expect(board.isQuiet)
    }

    @Test func `what was assigned before the engine stops is still taken, what comes later is refused`() async throws {
        let before = try samples.pending()
        let after = try samples.pending()
        #expect(board.assign(before))

        board.stopTaking()
        let deliveries = board.expect(after.id)
        #expect(!board.assign(after))

        var taken: [TaskID] = []
        for await assignment in board.assignments { taken.append(assignment.task.id) }
        #expect(taken == [before.id])
        for await _ in deliveries { Issue.record("a delivery without an engine") }
        #expect(board.isQuiet)
    }

    @Test func `signals are not lost while nobody listens, and do not pile up`() async {
        for _ in 0..<5 { board.signalQueue() }
        board.stopTaking()

        var signals = 0
        for await _ in board.queueSignals { signals += 1 }

        #expect(signals == 1)
    }
}
