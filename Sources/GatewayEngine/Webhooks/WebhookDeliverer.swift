// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import HTTPTypes
public import Logging
import NIOCore

/// Tells receivers that tasks are finished, by the Standard Webhooks specification.
///
/// What is to be told is the outbox of the task store. Several deliverers share it, each delivery leased to one; what one of
/// them leaves undone comes back by itself. So a receiver hears of everything at least once, with the same `webhook-id` each
/// time. Every receiver has its own room: one that is slow, silent or hostile keeps nobody else waiting.
public struct WebhookDeliverer: Sendable {
    private let tasks: any TaskStore
    private let store: any WebhookStore
    private let board: TaskBoard
    let desk: WebhookDesk
    private let post: WebhookPost
    private let log: WebhookLog
    private let time: any TimeSource
    private let outages = Outages()

    /// How long to rest when nothing is due: others may have made something due without a word to this process.
    private static let pause = Duration.seconds(5)
    /// The shortest rest: many tasks that change at once are looked at together.
    private static let breath = Duration.milliseconds(20)
    /// How long tries that are under way may go on when the process stops.
    private static let lastPatience = Duration.seconds(4)

    /// Creates a deliverer; nothing is sent before ``run()``.
    ///
    /// - Parameters:
    ///   - tasks: Where tasks live.
    ///   - store: Their outbox.
    ///   - board: Says when tasks change.
    ///   - objects: Who signs links.
    ///   - transport: The way to the network, which keeps the same rule.
    ///   - rule: Which addresses may be connected to.
    ///   - signer: Who signs.
    ///   - settings: Who hears of what.
    ///   - time: The clock.
    ///   - logger: Where to tell what happens.
    public init(
        tasks: any TaskStore,
        store: any WebhookStore,
        board: TaskBoard,
        objects: any ObjectStore,
        transport: any HTTPTransport,
        rule: AddressRule,
        signer: any WebhookSigner,
        settings: WebhookSettings,
        time: any TimeSource = SystemTime(),
        logger: Logger
    ) {
        let desk = WebhookDesk(settings: settings, rule: rule)
        self.desk = desk
        self.tasks = tasks
        self.store = store
        self.board = board
        post = WebhookPost(
            desk: desk,
            objects: objects,
            transport: transport,
            signer: signer,
            time: time
        )
        log = WebhookLog(desk: desk, logger: logger)
        self.time = time
    }

    /// The door for the HTTP side.
    public var control: any WebhookControl { desk }

    /// Whether an address may be connected to, as far as can be told before that is tried.
    public func mayReach(_ address: WebhookAddress) -> Bool { (try? desk.place(of: address)) != nil }

    /// Delivers until it is cancelled; tries that are under way are put back then.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in board.changeSignals { desk.bell.ring() } }
            while !Task.isCancelled {
                let rest = await handOut(in: &group)
                await desk.bell.wait(atMost: rest, by: time)
                try? await time.sleep(for: Self.breath)
            }
        }
    }

    /// Begins nothing more, and lets the tries that are under way end; called before ``run()`` is cancelled.
    public func close() async {
        let end = time.now.advanced(by: Self.lastPatience)
        desk.close()
        while !desk.isQuiet, time.now < end {
            await desk.quiet.wait(atMost: time.now.duration(to: end), by: time)
        }
    }

    /// Begins what is due and fits.
    ///
    /// - Returns: How long to rest.
    private func handOut(in group: inout DiscardingTaskGroup) async -> Duration {
        guard let claim = desk.claim(at: time.now) else { return Self.pause }
        do throws(StoreError) {
            let batch = try await store.dueWebhooks(claim)
            outages.worked(.delivering, log.logger)
            for delivery in batch.deliveries {
                desk.begin(delivery)
                group.addTask {
                    await deliver(delivery)
                    desk.end(delivery)
                }
            }
            // What is due and was not handed out has no room: the bell rings when there is some.
            guard batch.deliveries.isEmpty, let next = batch.nextDue, next > time.now else {
                return batch.deliveries.isEmpty ? Self.pause : .zero
            }
            return min(Self.pause, time.now.duration(to: next))
        } catch {
            outages.failed(.delivering, error.message, log.logger)
            return Self.pause
        }
    }

    /// Makes one try and writes down how it went.
    private func deliver(_ delivery: WebhookDelivery) async {
        let task: ImageTask
        do throws(StoreError) {
            // A task that is gone has taken its deliveries along.
            guard let found = try await tasks.task(delivery.task, owner: nil) else { return }
            task = found
        } catch {
            return outages.failed(.delivering, error.message, log.logger)
        }
        let startedAt = time.now
        let answer = await post.send(delivery, of: task)
        guard let answer else {
            // The process stops: whoever has the time next tries at once, and this try does not count.
            var returned = delivery
            returned.due = time.now
            return await settle(returned)
        }
        let now = time.now
        let attempt = verdict(on: delivery, answer, startedAt: startedAt, now: now)
        let after = delivery.after(attempt, at: now)
        await settle(after)
        log.tell(after, attempt)
    }

    private func verdict(
        on delivery: WebhookDelivery,
        _ answer: WebhookPost.Answer,
        startedAt: Timestamp,
        now: Timestamp
    ) -> WebhookTry {
        var attempt = WebhookTry(
            at: startedAt,
            milliseconds: Int(max(startedAt.duration(to: now), .zero).milliseconds),
            status: answer.status,
            error: answer.error
        )
        guard !attempt.isDelivered else { return attempt }
        attempt.error = answer.error ?? "status"
        if answer.status == 410 {
            // Whoever says so wants to hear nothing more.
            if let name = delivery.target.endpoint, desk.disable(name, at: now) { log.disabled(name) }
        } else if !answer.isHopeless {
            attempt.next = WebhookSchedule(delays: desk.settings.retrySchedule).next(
                after: delivery.failures + 1,
                at: now,
                wish: WebhookSchedule.wish(answer.retryAfter, at: now),
                lot: Double.random(in: 0..<1)
            )
        }
        return attempt
    }

    /// Writes what became of a delivery; a store that is away is given a while, then the lease brings the delivery back.
    private func settle(_ delivery: WebhookDelivery) async {
        var delay = Duration.milliseconds(200)
        while true {
            do throws(StoreError) {
                try await store.settleWebhook(delivery)
                return
            } catch {
                outages.failed(.delivering, error.message, log.logger)
            }
            guard delay < .seconds(10), (try? await time.sleep(for: delay)) != nil else { return }
            delay = delay * 2
        }
    }
}
