// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Testing

/// What every task store must do, as a list of checks.
///
/// Use it as the arguments of one test, and give each check an empty store:
/// ```swift
/// @Test(arguments: TaskStoreConformance.checks)
/// func `the store keeps every promise`(check: TaskStoreConformance.Check) async throws {
///     try await check.run(on: MyStore())
/// }
/// ```
public enum TaskStoreConformance {
    /// One promise and the way to test it.
    public struct Check: Sendable, CustomTestStringConvertible {
        /// The promise, as a sentence.
        public let name: String
        private let body: @Sendable (any TaskStore, SampleTasks) async throws -> Void

        init(_ name: String, _ body: @escaping @Sendable (any TaskStore, SampleTasks) async throws -> Void) {
            self.name = name
            self.body = body
        }

        /// The promise.
        public var testDescription: String { name }

        /// Tests the promise on an empty store; problems are recorded as test issues.
        public func run(on store: any TaskStore) async throws {
            try await body(store, SampleTasks())
        }
    }

    /// Every check.
    public static let checks: [Check] =
        reading + writing + claiming + adopting + naming + listing + deleting + retaining
        + repeating + limiting + soon
}

extension TaskStoreConformance {
    /// Creating, reading and deleting.
    public static let reading: [Check] = [
        Check("a task in any state comes back as it was written") { store, samples in
            for stage in SampleTasks.Stage.allCases {
                let pending = try samples.pending(prompt: "snow ☃ \"quoted\"\n\u{0} a\u{301}", count: 1)
                let task = try samples.task(pending, after: stage.events())

                try await store.create(task)

                #expect(try await store.task(task.id, owner: "alice") == task)
                #expect(try await store.task(task.id, owner: nil) == task)
            }
        },
        Check("a name that is taken cannot be used again") { store, samples in
            let task = try samples.pending()
            try await store.create(task)

            await expect(.conflict) { () async throws(StoreError) in try await store.create(task) }

            #expect(try await store.task(task.id, owner: nil) == task)
        },
        Check("a task of another owner is not found") { store, samples in
            let task = try samples.pending(owner: "alice")
            try await store.create(task)

            #expect(try await store.task(task.id, owner: "bob") == nil)
            #expect(try await store.task(task.id, owner: "") == nil)
            #expect(try await store.task(samples.id(), owner: "alice") == nil)
        },
        Check("a deleted task is gone, for its owner only, and once") { store, samples in
            let task = try samples.task(try samples.pending(), after: SampleTasks.Stage.stored.events())
            let (other, foreign) = (try samples.pending(), try samples.pending(owner: "bob"))
            for task in [task, other, foreign] { try await store.create(task) }
            #expect(try await store.task(task.id, owner: "alice") == task)

            #expect(try await !store.delete(task.id, owner: "bob", now: samples.time.now))
            #expect(try await store.task(task.id, owner: "alice") == task)
            #expect(try await store.delete(task.id, owner: "alice", now: samples.time.now))
            #expect(try await !store.delete(task.id, owner: "alice", now: samples.time.now))
            #expect(try await store.delete(foreign.id, owner: nil, now: samples.time.now))

            #expect(try await store.task(task.id, owner: "alice") == nil)
            #expect(try await store.task(foreign.id, owner: nil) == nil)
            #expect(try await store.task(other.id, owner: "alice") == other)
            #expect(try await store.list(TaskQuery(owner: "alice")).tasks.map(\.id) == [other.id])
        },
        Check("after closing nothing is answered") { store, samples in
            let task = try samples.pending()

            await store.close()
            await store.close()

            await expect(.unavailable) { () async throws(StoreError) in try await store.create(task) }
            await expect(.unavailable) { () async throws(StoreError) in _ = try await store.task(task.id, owner: nil) }
            await expect(.unavailable) { () async throws(StoreError) in _ = try await store.pendingCount() }
        },
    ]

    /// Compare-and-set.
    public static let writing: [Check] = [
        Check("an update needs the version it was made from") { store, samples in
            let task = try samples.pending()
            try await store.create(task)
            let first = try task.applying(.claimed(node: "node-1", portions: [1]), at: samples.time.now)
            let second = try task.applying(.claimed(node: "node-2", portions: [1]), at: samples.time.now)

            try await store.update(first, from: task.version)
            await expect(.conflict) { () async throws(StoreError) in try await store.update(second, from: task.version)
            }

            #expect(try await store.task(task.id, owner: nil) == first)
        },
        Check("an update that does not raise the version is refused") { store, samples in
            let task = try samples.pending()
            try await store.create(task)

            await expect(.conflict) { () async throws(StoreError) in try await store.update(task, from: task.version) }
        },
        Check("a task that is gone cannot be updated back to life") { store, samples in
            let task = try samples.pending()
            let changed = try task.applying(.released, at: samples.time.now)
            await expect(.conflict) { () async throws(StoreError) in try await store.update(changed, from: 0) }

            try await store.create(task)
            try await store.delete(task.id, owner: nil, now: samples.time.now)

            await expect(.conflict) { () async throws(StoreError) in try await store.update(changed, from: 0) }
            #expect(try await store.task(task.id, owner: nil) == nil)
        },
        Check("of many updates from one version exactly one wins") { store, samples in
            var task = try samples.pending()
            try await store.create(task)

            for round in 1...10 {
                let current = task
                let winners = try await winners(among: 16) { number in
                    let event = TaskEvent.claimed(node: "node-\(round)-\(number)", portions: [1])
                    let changed = try current.applying(event, at: samples.time.now)
                    try await store.update(changed, from: current.version)
                    return changed
                }

                #expect(winners.count == 1)
                task = try #require(try await store.task(task.id, owner: nil))
                #expect(task == winners.first)
                #expect(task.version == round)
            }
        },
    ]

    /// Runs `count` attempts at once and gives the tasks of those that met no conflict.
    static func winners(
        among count: Int,
        attempt: @escaping @Sendable (Int) async throws -> ImageTask
    ) async throws -> [ImageTask] {
        try await withThrowingTaskGroup(of: ImageTask?.self) { group in
            for number in 0..<count {
                group.addTask {
                    do {
                        return try await attempt(number)
                    } catch let error as StoreError where error.code == .conflict {
                        return nil
                    }
                }
            }
            return try await group.reduce(into: []) { winners, winner in
                if let winner { winners.append(winner) }
            }
        }
    }

    /// Expects a call to fail with a code.
    static func expect(
        _ code: StoreError.Code,
        sourceLocation: SourceLocation = #_sourceLocation,
        when call: () async throws(StoreError) -> Void
    ) async {
        do throws(StoreError) {
            try await call()
            Issue.record("The call should have failed with \(code).", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == code, sourceLocation: sourceLocation)
            #expect(error.message.hasSuffix("."), sourceLocation: sourceLocation)
        }
    }
}
