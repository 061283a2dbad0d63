// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Testing

/// The pictures of edits on their way to a vendor.
@Suite struct InputTests {
    static let url = "https://pictures.example/cat.png"

    static func header(_ width: Int) -> PictureHeader { PictureHeader(format: .png, size: PixelSize(width, 8)) }

    static func upload(_ width: Int) -> InputImage {
        .upload(header(width), bytes: Picture.png(width).readableBytes)
    }

    static func input(_ width: Int) throws -> InputPicture { try #require(InputPicture(Picture.png(width))) }

    static func create(
        _ bench: Bench,
        _ inputs: [InputImage],
        mask: InputImage? = nil,
        count: Int = 1
    ) async throws -> ImageTask {
        try await bench.create(count: count, node: "node-1") { draft in
            draft.kind = .edit
            draft.inputs = inputs
            draft.mask = mask
        }
    }

    @Test func `a vendor gets the pictures in their order, and the mask`() async throws {
        let vendor = FakeVendor.saying(.pictures(640))
        let web = ReplayTransport([.response(TransportResponse(status: 200, body: Picture.png(30)))])
        let bench = Bench(vendor.provider("a"), web: web)
        let task = try await Self.create(
            bench,
            [Self.upload(10), .url(Self.url), Self.upload(20)],
            mask: .upload(Self.header(10), bytes: Picture.png(10).readableBytes)
        )

        let done = try await bench.run(task, uploads: [Self.input(10), Self.input(20), Self.input(10)])

        #expect(done.status == .completed)
        let call = try #require(vendor.ledger.calls.first)
        #expect(call.inputs.map(\.header.size.width) == [10, 30, 20])
        #expect(call.inputs.map(\.bytes) == [Picture.png(10), Picture.png(30), Picture.png(20)])
        #expect(call.mask?.bytes == Picture.png(10))
        #expect(web.sent.map(\.request.url) == [Self.url])
    }

    @Test func `another process reads the pictures from the store, and in the end they are due for deletion`()
        async throws
    {
        let vendor = FakeVendor.saying(.pictures(640))
        let bench = Bench(vendor.provider("a"))
        let task = try await Self.create(bench, [Self.upload(10)], mask: Self.upload(10))
        #expect(
            task.inputKeys.map(\.description) == [
                "inputs/2023/11/14/\(task.id)-0.png", "inputs/2023/11/14/\(task.id)-1.png",
            ]
        )
        for key in task.inputKeys {
            try await bench.objects.put(ObjectBody(contentType: "image/png", buffers: [Picture.png(10)]), at: key)
        }

        let done = try await bench.run(task)

        #expect(done.status == .completed)
        #expect(vendor.ledger.calls.first?.inputs.map(\.bytes) == [Picture.png(10)])
        #expect(vendor.ledger.calls.first?.mask?.bytes == Picture.png(10))
        let due = try await bench.store.dueDeletions(limit: 9, now: bench.time.now, lease: .seconds(60))
        #expect(Set(due.map(\.key)) == Set(task.inputKeys))
    }

    @Test func `a task that failed keeps its pictures, so that it can be tried again`() async throws {
        let bench = Bench(FakeVendor.saying(.failing(.refused)).provider("a"))
        let task = try await Self.create(bench, [Self.upload(10)])
        for key in task.inputKeys {
            try await bench.objects.put(ObjectBody(contentType: "image/png", buffers: [Picture.png(10)]), at: key)
        }

        let done = try await bench.run(task)

        #expect(done.failure?.code == .contentPolicyViolation)
        #expect(Set(bench.objects.objects.keys) == Set(task.inputKeys))
        let late = bench.time.now.advanced(by: .seconds(900_000))
        #expect(try await bench.store.dueDeletions(limit: 9, now: late, lease: .zero).isEmpty)
    }

    @Test func `pictures are fetched once for all portions and vendors`() async throws {
        let web = ReplayTransport { _ in .response(TransportResponse(status: 200, body: Picture.png(30))) }
        let second = FakeVendor { _, _ in .pictures(1) }
        let bench = Bench(FakeVendor { _, _ in .failing(.overloaded) }.provider("a"), second.provider("b"), web: web)

        let done = try await bench.run(try await Self.create(bench, [.url(Self.url)], count: 3))

        #expect(done.status == .completed)
        #expect(web.sent.count == 1)
        #expect(second.ledger.calls.map { $0.inputs.count } == [1, 1, 1])
    }

