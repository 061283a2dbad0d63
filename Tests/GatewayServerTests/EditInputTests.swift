// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// Numbers that were seen, one after the other.
private final class Counts: Sendable {
    private let stored = Mutex<[Int]>([])

    var all: [Int] { stored.withLock { $0 } }

    func note(_ count: Int) { stored.withLock { $0.append(count) } }

    func change(by step: Int) { stored.withLock { $0.append(($0.last ?? 0) + step) } }
}

/// What becomes of pictures that come with a request.
@Suite(.timeLimit(.minutes(5))) struct EditInputTests {
    private let objects = MemoryObjectStore()

    private static func form(_ count: Int = 1, mask: Bool = false) -> TestForm {
        var form = TestForm(["model": mask ? "masked" : "editor", "prompt": "a hat"])
        for place in 0..<count { form.add("image[]", file: TestPicture.png(64, 48, bytes: 300 + place)) }
        if mask { form.add("mask", file: TestPicture.webp()) }
        return form
    }

    private func bytes(_ key: ObjectKey, in objects: MemoryObjectStore) -> ByteBuffer? {
        objects.objects[key]?.buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    }

    // MARK: Stored

    @Test func `pictures of a task are stored before it is written`() async throws {
        let seen = Counts()
        let gateway = TestGateway { gateway in
            let store = gateway.store
            gateway.objects = MemoryObjectStore { _ throws(ObjectError) in seen.note(store.all.count) }
        }
        let objects = try #require(gateway.objects as? MemoryObjectStore)
        let answer = try await gateway.run { try await $0.post(Call.edited, Self.form(mask: true)) }
        #expect(answer.status == 200)
        #expect(answer.json["object"]?.string == "image.edit")
        let task = try #require(gateway.store.all.first)
        let first = ObjectKey.input(of: task, place: 0, format: .png)
        let mask = ObjectKey.input(of: task, place: 1, format: .webp)
        #expect(Set(objects.objects.keys) == [first, mask])
        #expect(bytes(first, in: objects) == TestPicture.png())
        #expect(bytes(mask, in: objects) == TestPicture.webp())
        #expect(objects.objects[mask]?.contentType == "image/webp")
        #expect(seen.all == [0, 0])
    }

    @Test func `a picture's place counts addresses, too`() async throws {
        let gateway = TestGateway { $0.objects = objects }
        let body = Call.body([
            "model": "editor",
            "images": ["https://a.example/1", JSON(TestPicture.dataURL(TestPicture.png())), "https://a.example/2"],
        ])
        let answer = try await gateway.run { try await $0.post(Call.edited, body) }
        #expect(answer.status == 200)
        let task = try #require(gateway.store.all.first)
        #expect(Set(objects.objects.keys) == [ObjectKey.input(of: task, place: 1, format: .png)])
    }

    @Test func `no more than four pictures are stored at once`() async throws {
        let running = Counts()
        let objects = MemoryObjectStore { _ throws(ObjectError) in
            running.change(by: 1)
            for _ in 0..<20 { await Task.yield() }
            running.change(by: -1)
        }
        let gateway = TestGateway { $0.objects = objects }
        let answer = try await gateway.run { try await $0.post(Call.edited, Self.form(16)) }
        #expect(answer.status == 200)
        #expect(objects.objects.count == 16)
        #expect((2...4).contains(running.all.max() ?? 0))
    }

    @Test(arguments: [Call.edits, Call.edited], [0, 3, 9])
    func `when one picture cannot be stored all of them are due for deletion`(path: String, failing: Int) async throws {
        let objects = MemoryObjectStore { call throws(ObjectError) in
            guard case .put(let key) = call, key.description.hasSuffix("-\(failing).png") else { return }
            throw ObjectError(.unavailable, isTemporary: true, "The bucket is away.")
        }
        let gateway = TestGateway { $0.objects = objects }
        let answer = try await gateway.run { try await $0.post(path, Self.form(10)) }
        answer.expectError(503, "storage_error")
        #expect(answer[header: "retry-after"] == "2")
        // Nothing was bought: the official clients may try again.
        #expect(answer[header: "x-should-retry"] == nil)
        #expect(!answer.text.contains("bucket"))
        let due = gateway.store.deletions
        #expect(due.count == 10)
        #expect(due.allSatisfy { $0.due == gateway.time.now })
        #expect(objects.objects.keys.allSatisfy { due.map(\.key).contains($0) })
        #expect(gateway.store.all.isEmpty)
        #expect(gateway.log.text.contains("The bucket is away."))
    }

    @Test(arguments: [Call.edits, Call.edited])
    func `when the task cannot be written its pictures are due for deletion`(path: String) async throws {
        let gateway = TestGateway { $0.objects = objects }
        gateway.store.fail([nil, StoreError(.unavailable, "no disk")])
        let answer = try await gateway.run { try await $0.post(path, Self.form(3)) }
        answer.expectError(503, "provider_unavailable")
        let due = gateway.store.deletions
        #expect(Set(due.map(\.key)) == Set(objects.objects.keys))
        #expect(due.map(\.due) == Array(repeating: gateway.time.now, count: 3))
    }

    @Test func `pictures whose process dies before the task is written are due when no upload takes so long`()
        async throws
    {
        let gateway = TestGateway { $0.objects = objects }
        // Neither the task nor the note that it could not be written.
        gateway.store.fail([nil] + Array(repeating: StoreError(.unavailable, "no disk"), count: 2))
        try await gateway.run { try await $0.post(Call.edited, Self.form(3)) }.expectError(503, "provider_unavailable")
        let due = gateway.store.deletions
        #expect(Set(due.map(\.key)) == Set(objects.objects.keys))
        #expect(due.map(\.due) == Array(repeating: gateway.time.now.advanced(by: Deletion.uploadTime), count: 3))
    }

    @Test func `nothing is stored that could not be announced`() async throws {
        let gateway = TestGateway { $0.objects = objects }
        gateway.store.fail([StoreError(.unavailable, "no disk")])
        try await gateway.run { try await $0.post(Call.edited, Self.form(3)) }.expectError(503, "provider_unavailable")
        #expect(objects.calls.isEmpty)
    }

    @Test func `pictures of a task that was written are kept`() async throws {
        let gateway = TestGateway { $0.objects = objects }
        let answer = try await gateway.run { try await $0.post(Call.edited, Self.form(3)) }
        #expect(answer.status == 200)
        #expect(gateway.store.deletions.isEmpty)
        #expect(objects.objects.count == 3)
    }

    // MARK: Handed over

    @Test func `a synchronous call stores its pictures and hands them over in memory`() async throws {
        let gateway = TestGateway { $0.objects = objects }
        let answer = try await gateway.run(engine: { try await $0.finish($1) }) { client in
            try await client.post(Call.edits, Self.form(mask: true))
        }
        #expect(answer.status == 200)
        #expect(answer.json["data"]?[0]?["b64_json"] != nil)
        let task = try #require(gateway.store.all.first)
        #expect(gateway.uploads[task.id]?.map(\.bytes) == [TestPicture.png(), TestPicture.webp()])
        #expect(objects.objects.count == 2)
    }

    @Test func `without storage a synchronous call lives from memory and a task is refused`() async throws {
        let gateway = TestGateway {
            $0.settings.hasStorage = false
            $0.objects = objects
        }
        try await gateway.run(engine: { try await $0.finish($1) }) { client in
            #expect(try await client.post(Call.edits, Self.form(2)).status == 200)
            try await client.post(Call.edited, Self.form()).expectError(503, "storage_not_configured")
            let later = try await client.post(Call.edits, Self.form(), headers: ["prefer": "respond-async"])
            later.expectError(503, "storage_not_configured")
            var linked = Self.form()
            linked.add("response_format", "url")
            try await client.post(Call.edits, linked)
                .expectError(503, "image_url_not_available", parameter: "response_format")
        }
        let task = try #require(gateway.store.all.first)
        #expect(gateway.uploads[task.id]?.count == 2)
        #expect(objects.calls.isEmpty)
    }

    @Test func `a call that does not wait becomes a task with its pictures stored`() async throws {
        let gateway = TestGateway { $0.objects = objects }
        let answer = try await gateway.run { client in
            try await client.post(Call.edits, Self.form(), headers: ["prefer": "respond-async"])
        }
        #expect(answer.status == 202)
        let task = try #require(gateway.store.all.first)
        #expect(answer[header: "location"] == "/v1/images/tasks/\(task.id)")
        #expect(task.node == nil)
        #expect(objects.objects.count == 1)
        let read = try await gateway.run { try await $0.get("/v1/images/edits/\(task.id)") }
        #expect(read.json["object"]?.string == "image.edit")
    }
}
