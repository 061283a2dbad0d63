// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Ends a connection when the process stops, so that no request is lost on it that can be saved.
///
/// A kept connection cannot be closed at once: a request may be on its way, and its caller would never know whether it was
/// read. So from the stop on every answer says `Connection: close`, and a connection ends when nobody has asked on it for a
/// while. Only the sending half is closed at first, because bytes that nobody reads would turn the close into a reset,
/// which may take the last answer away from its caller. An answer that nobody has asked for, to be there for what crosses
/// the end, is no way out: there are clients who would take it for the answer to a request they make much later.
final class FarewellHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a connection lives on when the process stops.
    struct Patience: Sendable {
        /// Without a request, so that callers who ask all the time are told in an answer.
        var idle = TimeAmount.milliseconds(500)
        /// Without its first request: it may be agreeing on its encryption, or sending a lost part again.
        var first = TimeAmount.seconds(2)
        /// After its end, for what was on its way by then.
        var crossing = TimeAmount.milliseconds(500)
        /// After an answer that says so, for the caller to close the connection.
        var notice = TimeAmount.seconds(2)
        /// Until a caller has taken the end of the last answer out of the process.
        var delivery = TimeAmount.seconds(10)
    }

    private enum Phase {
        case serving
        /// The process stops, and the next answer says so.
        case stopping
        /// The answer that is being written says so: what is asked behind it is not for this process.
        case lastAnswer
        /// Nothing more is said, and nothing that comes is looked at.
        case parting
    }

    private let patience: Patience
    private var phase = Phase.serving
    /// Requests whose answer has not ended.
    private var open = 0
    private var hasBeenAsked = false
    private var isDropping = false
    private var timer: Scheduled<Void>?

    init(patience: Patience) {
        self.patience = patience
    }

    // MARK: What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data) {
            if phase == .lastAnswer { isDropping = true }
            guard phase != .parting, !isDropping else { return }
            open += 1
            hasBeenAsked = true
            cancelTimer()
        }
        guard phase != .parting, !isDropping else { return }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        // It ends here: the handlers behind would close the connection at once.
        guard phase == .serving else { return }
        phase = .stopping
        if open == 0 { rest(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimer()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        cancelTimer()
    }

    // MARK: What goes

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where phase == .stopping && open <= 1 && head.status.code >= 200:
            // Requests that were sent ahead are answered, all of them: only the last answer says that it is the last.
            phase = .lastAnswer
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            open = max(0, open - 1)
            if phase == .lastAnswer { return part(context, with: data, promise) }
            context.write(data, promise: promise)
            if phase == .stopping, open == 0 { rest(context) }
        default: context.write(data, promise: promise)
        }
    }

    /// Waits for a request, and ends the connection if there is none.
    private func rest(_ context: ChannelHandlerContext) {
        schedule(context, in: hasBeenAsked ? patience.idle : patience.first) { [self] in
            guard phase == .stopping, open == 0 else { return }
            phase = .parting
            leave(context, within: patience.crossing)
        }
    }

    /// Ends the connection behind the last part of an answer, when all has been sent.
    private func part(_ context: ChannelHandlerContext, with end: NIOAny, _ promise: EventLoopPromise<Void>?) {
        phase = .parting
        schedule(context, in: patience.delivery) { context.close(promise: nil) }
        let promise = promise ?? context.eventLoop.makePromise()
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in
            if context.channel.isActive { leave(context, within: patience.notice) }
        }
        context.writeAndFlush(end, promise: promise)
    }

    /// Closes the sending half, and the other when the caller has, or has had the time.
    private func leave(_ context: ChannelHandlerContext, within limit: TimeAmount) {
        context.close(mode: .output, promise: nil)
        schedule(context, in: limit) { context.close(promise: nil) }
    }

    private func schedule(_ context: ChannelHandlerContext, in delay: TimeAmount, _ work: @escaping () -> Void) {
        cancelTimer()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay, work)
    }

    private func cancelTimer() {
        timer?.cancel()
        timer = nil
    }
}
