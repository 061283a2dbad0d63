// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Synchronization
import Testing

/// Tasks whose vendor answers at once.
@Suite struct TaskRunTests {
    @Test func `a picture is stored under the task's name and the row tells about it`() async throws {
        let vendor = FakeVendor.saying(.pictures(640))
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw()

        let key = "2023/11/14/\(task.id)-0.png"
        #expect(task.status == .completed)
        #expect(task.progress == 100)
        #expect(task.node == nil)
        #expect(task.pictures.map(\.key) == [key])
        #expect(task.pictures.first?.header == PictureHeader(format: .png, size: PixelSize(640, 8)))
        #expect(task.pictures.first?.bytes == Picture.png(640).readableBytes)
        #expect(task.pictures.first?.revisedPrompt == "a red fox")
        #expect(task.usage?.totalTokens == 10)
        #expect(task.attempts.map(\.outcome) == [.succeeded])
        #expect(task.attempts.map(\.provider) == ["a"])
        #expect(task.attempts.map(\.model) == ["one"])
        #expect(vendor.ledger.calls == [ProviderCall(model: "one", prompt: "a fox in the snow")])
        let stored = try #require(ObjectKey(key).flatMap { bench.objects.objects[$0] })
        #expect(stored.contentType == "image/png")
        #expect(stored.buffers == [Picture.png(640)])
    }

    @Test func `an attempt is in the row before it is sent`() async throws {
        let memory = MemoryTaskStore()
        let seen = Mutex<[ImageTask]>([])
        let vendor = FakeVendor { _, number in
            seen.withLock { $0 += memory.all }
            return number == 1 ? .failing(.overloaded) : .pictures(1)
        }
        let bench = Bench(vendor.provider("a"), vendor.provider("b"), store: memory)

        try await bench.draw()

        let rows = seen.withLock(\.self)
        #expect(rows.map { $0.attempts.map(\.provider) } == [["a"], ["a", "b"]])
        #expect(rows.map { $0.attempts.map(\.outcome) } == [[nil], [.rejected, nil]])
        #expect(rows.map { $0.portions.map(\.stage) } == [[.submitting(attempt: 0)], [.submitting(attempt: 1)]])
    }

    @Test func `several pictures of a vendor that gives one each keep their order, whoever is done first`() async throws
    {
        let gates = (0...4).map { _ in Gate() }
        // The last call ends first.
        let vendor = FakeVendor { _, number in
            _ = await gates[number].pass()
            gates[number - 1].open()
            return .pictures(100 + number)
        }
        let bench = Bench(vendor.provider("a"))
        gates[4].open()

        let task = try await bench.draw(count: 4)

        #expect(vendor.ledger.calls.map(\.count) == [1, 1, 1, 1])
        #expect(task.status == .completed)
        #expect(task.pictures.map(\.key) == (0..<4).map { "2023/11/14/\(task.id)-\($0).png" })
        #expect(Set(task.headers.map(\.size.width)) == [101, 102, 103, 104])
        for picture in task.pictures {
            let body = try #require(ObjectKey(picture.key).flatMap { bench.objects.objects[$0] })
            #expect(PictureHeader(body.buffers[0].readableBytesView) == picture.header)
        }
        #expect(task.usage?.totalTokens == 40)
    }

    @Test func `a vendor that can give several is asked for several`() async throws {
        let vendor = FakeVendor { call, _ in call.count == 4 ? .pictures(1, 2, 3, 4) : .pictures(5) }
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw(model: "four", count: 5)

        #expect(vendor.ledger.calls.map(\.count).sorted() == [1, 4])
        #expect(task.headers.map(\.size.width) == [1, 2, 3, 4, 5])
        #expect(task.pictures.last?.key == "2023/11/14/\(task.id)-4.png")
    }

