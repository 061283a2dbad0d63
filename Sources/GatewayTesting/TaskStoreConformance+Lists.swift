// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

extension TaskStoreConformance {
    /// Lists, page by page.
    public static let listing: [Check] = [
        Check("pages in both orders cover every task exactly once") { store, samples in
            let ids = try await fill(store, with: 23, samples).map(\.id)
            try await store.create(try samples.pending(owner: "bob"))

            for limit in [1, 5, 23, 24, 1000, Int.max] {
                let newest = try await everything(in: store, TaskQuery(owner: "alice", limit: limit))
                let oldest = try await everything(in: store, TaskQuery(owner: "alice", limit: limit, ascending: true))

                #expect(newest.ids == ids.reversed())
                #expect(oldest.ids == ids)
                #expect(newest.pages == max(1, (23 + min(limit, 1000) - 1) / min(limit, 1000)))
            }
        },
        Check("newest come first unless asked otherwise") { store, samples in
            let ids = try await fill(store, with: 3, samples).map(\.id)

            let page = try await store.list(TaskQuery(owner: "alice", limit: 2))

            #expect(page.tasks.map(\.id) == [ids[2], ids[1]])
            #expect(page.hasMore)
        },
        Check("state and model narrow a list, alone and together") { store, samples in
            let stages: [(model: String, stage: SampleTasks.Stage?)] = [
                ("red", nil), ("red", .waiting), ("red", .stored), ("blue", .stored), ("blue", .failed),
                ("red", .stored),
            ]
            for (model, stage) in stages {
                try await store.create(
                    try samples.task(try samples.pending(model: model), after: stage?.events() ?? [])
                )
            }

            for status in ImageTask.Status.allCases {
                for model in ["red", "blue", "green", nil] {
                    for ascending in [true, false] {
                        let wanted = try await store.list(TaskQuery(owner: "alice", limit: 100, ascending: ascending))
                            .tasks
                            .filter { $0.status == status && (model == nil || $0.request.model == model) }
                        let query = TaskQuery(
                            owner: "alice",
                            limit: 1,
                            ascending: ascending,
                            status: status,
                            model: model
                        )

                        #expect(try await everything(in: store, query).ids == wanted.map(\.id))
                    }
                }
            }
            let red = try await everything(in: store, TaskQuery(owner: "alice", limit: 3, model: "red"))
            #expect(red.ids.count == 4)
        },
        Check("a cursor outside the filter is still a place in the list") { store, samples in
            let red = try samples.pending(model: "red")
            let blue = try samples.pending(model: "blue")
            try await store.create(red)
            try await store.create(blue)

            let page = try await store.list(TaskQuery(owner: "alice", after: blue.id, model: "red"))

            #expect(page.tasks.map(\.id) == [red.id])
            #expect(!page.hasMore)
        },
        Check("a cursor that is unknown, deleted or another owner's is refused") { store, samples in
            let mine = try samples.pending(owner: "alice")
            let foreign = try samples.pending(owner: "bob")
            let deleted = try samples.pending(owner: "alice")
            for task in [mine, foreign, deleted] { try await store.create(task) }
            try await store.delete(deleted.id, owner: nil, now: samples.time.now)

            for cursor in [samples.id(), foreign.id, deleted.id] {
                await expect(.unknownCursor) { () async throws(StoreError) in
                    _ = try await store.list(TaskQuery(owner: "alice", after: cursor))
                }
            }
        },
        Check("an owner without tasks has an empty list") { store, samples in
            try await store.create(try samples.pending(owner: "alice"))

            let page = try await store.list(TaskQuery(owner: "bob"))

            #expect(page.tasks.isEmpty)
            #expect(!page.hasMore)
        },
        Check("a list shows tasks as they are now") { store, samples in
            let task = try samples.pending()
            try await store.create(task)
            let changed = try samples.task(task, after: SampleTasks.Stage.stored.events())
            try await store.update(changed, from: 0)

            #expect(try await store.list(TaskQuery(owner: "alice")).tasks == [changed])
        },
    ]

    /// Reads a list to its end.
    private static func everything(
        in store: any TaskStore,
        _ query: TaskQuery
    ) async throws -> (ids: [TaskID], pages: Int) {
        var query = query
        var ids: [TaskID] = []
        var pages = 0
        while true {
            let page = try await store.list(query)
            ids += page.tasks.map(\.id)
            pages += 1
            guard page.hasMore, let last = page.tasks.last, pages < 1000 else { return (ids, pages) }
            query.after = last.id
        }
    }
}