    static let useless: [(String, [ReplayTransport.Answer], TaskFailure.Code)] = [
        ("gone", Array(repeating: .text("", status: 404), count: 9), .invalidImage),
        ("down", Array(repeating: .text("", status: 503), count: 9), .invalidImage),
        ("text", [.text("hello")], .invalidImage),
        ("another network", [.failure(TransportError(.addressRefused, mayHaveArrived: false, "No."))], .invalidImage),
        (
            "large", [.response(TransportResponse(status: 200, body: ByteBuffer(repeating: 1, count: 2 << 20)))],
            .payloadTooLarge
        ),
    ]

    @Test(arguments: useless)
    func `without its pictures nothing is asked of a vendor`(
        _ kind: (String, [ReplayTransport.Answer], TaskFailure.Code)
    ) async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), web: ReplayTransport(kind.1))

        let task = try await bench.run(try await Self.create(bench, [.url(Self.url)]))

        #expect(task.failure?.code == kind.2)
        #expect(task.failure?.message.contains("pictures.example") == false)
        #expect(task.attempts.isEmpty)
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `inputs that are gone after a restart do not cost what another portion has bought`() async throws {
        let vendor = FakeVendor.saying(polled: [.pictures(640)])
        let web = ReplayTransport { _ in .text("", status: 404) }
        let bench = Bench(vendor.provider("google"), web: web)
        try await bench.create(
            count: 3,
            after: [
                .claimed(node: "gone", portions: [1, 1, 1]), SampleTasks.submitting(),
                .accepted(portion: 0, job: ProviderJob(id: "j")),
            ]
        ) { draft in
            draft.kind = .edit
            draft.inputs = [.url(Self.url)]
        }
        let adopted = try await bench.store.adopt(
            node: "node-1",
            silentSince: bench.time.now,
            limit: 9,
            now: bench.time.now
        )

        let task = try await bench.run(try #require(adopted.first))

        #expect(task.status == .completed)
        #expect(task.pictures.count == 1)
        #expect(task.warnings.contains { $0.hasPrefix("1 of 3 pictures were made: ") })
        #expect(task.attempts.map(\.outcome) == [.succeeded])
        #expect(web.sent.count == 3, "tried for all portions together")
    }

    @Test func `pictures are fetched when there is room for them in memory`() async throws {
        let vendor = FakeVendor.saying(.pictures(640))
        let web = ReplayTransport { _ in .response(TransportResponse(status: 200, body: Picture.png(30))) }
        let bench = Bench(vendor.provider("a"), web: web)
        let budget = ByteBudget(limit: 100)
        let parts = bench.parts.with(memory: budget)
        var holder: ByteBudget.Account? = budget.open()
        holder?.charge(100)
        let task = try await Self.create(bench, [.url(Self.url), .url(Self.url)])
        let live = LiveTask(task, store: bench.store, board: bench.board, time: bench.time, logger: Bench.logger)
        let run = TaskRun(live: live, parts: parts, logger: Bench.logger)

        async let running: Void = run.run()
        try await eventually { budget.waiting == 1 }
        #expect(web.sent.isEmpty)
        holder = nil
        await running

        #expect(web.sent.count == 2)
        #expect(try await bench.row(task.id).status == .completed)
        withExtendedLifetime(holder) {}
    }

    @Test func `pictures that are gone from the store end the task with a sentence about it`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.run(try await Self.create(bench, [Self.upload(10)]))

        #expect(task.failure == TaskFailure(.storageError, "A picture of the request is no longer in the storage."))
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `a mask of another size than the picture is refused`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))
        let task = try await Self.create(bench, [Self.upload(10)], mask: Self.upload(20))

        let done = try await bench.run(task, uploads: [Self.input(10), Self.input(20)])

        #expect(done.failure?.code == .invalidImage)
        #expect(vendor.ledger.submissions == 0)
    }
}