    @Test func `more pictures than were asked for are left out, fewer are said to be missing`() async throws {
        let generous = Bench(FakeVendor.saying(.pictures(1, 2, 3)).provider("a"))
        let silent = Bench(FakeVendor.saying(.pictures(1)).provider("a"))
        let open = Bench(FakeVendor.saying(.pictures(1, missing: ["One was withheld."])).provider("a"))
        let damaged = Bench(
            FakeVendor.saying(.images([.bytes(ByteBuffer(string: "no")), .bytes(Picture.png(2))])).provider("a")
        )

        #expect(try await generous.draw(model: "two", count: 2).headers.map(\.size.width) == [1, 2])
        #expect(
            try await silent.draw(model: "two", count: 2).warnings == ["A call for 2 pictures gave 1 that can be used."]
        )
        #expect(try await open.draw(model: "two", count: 2).warnings == ["One was withheld."])
        let task = try await damaged.draw(model: "two", count: 2)
        #expect(task.status == .completed)
        #expect(task.headers.map(\.size.width) == [2])
        #expect(task.warnings == ["A call for 2 pictures gave 1 that can be used."])
    }

    @Test func `two of three pictures are a success with a warning`() async throws {
        let vendor = FakeVendor { _, number in number == 2 ? .failing(.refused) : .pictures(number) }
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw(count: 3)

        #expect(task.status == .completed)
        #expect(task.pictures.count == 2)
        #expect(task.warnings == ["2 of 3 pictures were made: The provider says: refused."])
        #expect(Set(task.attempts.map(\.outcome)) == [.succeeded, .refused])
    }

    @Test func `when everybody fails the task says why, and who was asked`() async throws {
        let first = FakeVendor.saying(.failing(.credential))
        let second = FakeVendor.saying(.failing(.overloaded))
        let bench = Bench(first.provider("a"), second.provider("b"))

        let task = try await bench.draw()

        #expect(task.status == .failed)
        #expect(task.failure == TaskFailure(.upstreamError, "The provider says: overloaded."))
        #expect(task.attempts.map(\.provider) == ["a", "b"])
        #expect(task.attempts.map(\.outcome) == [.rejected, .rejected])
        #expect(task.attempts.allSatisfy { $0.endedAt != nil && $0.error != nil })
        #expect(bench.objects.calls.isEmpty)
    }

    @Test func `the next provider draws when the first cannot`() async throws {
        let first = FakeVendor.saying(.failing(.unreachable))
        let second = FakeVendor.saying(.pictures(5))
        let bench = Bench(first.provider("a"), second.provider("b"))

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.attempts.map(\.outcome) == [.notSent, .succeeded])
    }

    @Test func `a vendor is asked again after the delay it named`() async throws {
        let busy = FakeVendor.Answer.failing(.rateLimited, .retry(1, after: .seconds(7), thenFailOver: true))
        let vendor = FakeVendor.saying(busy, .pictures(5))
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(bench.time.slept.contains { $0 >= .seconds(7) && $0 <= .seconds(8) })
    }

    @Test func `a vendor that asks for more time than the task has is not waited for`() async throws {
        let busy = FakeVendor.Answer.failing(.rateLimited, .retry(1, after: .seconds(900), thenFailOver: true))
        let vendor = FakeVendor.saying(busy, .pictures(5))
        let bench = Bench(vendor.provider("a"))

        let task = try await bench.draw()

        #expect(task.failure?.code == .providerUnavailable)
        #expect(task.attempts.map(\.outcome) == [.rejected])
        #expect(bench.time.now == task.createdAt)
    }

    @Test(arguments: PictureCheckTests.garbage)
    func `an answer without a picture is no success`(_ garbage: (String, ImageSource)) async throws {
        let vendor = FakeVendor { _, _ in .images([garbage.1]) }
        let bench = Bench(
            vendor.provider("a", resubmitUnknown: .once),
            vendor.provider("b", resubmitUnknown: .once),
            vendor.provider("c", resubmitUnknown: .once)
        )

        let task = try await bench.draw()
        let handed = try await bench.draw(needsLink: false)

        #expect(task.status == .failed)
        #expect(task.failure?.code == .invalidImage)
        #expect(task.attempts.map(\.outcome) == [.unknown, .unknown], "made and billed, so repeated once and no more")
        #expect(handed.failure?.code == .invalidImage)
        #expect(bench.objects.objects.isEmpty)
    }

    @Test func `a model that nobody serves any more fails at once`() async throws {
        let bench = Bench(FakeVendor.saying().provider("a"))

        let task = try await bench.draw(model: "gone", count: 2)

        #expect(task.failure == Failover.nobody)
        #expect(task.attempts.isEmpty)
    }

    @Test func `a request that no candidate can honor is not sent to one`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), mode: .strict)
        let created = try await bench.create(node: "node-1") { $0.seed = 7 }

        let task = try await bench.run(created)

        #expect(task.failure?.code == .unsupportedParameter)
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `what had to give is said in the task`() async throws {
        let vendor = FakeVendor.saying(.pictures(5))
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(node: "node-1") {
            $0.seed = 7
            $0.outputFormat = "webp"
        }

        let task = try await bench.run(created)

        #expect(task.status == .completed)
        #expect(task.warnings.count == 2)
        #expect(task.warnings.contains("The model has no parameter 'seed'; it was left out."))
    }

    @Test func `a task whose time is over is given up, and what was sent is unknown`() async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, _ in await gate.pass() ? .pictures(1) : .failing(.outcomeUnknown) }
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(node: "node-1")
        let run = Task { try await bench.run(created) }
        try await eventually { gate.waiting == 1 }

        bench.time.clock.advance(by: .seconds(900))

        let task = try await run.value
        #expect(task.failure == TaskFailure(.taskTimeout, "The task was not finished in time."))
        #expect(task.attempts.map(\.outcome) == [.unknown])
        #expect(task.attempts.map(\.outcome?.billed) == [.unknown])
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `a task whose time was over before it began is not bought`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(node: "node-1")
        bench.time.clock.advance(by: .seconds(900))

        let task = try await bench.run(created)

        #expect(task.failure?.code == .taskTimeout)
        #expect(vendor.ledger.submissions == 0)
    }

    @Test(arguments: [true, false])
    func `at the end of its time a task keeps the pictures it has`(needsLink: Bool) async throws {
        let gate = Gate()
        let vendor = FakeVendor { _, number in
            guard number == 3 else { return .pictures(number) }
            return await gate.pass() ? .pictures(3) : .failing(.outcomeUnknown)
        }
        let bench = Bench(vendor.provider("a"))
        let created = try await bench.create(count: 3, needsLink: needsLink, node: "node-1")
        let run = Task { try await bench.run(created) }
        try await eventually { vendor.ledger.submissions == 3 && gate.waiting == 1 }

        bench.time.clock.advance(by: .seconds(900))

        let task = try await run.value
        #expect(task.status == .completed)
        #expect(Set(task.headers.map(\.size.width)) == [1, 2])
        #expect(bench.objects.objects.count == 2)
        #expect(task.warnings == ["2 of 3 pictures were made: The task was not finished in time."])
        #expect(vendor.ledger.submissions == 3)
    }
}
