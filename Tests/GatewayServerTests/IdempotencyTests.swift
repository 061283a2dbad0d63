// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayServer
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Synchronization
import Testing

/// The same request made again under its name: one task, one purchase, the same answer.
@Suite(.timeLimit(.minutes(5))) struct IdempotencyTests {
    let time = ManualTime()
    let objects = MemoryObjectStore()
    let gateway: TestGateway
    let named = ["idempotency-key": "order-7"]

    init() {
        let objects = objects
        gateway = TestGateway(time: time) { $0.objects = objects }
    }

    /// Makes pictures as the engine does for who may come back: stored, and whoever waits looks at the row.
    private func drawing(_ text: String = "a picture") -> FakeEngine.Conduct {
        let objects = objects
        return { engine, task in
            #expect(task.needsLink)
            let begun = try await engine.begin(task)
            let bytes = ByteBuffer(string: text)
            let key = ObjectKey.picture(of: task, index: 0, format: .png)
            try await objects.put(ObjectBody(contentType: "image/png", buffers: [bytes]), at: key)
            let picture = StoredPicture(key: key.description, header: SampleTasks.header, bytes: bytes.readableBytes)
            try await engine.record(begun, .stored(portion: 0, pictures: [picture], usage: nil, warnings: []))
        }
    }

    private static func isReplay(_ answer: Answer) -> Bool { answer[header: "idempotent-replayed"] == "true" }

    // MARK: Tasks

    @Test(arguments: [
        (Call.asynchronous, [:], 200), (Call.generations, ["prefer": "respond-async"], 202),
    ])
    func `a task that is asked for again is the same task`(
        path: String,
        headers: [String: String],
        status: Int
    ) async throws {
        let headers = headers.merging(named) { $1 }
        let (first, second) = try await gateway.run { client in
            (try await client.post(path, headers: headers), try await client.post(path, headers: headers))
        }

        #expect(first.status == status && second.status == status)
        #expect(first.body == second.body)
        #expect(first[header: "location"] == second[header: "location"])
        #expect(!Self.isReplay(first) && Self.isReplay(second))
        #expect(gateway.store.all.count == 1)
    }

    @Test func `without a name nothing is the same`() async throws {
        try await gateway.run { client in
            for _ in 0..<3 { _ = try await client.post(Call.asynchronous) }
        }
        #expect(gateway.store.all.count == 3)
    }

    @Test func `order of members, white space, null and a form make no other request`() async throws {
        let picture = TestPicture.png()
        let base64 = String(buffer: Base64.encode(picture))
        let first =
            #"{"model":"editor","prompt":"a hat","n":2,"images":[{"image_url":"data:image/png;base64,\#(base64)"}]}"#
        let second = #"""
            { "image" : ["\#(base64)"], "n": 2.0, "seed": null,
              "prompt":"a \u0068at", "unknown": 1, "model":"editor" }
            """#
        var form = TestForm(["n": "2", "model": "editor", "prompt": "a hat"])
        form.add("image[]", file: picture)
        let asForm = form
        let named = named
        let answers = try await gateway.run { client in
            [
                try await client.ask(.post, Call.edited, headers: named, body: ByteBuffer(string: first)),
                try await client.ask(.post, Call.edited, headers: named, body: ByteBuffer(string: second)),
                try await client.post(Call.edited, asForm, headers: named),
            ]
        }
        #expect(answers.map(\.status) == [200, 200, 200])
        #expect(Set(answers.map { $0.json["id"]?.string }).count == 1)
        #expect(gateway.store.all.count == 1)
        // The pictures of the repeats are stored nowhere, not even for a moment.
        #expect(objects.calls.count == 1)
        #expect(gateway.store.deletions.isEmpty)
    }

    static let others: [(String, JSON)] = [
        ("prompt", "another fox"), ("n", 2), ("size", "16:9"), ("seed", 1), ("metadata", ["a": "b"]),
        ("response_format", "url"), ("user", "me"), ("stream", true), ("model", "imagen-4.0-generate-001"),
    ]

    @Test(arguments: others.indices)
    func `another body under the same name is refused`(place: Int) async throws {
        let other = Call.body([Self.others[place].0: Self.others[place].1])
        let named = named
        let answer = try await gateway.run { client in
            _ = try await client.post(Call.asynchronous, headers: named)
            return try await client.post(Call.generations, other, headers: named)
        }
        answer.expectError(409, "idempotency_conflict")
        #expect(answer[header: "x-should-retry"] == "false")
        #expect(gateway.store.all.count == 1)
    }

    @Test func `another picture under the same name is refused`() async throws {
        let pictures = [TestPicture.png(bytes: 300), TestPicture.png(bytes: 300)]
        var forms = [TestForm(), TestForm()]
        for place in pictures.indices {
            var bytes = pictures[place]
            bytes.setInteger(UInt8(place), at: 100)
            forms[place].add("image", file: bytes)
        }
        let (both, named) = (forms, named)
        let answers = try await gateway.run { client in
            [
                try await client.post(Call.edited, both[0], headers: named),
                try await client.post(Call.edited, both[1], headers: named),
            ]
        }
        #expect(answers[0].status == 200)
        answers[1].expectError(409, "idempotency_conflict")
    }

    @Test func `a name belongs to its caller`() async throws {
        let named = named
        let ids = try await gateway.run { client in
            [
                try await client.post(Call.asynchronous, headers: named).json["id"]?.string,
                try await client.post(Call.asynchronous, key: "key-bob", headers: named).json["id"]?.string,
            ]
        }
        #expect(Set(ids).count == 2)
    }

    @Test(arguments: ["", "a b", "naïve", "\u{7F}", String(repeating: "k", count: 256)])
    func `what is no name is refused`(key: String) async throws {
        let answer = try await gateway.run { client in
            try await client.execute(
                uri: Call.asynchronous,
                method: .post,
                headers: [.authorization: "Bearer key-alice", .init("idempotency-key") ?? .via: key],
                body: Call.body().encoded()
            ) { Answer($0) }
        }
        answer.expectError(400, "invalid_value", parameter: "Idempotency-Key")
        #expect(gateway.store.all.isEmpty)
    }

    @Test func `a mistake claims no name`() async throws {
        let named = ["idempotency-key": String(repeating: "~", count: 255)]
        let answers = try await gateway.run { client in
            [
                try await client.post(Call.asynchronous, Call.body(["n": 11]), headers: named),
                try await client.post(Call.asynchronous, headers: named),
            ]
        }
        answers[0].expectError(400, "invalid_value", parameter: "n")
        #expect(answers[1].status == 200)
        #expect(!Self.isReplay(answers[1]))
    }

    @Test func `a name is free after a day, and when its task is deleted`() async throws {
        let (time, named) = (time, named)
        try await gateway.run { client in
            let first = try await client.post(Call.asynchronous, headers: named).json["id"]?.string ?? ""
            time.advance(by: .seconds(86_399))
            #expect(try await client.post(Call.asynchronous, headers: named).json["id"]?.string == first)
            time.advance(by: .seconds(1))
            let second = try await client.post(Call.asynchronous, headers: named).json["id"]?.string ?? ""
            #expect(second != first)
            _ = try await client.ask(.delete, "/v1/images/tasks/\(second)")
            let third = try await client.post(Call.asynchronous, headers: named)
            #expect(third.status == 200)
            #expect(third.json["id"]?.string != second)
        }
    }

    @Test func `many at once make one task, and store its picture once`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        let (whole, named) = (form, named)
        let answers = try await gateway.run { client in
            try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<50 { group.addTask { try await client.post(Call.edited, whole, headers: named) } }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
        }
        #expect(answers.allSatisfy { $0.status == 200 })
        #expect(Set(answers.map { $0.json["id"]?.string }).count == 1)
        #expect(answers.count { !Self.isReplay($0) } == 1)
        #expect(objects.calls.count == 1)
    }

    @Test func `what another process stored first is not stored twice`() async throws {
        var form = TestForm()
        form.add("image", file: TestPicture.png())
        let (whole, named) = (form, named)
        let rival = try SampleTasks(time: time).pending()
        let claim = IdempotencyClaim(owner: "alice", key: "order-7", request: [1], task: rival.id, now: time.now)
        let gateway = TestGateway(time: time) { gateway in
            let store = gateway.store
            // The other process writes between this one's look and its commit.
            gateway.objects = MemoryObjectStore { call throws(ObjectError) in
                guard case .put = call else { return }
                do throws(StoreError) {
                    _ = try await store.create(rival, on: TaskTerms(claim: claim))
                } catch {
                    Issue.record(error)
                }
            }
        }
        let objects = try #require(gateway.objects as? MemoryObjectStore)
        let answer = try await gateway.run { try await $0.post(Call.edited, whole, headers: named) }

        answer.expectError(409, "idempotency_conflict")
        #expect(gateway.store.all.map(\.id) == [rival.id])
        #expect(objects.objects.count == 1)
        #expect(Set(gateway.store.deletions.map(\.key)) == Set(objects.objects.keys))
        #expect(gateway.store.deletions.allSatisfy { $0.due == time.now })
    }

    // MARK: Waiting

    @Test func `two hundred who ask for the same picture at once get the same answer`() async throws {
        let gate = Flag()
        let draw = drawing()
        let (objects, named) = (objects, named)
        let gateway = TestGateway(time: SystemTime()) { $0.objects = objects }
        let store = gateway.store
        let answers = try await gateway.run(engine: { engine, task in
            while !gate.isSet { try await Task.sleep(for: .milliseconds(2)) }
            try await draw(engine, task)
        }) { client in
            try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<200 { group.addTask { try await client.post(Call.generations, headers: named) } }
                while store.all.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
                gate.set()
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
        }

        #expect(answers.allSatisfy { $0.status == 200 })
        #expect(Set(answers.map(\.body)).count == 1)
        #expect(answers[0].json["data"]?[0]?["b64_json"]?.string == "YSBwaWN0dXJl")
        #expect(answers.count { !Self.isReplay($0) } == 1)
        #expect(store.all.count == 1)
    }

    @Test(arguments: [false, true])
    func `a picture is there for a repeat, as often as it is asked for`(streams: Bool) async throws {
        let body = streams ? Call.body(["stream": true]) : Call.body()
        let named = named
        let (first, later) = try await gateway.run(engine: drawing()) { client in
            let first = try await client.post(Call.generations, body, headers: named)
            let later = [
                try await client.post(Call.generations, body, headers: named),
                try await client.post(Call.generations, body, headers: named.merging(["prefer": "wait=5"]) { $1 }),
            ]
            return (first, later)
        }
        #expect(first.status == 200)
        #expect(first.text.contains("YSBwaWN0dXJl"))
        #expect(later.allSatisfy { $0.status == 200 && $0.body == first.body && Self.isReplay($0) })
        #expect(gateway.store.all.count == 1)
    }

    @Test func `a caller who stopped waiting finds the task again, and then its picture`() async throws {
        let (time, named, store) = (time, named, gateway.store)
        let gate = Flag()
        let draw = drawing()
        try await gateway.run(engine: { engine, task in
            while !gate.isSet { try await Task.sleep(for: .milliseconds(2)) }
            try await draw(engine, task)
        }) { client in
            let wait = named.merging(["prefer": "wait=1"]) { $1 }
            async let first = client.post(Call.generations, headers: wait)
            await time.untilSleeping()
            time.advance(by: .seconds(1))
            #expect(try await first.status == 202)

            async let second = client.post(Call.generations, headers: wait)
            // The wait, and the glance at the row.
            await time.untilSleeping(2)
            time.advance(by: .seconds(1))
            let answer = try await second
            #expect(answer.status == 202)
            #expect(Self.isReplay(answer))
            let id = try #require(store.all.first?.id)
            #expect(answer.json["id"]?.string == id.description)

            async let third = client.post(Call.generations, headers: named)
            await time.untilSleeping(2)
            gate.set()
            #expect(try await third.json["data"]?[0]?["b64_json"]?.string == "YSBwaWN0dXJl")
            let task = try await client.post(
                Call.generations,
                headers: named.merging(["prefer": "respond-async"]) { $1 }
            )
            #expect(task.status == 202)
            #expect(task.json["status"]?.string == "completed")
        }
        #expect(store.all.count == 1)
    }

    @Test func `a task of another process is waited for by its row`() async throws {
        let (time, named, gateway) = (time, named, gateway)
        try await gateway.run { client in
            _ = try await client.post(Call.asynchronous, Call.body(["response_format": "url"]), headers: named)
            let task = try #require(gateway.store.all.first)
            async let waiting = client.post(
                Call.generations,
                Call.body(["response_format": "url"]),
                headers: named
            )
            await time.untilSleeping(2)
            let done = try SampleTasks(time: time).task(task, after: SampleTasks.Stage.stored.events())
            try await gateway.store.update(done, from: task.version)
            time.advance(by: .seconds(1))
            let answer = try await waiting
            #expect(answer.status == 200)
            #expect(answer.json["data"]?[0]?["url"]?.string?.hasPrefix("https://objects.test/") == true)
        }
    }

    @Test func `a failure is told again, and nothing else is tried`() async throws {
        let named = named
        let answers = try await gateway.run(engine: { engine, task in
            try await engine.fail(task, TaskFailure(.providerUnavailable, "No provider can be used."))
        }) { client in
            [
                try await client.post(Call.generations, headers: named),
                try await client.post(Call.generations, headers: named),
            ]
        }
        for answer in answers { answer.expectError(503, "provider_unavailable") }
        #expect(answers[0].body == answers[1].body)
        #expect(Self.isReplay(answers[1]))
        #expect(answers[1][header: "retry-after"] == nil)
        #expect(answers[1][header: "x-should-retry"] == "false")
        #expect(gateway.store.all.count == 1)
    }

    @Test func `a picture whose time is over is not made again`() async throws {
        let (time, objects, named) = (time, objects, named)
        let gateway = TestGateway(time: time) {
            $0.objects = objects
            $0.settings.linkLifetime = .seconds(3600)
        }
        let answer = try await gateway.run(engine: drawing()) { client in
            #expect(try await client.post(Call.generations, headers: named).status == 200)
            time.advance(by: .seconds(3601))
            return try await client.post(Call.generations, headers: named)
        }
        answer.expectError(410, "result_expired")
        #expect(answer[header: "x-should-retry"] == "false")
        #expect(gateway.store.all.count == 1)
    }

    @Test func `a storage that is away now is asked again by the next repeat`() async throws {
        let (named, away) = (named, Flag())
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .get = call, away.isSet else { return }
            throw ObjectError(.unavailable, isTemporary: true, "The bucket is away.")
        }
        let gateway = TestGateway(time: time) { $0.objects = objects }
        let answer = try await gateway.run(engine: { engine, task in
            let begun = try await engine.begin(task)
            let key = ObjectKey.picture(of: task, index: 0, format: .png)
            try await objects.put(ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: "x")]), at: key)
            let picture = StoredPicture(key: key.description, header: SampleTasks.header, bytes: 1)
            away.set()
            try await engine.record(begun, .stored(portion: 0, pictures: [picture], usage: nil, warnings: []))
        }) { try await $0.post(Call.generations, headers: named) }
        answer.expectError(503, "storage_error")
        // Asking again under the same name buys nothing.
        #expect(answer[header: "x-should-retry"] == nil)
        #expect(answer[header: "retry-after"] == "2")
    }

    @Test func `pictures are read back while there is room for them`() async throws {
        let gate = Flag()
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .get = call else { return }
            while !gate.isSet { try? await Task.sleep(for: .milliseconds(2)) }
        }
        let gateway = TestGateway(time: time) {
            $0.objects = objects
            $0.settings.bodyMemory = 1 << 20
        }
        let bytes = ByteBuffer(repeating: 7, count: 300 << 10)
        let answers = try await gateway.run(engine: { engine, task in
            let begun = try await engine.begin(task)
            let key = ObjectKey.picture(of: task, index: 0, format: .png)
            try await objects.put(ObjectBody(contentType: "image/png", buffers: [bytes]), at: key)
            let picture = StoredPicture(key: key.description, header: SampleTasks.header, bytes: bytes.readableBytes)
            try await engine.record(begun, .stored(portion: 0, pictures: [picture], usage: nil, warnings: []))
        }) { client in
            async let first = client.post(Call.generations, headers: ["idempotency-key": "one"])
            // Stored, and being read: that takes 700 KiB.
            while objects.calls.count < 2 { try await Task.sleep(for: .milliseconds(2)) }
            // Without the bound it would be read too, and wait for the gate.
            async let opener: Void = {
                while objects.calls.count < 4, !gate.isSet { try await Task.sleep(for: .milliseconds(2)) }
                gate.set()
            }()
            let second = try await client.post(Call.generations, headers: ["idempotency-key": "two"])
            gate.set()
            try await opener
            let whole = try await first
            return [whole, second, try await client.post(Call.generations, headers: ["idempotency-key": "two"])]
        }
        #expect(answers[0].status == 200)
        answers[1].expectError(429, "queue_full")
        #expect(answers[1][header: "retry-after"] == "2")
        #expect(answers[1][header: "x-should-retry"] == nil)
        // It was bought, and is there when there is room.
        #expect(answers[2].status == 200 && Self.isReplay(answers[2]))
        #expect(gateway.store.all.count == 2)
    }

    @Test func `an answer with pictures that were read back holds their room until it is gone`() throws {
        let room = BodyRoom(limit: 1 << 20)
        let task = try SampleTasks(time: time).pending()
        func answer() throws -> Response {
            let share = room.share()
            try share.grow(to: 700 << 10)
            return ImagesView(task: task).response(pictures: [.small]).holding(share)
        }
        var held: Response? = try answer()
        #expect(held?.body.contentLength != nil)
        #expect(throws: APIError.self) { _ = try answer() }
        withExtendedLifetime(held) {}
        held = nil
        _ = try answer()
    }

    // MARK: Without storage

    private var storeless: TestGateway {
        TestGateway(time: SystemTime()) { $0.settings.hasStorage = false }
    }

    @Test func `without storage those who wait share the picture, and who comes later is told`() async throws {
        let (gateway, named) = (storeless, named)
        let answers = try await gateway.run(engine: { engine, task in
            #expect(!task.needsLink)
            while engine.board.callerCount(of: task.id) < 20 { try await Task.sleep(for: .milliseconds(2)) }
            try await engine.finish(task)
        }) { client in
            var answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<20 { group.addTask { try await client.post(Call.generations, headers: named) } }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            answers.append(try await client.post(Call.generations, headers: named))
            return answers
        }
        #expect(answers.dropLast().allSatisfy { $0.status == 200 && $0.body == answers[0].body })
        answers[20].expectError(410, "result_expired")
        #expect(answers[20][header: "x-should-retry"] == "false")
        #expect(gateway.store.all.count == 1)
    }

    @Test func `without storage a call that was dropped for nothing can be made again`() async throws {
        let (gateway, named) = (storeless, named)
        let runs = Mutex(0)
        let answer = try await gateway.run(engine: { engine, task in
            let run = runs.withLock { runs in
                runs += 1
                return runs
            }
            if run > 1 { return try await engine.finish(task) }
            try await engine.fail(task, .callerGone)
        }) { client in
            _ = try await client.post(Call.generations, headers: named)
            return try await client.post(Call.generations, headers: named)
        }
        #expect(answer.status == 200)
        #expect(!Self.isReplay(answer))
        #expect(gateway.store.all.count == 1)
    }

    @Test(arguments: [true, false])
    func `who waits goes on waiting while the database is away`(fromTheStart: Bool) async throws {
        let (time, named) = (ManualTime(), named)
        let gateway = TestGateway(time: time) { $0.settings.hasStorage = false }
        let (gate, answered) = (Flag(), Flag())
        let away = StoreError(.unavailable, "The database is away.")
        let answers = try await gateway.run(engine: { engine, task in
            while !gate.isSet { try await Task.sleep(for: .milliseconds(2)) }
            try await engine.finish(task)
        }) { client in
            async let first = client.post(Call.generations, headers: named)
            while gateway.store.all.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
            // The claim and its task are found; the look at what became of it fails.
            if fromTheStart { gateway.store.fail([nil, nil, away]) }
            async let second = {
                defer { answered.set() }
                return try await client.post(Call.generations, headers: named)
            }()
            while !time.isSleeping, !answered.isSet { try await Task.sleep(for: .milliseconds(2)) }
            if !fromTheStart {
                gateway.store.fail([away])
                time.advance(by: .seconds(1))
                while !time.isSleeping, !answered.isSet { try await Task.sleep(for: .milliseconds(2)) }
            }
            #expect(!answered.isSet)
            gate.set()
            return try await [first, second]
        }
        #expect(answers.map(\.status) == [200, 200])
        #expect(answers[0].body == answers[1].body)
    }

    @Test func `without storage a call that was cancelled is not bought by a repeat`() async throws {
        let (gateway, named) = (storeless, named)
        let answer = try await gateway.run(engine: { engine, task in
            let failure = TaskFailure(.taskCancelled, "The task was cancelled before a provider had it.")
            try await engine.fail(task, failure)
        }) { client in
            _ = try await client.post(Call.generations, headers: named)
            return try await client.post(Call.generations, headers: named)
        }
        answer.expectError(409, "task_cancelled")
        #expect(Self.isReplay(answer))
        #expect(answer[header: "x-should-retry"] == "false")
    }

    @Test func `without storage who joins a call in the moment it is dropped may ask again`() async throws {
        let (gateway, named) = (storeless, named)
        let answers = try await gateway.run(engine: { engine, task in
            while engine.board.callerCount(of: task.id) < 2 { try await Task.sleep(for: .milliseconds(2)) }
            try await engine.fail(task, .callerGone)
        }) { client in
            async let first = client.post(Call.generations, headers: named)
            async let second = client.post(Call.generations, headers: named)
            return try await [first, second]
        }
        let joined = try #require(answers.first(where: Self.isReplay))
        joined.expectError(503, "provider_unavailable")
        #expect(joined[header: "x-should-retry"] == nil)
        #expect(joined[header: "retry-after"] == "1")
    }
}
