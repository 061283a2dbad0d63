// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension MemoryTaskStore {
    struct State {
        var tasks: [TaskID: ImageTask] = [:]
        /// The names in order, so that lists and claims need no sorting.
        var order: [TaskID] = []
        var heartbeats: [String: Timestamp] = [:]
        var deletions = DeletionList()
        var claims: [ClaimName: IdempotencyClaim] = [:]
        var outbox = WebhookOutbox()
        var isClosed = false
        var failures: [StoreError?] = []
        /// Whom to tell that a task is lost that was to be written soon.
        var losses: [TaskID: @Sendable (StoreError) -> Void] = [:]

        /// Changes unfinished tasks, oldest first, until `limit` are changed; one whose change is `nil` is passed over.
        mutating func take(_ limit: Int, change: (ImageTask) -> ImageTask?) -> [ImageTask] {
            var taken: [ImageTask] = []
            for id in order where taken.count < limit {
                guard let task = tasks[id], !task.status.isFinal, let changed = change(task) else { continue }
                tasks[id] = changed
                follow(changed)
                taken.append(changed)
            }
            return taken
        }

        mutating func update(_ task: ImageTask, from version: Int) throws(StoreError) {
            guard tasks[task.id]?.version == version, task.version > version else {
                throw StoreError(.conflict, "Task \(task.id) is not at version \(version) any more, or is gone.")
            }
            tasks[task.id] = task
            follow(task)
        }

        /// Does what the writing of a task demands.
        mutating func follow(_ task: ImageTask) {
            deletions.follow(task)
            outbox.follow(task)
        }

        mutating func remove(_ task: ImageTask) {
            tasks[task.id] = nil
            outbox.remove(task.id)
            order.remove(at: order.place(of: task.id))
            claims = claims.filter { $0.value.task != task.id }
        }

        func claim(_ name: ClaimName, now: Timestamp) -> IdempotencyClaim? {
            claims[name].flatMap { $0.expires > now ? $0 : nil }
        }

        /// Why a task may not be written now; `nil` if it may.
        func obstacle(to task: ImageTask, on terms: TaskTerms) -> TaskEntry? {
            if let claim = terms.claim, let earlier = self.claim(ClaimName(claim), now: task.createdAt) {
                return .claimed(earlier)
            }
            if let limit = terms.queueLimit, task.node == nil, waiting.count >= limit { return .queueFull }
            if let limit = terms.unfinishedLimit, unfinished(of: task.owner) >= limit { return .tooManyUnfinished }
            return nil
        }

        /// Those that wait to be claimed, oldest first.
        var waiting: [TaskID] {
            order.filter { id in tasks[id].map { $0.node == nil && !$0.status.isFinal } ?? false }
        }

        func unfinished(of owner: String) -> Int {
            tasks.values.count { $0.owner == owner && !$0.status.isFinal }
        }
    }

    /// A name means something only with its owner.
    struct ClaimName: Hashable {
        var owner: String
        var key: String

        init(owner: String, key: String) {
            self.owner = owner
            self.key = key
        }

        init(_ claim: IdempotencyClaim) { self.init(owner: claim.owner, key: claim.key) }
    }
}
