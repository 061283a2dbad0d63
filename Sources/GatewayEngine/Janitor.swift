// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Logging
public import ServiceLifecycle

/// How a janitor works.
public struct JanitorSettings: Sendable {
    /// How long finished tasks are kept.
    public var taskRetention: Duration
    /// How many objects and tasks a second are deleted at most.
    public var rate: Int
    /// How many objects are deleted at once.
    public var width: Int
    /// How many objects are taken on at once.
    public var batch: Int
    /// How long a batch may take before others may try its objects.
    public var lease: Duration
    /// How long to rest when nothing is due.
    public var pause: Duration

    /// Creates settings.
    public init(
        taskRetention: Duration = .seconds(7 * 86_400),
        rate: Int = 500,
        width: Int = 32,
        batch: Int = 128,
        lease: Duration = .seconds(300),
        pause: Duration = .seconds(5)
    ) {
        self.taskRetention = taskRetention
        self.rate = rate
        self.width = width
        self.batch = batch
        self.lease = lease
        self.pause = pause
    }
}

/// Deletes what is due from the object store, and finished tasks whose time is over.
///
/// What is due is a list in the task store. Several janitors share it, each object handed to one; what one of them leaves
/// undone comes back by itself. A store or a bucket that is away is waited for, and told about once.
public struct Janitor: Service {
    private let store: any TaskStore
    private let objects: any ObjectStore
    private let settings: JanitorSettings
    private let time: any TimeSource
    private let logger: Logger

    /// Creates a janitor; nothing is deleted before ``run()``.
    ///
    /// - Parameters:
    ///   - store: Where tasks and the list of deletions live.
    ///   - objects: What to delete from.
    ///   - settings: How.
    ///   - time: The clock.
    ///   - logger: Where to tell what happens.
    public init(
        store: any TaskStore,
        objects: any ObjectStore,
        settings: JanitorSettings = JanitorSettings(),
        time: any TimeSource = SystemTime(),
        logger: Logger
    ) {
        self.store = store
        self.objects = objects
        self.settings = settings
        self.time = time
        self.logger = logger
    }

    /// Works until the process is asked to stop: the deletions on their way are ended, the rest is put back.
    public func run() async {
        await cancelWhenGracefulShutdown { await work() }
    }

    private func work() async {
        var troubles = Troubles(logger: logger)
        var rest = settings.pause
        while !Task.isCancelled {
            let began = time.now
            let (objects, tasks) = (await deleteObjects(&troubles), await removeTasks(&troubles))
            let claims = await removeClaims(&troubles)
            rest = troubles.isStuck ? min(rest * 2, .seconds(60)) : settings.pause
            // After a batch as long as the rate asks for, however fast it was; a clock that was set back counts for nothing.
            let spent = max(began.duration(to: time.now), .zero)
            let earned = Duration.seconds(Double(objects + tasks + claims) / Double(settings.rate)) - spent
            let isIdle = troubles.isStuck || max(objects, tasks, claims) < settings.batch
            guard (try? await time.sleep(for: isIdle ? rest : max(earned, .zero))) != nil else { return }
        }
    }

    // MARK: Objects

    /// Deletes a batch of what is due.
    ///
    /// - Returns: How many there were.
    private func deleteObjects(_ troubles: inout Troubles) async -> Int {
        do throws(StoreError) {
            let batch = try await store.dueDeletions(limit: settings.batch, now: time.now, lease: settings.lease)
            guard !batch.isEmpty else { return 0 }
            let outcome = await outcome(of: batch)
            // Not interrupted by a shutdown: what is done is written down.
            try await store.settle(outcome.report)
            troubles.storeWorks()
            troubles.note(outcome)
            logger.debug("Deleted objects.", metadata: ["count": "\(outcome.report.done.count)"])
            return batch.count
        } catch {
            troubles.storeFails(error)
            return 0
        }
    }

    /// What became of a batch.
    struct Outcome {
        var report = DeletionReport()
        /// The last failure that was not this process's stopping.
        var failure: ObjectError?
    }

    /// Deletes the objects of a batch, a few at a time; a bucket that is away is not asked for the rest of them.
    private func outcome(of batch: [Deletion]) async -> Outcome {
        await withTaskGroup(of: (Deletion, ObjectError?).self) { group in
            var outcome = Outcome()
            var waiting = batch[...]
            func beginNext() {
                guard !Task.isCancelled, outcome.failure?.isTemporary != true, let next = waiting.popFirst() else {
                    return
                }
                group.addTask { (next, await delete(next.key)) }
            }
            for _ in 0..<settings.width { beginNext() }
            while let (deletion, failure) = await group.next() {
                switch failure {
                case nil: outcome.report.done.append(deletion)
                case _? where Task.isCancelled: outcome.report.open.append((deletion, time.now))
                case let failure?:
                    outcome.failure = failure
                    outcome.report.open.append((deletion, deletion.nextTry(after: time.now)))
                }
                beginNext()
            }
            outcome.report.open += waiting.map { ($0, time.now) }
            return outcome
        }
    }

    private func delete(_ key: ObjectKey) async -> ObjectError? {
        do throws(ObjectError) {
            try await objects.delete(key)
            return nil
        } catch {
            return error.code == .notFound ? nil : error
        }
    }

    // MARK: Tasks

    /// Removes a few of the tasks that were finished long ago.
    ///
    /// - Returns: How many there were.
    private func removeTasks(_ troubles: inout Troubles) async -> Int {
        do throws(StoreError) {
            let now = time.now
            let moment = now.advanced(by: .zero - settings.taskRetention)
            let removed = try await store.removeTasks(finishedBefore: moment, limit: settings.batch, now: now)
            troubles.storeWorks()
            if removed > 0 { logger.debug("Removed old tasks.", metadata: ["count": "\(removed)"]) }
            return removed
        } catch {
            troubles.storeFails(error)
            return 0
        }
    }
}

extension Janitor {
    /// Removes a few of the callers' names for requests that are over; those of removed tasks went with them.
    ///
    /// - Returns: How many there were.
    private func removeClaims(_ troubles: inout Troubles) async -> Int {
        do throws(StoreError) {
            return try await store.removeClaims(expiredBefore: time.now, limit: settings.batch)
        } catch {
            troubles.storeFails(error)
            return 0
        }
    }

    /// What does not work at the moment: told once when it begins, and once when it is over.
    private struct Troubles {
        let logger: Logger
        private var bucket: ObjectError?
        private var store: StoreError?
        /// Whether the last batch came to nothing.
        private var isBucketStuck = false

        init(logger: Logger) {
            self.logger = logger
        }

        /// Whether it is no use to go on at once.
        var isStuck: Bool { isBucketStuck || store != nil }

        mutating func note(_ outcome: Outcome) {
            isBucketStuck = outcome.failure != nil && outcome.report.done.isEmpty
            guard let failure = outcome.failure else {
                if bucket != nil, !outcome.report.done.isEmpty {
                    logger.notice("Pictures are deleted from the storage again.")
                    bucket = nil
                }
                return
            }
            if bucket?.code != failure.code {
                logger.error(
                    "Pictures cannot be deleted from the storage; they are tried again later.",
                    metadata: ["error": "\(failure.message)", "count": "\(outcome.report.open.count)"]
                )
            }
            bucket = failure
        }

        mutating func storeFails(_ error: StoreError) {
            if store == nil {
                logger.error("The janitor cannot reach the task store.", metadata: ["error": "\(error.message)"])
            }
            store = error
        }

        mutating func storeWorks() {
            if store != nil { logger.notice("The janitor reaches the task store again.") }
            store = nil
        }
    }
}
