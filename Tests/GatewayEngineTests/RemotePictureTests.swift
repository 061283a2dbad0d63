// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// Pictures that a vendor gives an address for.
@Suite struct RemotePictureTests {
    static let url = "https://pictures.vendor.example/a.png?signature=s3cret"

    static func web(_ answers: ReplayTransport.Answer...) -> ReplayTransport { ReplayTransport(answers) }

    static func picture(_ bytes: ByteBuffer = Picture.png(640), status: Int = 200) -> ReplayTransport.Answer {
        .response(TransportResponse(status: status, headers: [.contentType: "text/plain"], body: bytes))
    }

    @Test func `a picture goes from its address into the store and the row tells about it`() async throws {
        let web = Self.web(Self.picture())
        let memory = MemoryTaskStore()
        let stages = Mutex<[Portion.Stage]>([])
        let objects = MemoryObjectStore(before: { _ in
            stages.withLock { $0 += memory.all.flatMap { $0.portions.map(\.stage) } }
        })
        let bench = Bench(
            FakeVendor.saying(.addresses(Self.url)).provider("a"),
            store: memory,
            objects: objects,
            web: web
        )

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.pictures.map(\.header) == [PictureHeader(format: .png, size: PixelSize(640, 8))])
        #expect(task.pictures.map(\.bytes) == [Picture.png(640).readableBytes])
        #expect(task.pictures.first?.revisedPrompt == "a red fox")
        #expect(task.usage?.totalTokens == 10)
        #expect(task.attempts.map(\.outcome) == [.succeeded])
        #expect(web.sent.map(\.request.url) == [Self.url])
        #expect(web.sent.allSatisfy { $0.request.headers[.authorization] == nil && $0.request.headers[.cookie] == nil })
        let key = try #require(task.pictures.first.flatMap { ObjectKey($0.key) })
        #expect(
            bench.objects.objects[key]?.buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
                == Picture.png(640)
        )
        // The address was durable before anything was stored.
        #expect(stages.withLock { $0 } == [.fetching(attempt: 0, urls: [Self.url], revisedPrompt: "a red fox")])
    }

    @Test func `a caller who waits gets the picture itself`() async throws {
        let bench = Bench(FakeVendor.saying(.addresses(Self.url)).provider("a"), web: Self.web(Self.picture()))
        let task = try await bench.create(needsLink: false, node: "node-1")
        let deliveries = bench.board.expect(task.id)

        try await bench.run(task)

        var given: [Delivery] = []
        for await delivery in deliveries { given.append(delivery) }
        #expect(given.flatMap { $0.pictures.map(\.base64) } == [Picture.base64(640)])
        #expect(given.map(\.task.status) == [.completed])
        #expect(bench.objects.objects.isEmpty)
    }

    @Test func `a picture that cannot be had for a while is asked for again, and not bought again`() async throws {
        let lost = TransportError(.broken, mayHaveArrived: true, "Lost.")
        let web = Self.web(
            .failure(lost),
            .text("busy", status: 503),
            .text("slow down", status: 429),
            .text("", status: 404),
            .text("", status: 403),
            Self.picture()
        )
        let vendor = FakeVendor.saying(.addresses(Self.url))
        let bench = Bench(vendor.provider("a"), FakeVendor.saying(.pictures(1)).provider("b"), web: web)

        let task = try await bench.draw()

        #expect(task.status == .completed)
        #expect(task.pictures.first?.header.size.width == 640)
        #expect(web.sent.count == 6)
        #expect(vendor.ledger.submissions == 1)
        #expect(task.attempts.count == 1)
    }

    static let useless: [(String, [ReplayTransport.Answer], TaskFailure.Code)] = [
        ("nothing there", Array(repeating: .text("", status: 404), count: 9), .upstreamError),
        ("not allowed", Array(repeating: .text("", status: 403), count: 9), .upstreamError),
        ("text", [.text("I cannot draw that.")], .invalidImage),
        ("svg", [.text("<svg xmlns='http://www.w3.org/2000/svg'/>")], .invalidImage),
        ("one byte", [picture(ByteBuffer(bytes: [0x89]))], .invalidImage),
        ("a bomb", [picture(Picture.png(50_000, 50_000))], .invalidImage),
        ("another network", [.failure(TransportError(.addressRefused, mayHaveArrived: false, "No."))], .upstreamError),
    ]

    @Test(arguments: useless, [true, false])
    func `what is no picture ends its portion and buys nothing else`(
        _ kind: (String, [ReplayTransport.Answer], TaskFailure.Code),
        needsLink: Bool
    ) async throws {
        let second = FakeVendor.saying(.pictures(1))
        let bench = Bench(
            FakeVendor.saying(.addresses(Self.url)).provider("a"),
            second.provider("b"),
            web: ReplayTransport(kind.1)
        )

        let task = try await bench.draw(needsLink: needsLink)

        #expect(task.status == .failed)
        #expect(task.failure?.code == kind.2)
        #expect(task.failure?.message.contains("vendor.example") == false)
        #expect(task.attempts.map(\.outcome) == [.succeeded], "the vendor delivered, and is paid")
        #expect(task.usage?.totalTokens == 10, "counted once")
        #expect(second.ledger.submissions == 0)
        #expect(bench.objects.objects.isEmpty)
    }

    @Test func `one lost picture of several does not cost the others`() async throws {
        let web = ReplayTransport { sent in
            sent.request.url.hasSuffix("lost") ? .text("gone", status: 410) : Self.picture()
        }
        let vendor = FakeVendor { _, number in .addresses(number == 2 ? "https://v.example/lost" : Self.url) }
        let bench = Bench(vendor.provider("a"), web: web)

        let task = try await bench.draw(count: 3)

        #expect(task.status == .completed)
        #expect(task.pictures.count == 2)
        #expect(task.warnings.contains { $0.hasPrefix("2 of 3 pictures were made") })
        #expect(vendor.ledger.submissions == 3)
    }

    @Test(arguments: [true, false])
    func `one lost picture of one call does not cost the others`(needsLink: Bool) async throws {
        let web = ReplayTransport { sent in
            sent.request.url.hasSuffix("lost") ? .text("gone", status: 410) : Self.picture()
        }
        let vendor = FakeVendor.saying(.addresses(Self.url, "https://v.example/lost", Self.url))
        let bench = Bench(vendor.provider("a"), web: web)

        let task = try await bench.draw(model: "four", count: 3, needsLink: needsLink)

        #expect(task.status == .completed)
        #expect(task.pictures.count == 2)
        #expect(task.warnings.contains { $0.hasPrefix("1 of 3 pictures were made and are lost: ") })
        #expect(!task.warnings.contains { $0.contains("v.example") })
        #expect(Set(bench.objects.objects.keys.map(\.description)) == Set(task.pictures.map(\.key)))
        #expect(vendor.ledger.submissions == 1)
    }

    @Test func `pictures that are stored stay when the time is over for another one of their call`() async throws {
        let web = ReplayTransport { sent in
            sent.request.url.hasSuffix("busy") ? .text("busy", status: 503) : Self.picture()
        }
        let vendor = FakeVendor.saying(.addresses(Self.url, "https://v.example/busy"))
        let bench = Bench(vendor.provider("a"), web: web)

        let task = try await bench.draw(model: "two", count: 2)

        #expect(task.status == .completed)
        #expect(task.pictures.count == 1)
        #expect(task.warnings.contains { $0.hasPrefix("1 of 2 pictures were made and are lost: ") })
        #expect(task.attempts.map(\.outcome) == [.succeeded])
    }

    @Test func `a process that died while fetching is followed by one that fetches, and asks no vendor`() async throws {
        let vendor = FakeVendor.saying(.pictures(1))
        let web = Self.web(Self.picture())
        let bench = Bench(vendor.provider("google"), web: web)
        let events: [TaskEvent] = [
            .claimed(node: "gone", portions: [1]), SampleTasks.submitting(),
            .generated(portion: 0, urls: [Self.url], revisedPrompt: "a blue fox", usage: nil),
        ]

        let task = try await bench.run(try await bench.adopted(after: events))

        #expect(task.status == .completed)
        #expect(task.pictures.first?.revisedPrompt == "a blue fox")
        #expect(vendor.ledger.submissions == 0)
        #expect(web.sent.count == 1)
    }

    @Test func `a store that fails has the picture fetched again, and a useless one ends the task`() async throws {
        let fails = Mutex(2)
        let objects = MemoryObjectStore(before: { _ throws(ObjectError) in
            let again = fails.withLock { left in
                left -= 1
                return left >= 0
            }
            if again { throw ObjectError(.unavailable, isTemporary: true, "Down.") }
        })
        let web = ReplayTransport { _ in Self.picture() }
        let bench = Bench(FakeVendor.saying(.addresses(Self.url)).provider("a"), objects: objects, web: web)
        let useless = MemoryObjectStore(before: { _ throws(ObjectError) in
            throw ObjectError(.misconfigured, isTemporary: false, "No.")
        })
        let hopeless = Bench(FakeVendor.saying(.addresses(Self.url)).provider("a"), objects: useless, web: web)

        let task = try await bench.draw()
        let failed = try await hopeless.draw()

        #expect(task.status == .completed)
        #expect(failed.failure?.code == .storageError)
        #expect(failed.attempts.map(\.outcome) == [.succeeded])
        #expect(web.sent.count == 4)
    }

    @Test func `only a provider on one's own network is fetched from without the guard`() async throws {
        let (web, intranet) = (ReplayTransport { _ in Self.picture() }, ReplayTransport { _ in Self.picture() })
        var own = FakeVendor.saying(.addresses("http://10.0.0.7/a.png")).provider("own")
        own.allowsPrivateNetwork = true
        let bench = Bench(own, web: web, intranet: intranet)
        let other = Bench(FakeVendor.saying(.addresses(Self.url)).provider("a"), web: web, intranet: intranet)

        try await bench.draw()
        try await other.draw()

        #expect(intranet.sent.map(\.request.url) == ["http://10.0.0.7/a.png"])
        #expect(web.sent.map(\.request.url) == [Self.url])
    }
}
