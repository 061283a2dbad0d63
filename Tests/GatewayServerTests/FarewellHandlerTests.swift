// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayServer
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

/// How a connection ends when the process stops, moment by moment.
@Suite struct FarewellHandlerTests {
    private let wire = Wire()
    private let channel: EmbeddedChannel
    private let patience = FarewellHandler.Patience()

    init() throws {
        channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([
            wire, FarewellHandler(patience: patience),
        ])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func stop() { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }

    private func ask(_ path: String = "/") throws {
        try channel.writeInbound(
            HTTPServerRequestPart.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: path))
        )
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
    }

    /// The paths of the requests that came through.
    private func heard() throws -> [String] {
        var paths: [String] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head(let head) = part { paths.append(head.uri) }
        }
        return paths
    }

    private func begin(_ status: HTTPResponseStatus = .ok) {
        channel.write(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: status)), promise: nil)
    }

    private func end() { channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil) }

    private func answer() {
        begin()
        end()
    }

    private func wait(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    @Test func `while the process runs nothing is changed and nothing is closed`() throws {
        try ask()
        answer()
        wait(.seconds(3600))

        #expect(wire.heads.map { $0.headers["connection"] } == [[]])
        #expect(wire.closings.isEmpty)
    }

    @Test func `who has not asked yet gets more time for it than who has`() throws {
        stop()
        wait(patience.first - .milliseconds(1))
        #expect(wire.closings.isEmpty)
        try ask("/late")
        #expect(try heard() == ["/late"])
        answer()
        #expect(wire.heads.map { $0.headers["connection"] } == [["close"]])
    }

    @Test func `an answer behind the stop says that it is the last, and the sending half closes behind it`() throws {
        try ask()
        stop()
        #expect(wire.closings.isEmpty)

        answer()

        #expect(wire.heads.map { $0.headers["connection"] } == [["close"]])
        #expect(wire.closings == [.output])
        // The caller has a moment to close it from the other side.
        wait(patience.notice - .milliseconds(1))
        #expect(wire.closings == [.output])
        wait(.milliseconds(1))
        #expect(wire.closings == [.output, .all])
    }

    @Test func `a request on a kept connection behind the stop is answered`() throws {
        try ask("/before")
        answer()
        stop()
        wait(patience.idle - .milliseconds(1))
        try ask("/behind")
        // However long that takes.
        wait(.seconds(60))
        #expect(wire.closings.isEmpty)

        answer()

        #expect(try heard() == ["/before", "/behind"])
        #expect(wire.heads.map { $0.headers["connection"] } == [[], ["close"]])
        #expect(wire.closings == [.output])
    }

    @Test func `an answer that was begun before the stop promised to keep the connection, so it is kept a moment`()
        throws
    {
        try ask("/one")
        begin()
        stop()
        end()
        #expect(wire.closings.isEmpty)
        try ask("/two")
        answer()

        #expect(try heard() == ["/one", "/two"])
        #expect(wire.heads.map { $0.headers["connection"] } == [[], ["close"]])
        #expect(wire.closings == [.output])
    }

    @Test func `a connection on which nobody asks ends after a while, without a word that nobody has asked for`() throws
    {
        try ask()
        #expect(try heard() == ["/"])
        answer()
        stop()
        wait(patience.idle - .milliseconds(1))
        #expect(wire.closings.isEmpty)
        wait(.milliseconds(1))

        #expect(wire.closings == [.output])
        // What crossed the end is read, so that it causes no reset, and nobody works on it.
        try ask("/crossing")
        #expect(try heard().isEmpty)
        wait(patience.crossing)
        #expect(wire.closings == [.output, .all])
        #expect(wire.heads.count == 1)
    }

    @Test func `requests that were sent ahead are answered, all of them`() throws {
        try ask("/one")
        try ask("/two")
        stop()
        answer()
        #expect(wire.closings.isEmpty)
        begin()
        // Behind an answer that says it is the last nothing is taken.
        try ask("/three")
        end()

        #expect(try heard() == ["/one", "/two"])
        #expect(wire.heads.map { $0.headers["connection"] } == [[], ["close"]])
        #expect(wire.closings == [.output])
    }

    @Test func `the body of the last request is read to its end`() throws {
        try channel.writeInbound(
            HTTPServerRequestPart.head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/"))
        )
        stop()
        begin()
        try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "the rest")))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))

        var parts = 0
        while try channel.readInbound(as: HTTPServerRequestPart.self) != nil { parts += 1 }
        #expect(parts == 3)
    }

    @Test func `nothing closes before the last byte is out, or its time is over`() throws {
        wire.isSlow = true
        try ask()
        stop()
        answer()
        wait(patience.notice)
        #expect(wire.closings.isEmpty)
        wire.deliver()
        #expect(wire.closings == [.output])

        let stuck = try FarewellHandlerTests()
        stuck.wire.isSlow = true
        try stuck.ask()
        stuck.stop()
        stuck.answer()
        stuck.wait(patience.delivery)
        #expect(stuck.wire.closings == [.all])
        stuck.wire.deliver()
    }

    @Test func `a mistake in the last request's line is answered and ends the connection`() throws {
        stop()
        begin(.badRequest)
        end()

        #expect(wire.heads.map { $0.headers["connection"] } == [["close"]])
        #expect(wire.closings == [.output])
    }

    @Test func `a caller who has closed the connection is not waited for`() throws {
        try ask()
        stop()
        answer()
        channel.pipeline.fireChannelInactive()
        wait(.seconds(60))

        #expect(wire.closings == [.output])
    }
}

/// What leaves the process: the parts of answers, and how the connection is closed.
private final class Wire: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart

    var heads: [HTTPResponseHead] = []
    var closings: [CloseMode] = []
    /// Whether the other side takes nothing at the moment.
    var isSlow = false
    private var waiting: [EventLoopPromise<Void>] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .head(let head) = unwrapOutboundIn(data) { heads.append(head) }
        guard isSlow, let promise else { return promise?.succeed() ?? () }
        waiting.append(promise)
    }

    func deliver() {
        for promise in waiting { promise.succeed() }
        waiting = []
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        closings.append(mode)
        promise?.succeed()
    }
}
