// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Tells a waiting call that its caller has closed the connection.
///
/// It stands in the pipeline of every connection and reads nothing: what the caller sends behind its request stays where
/// it is, and the connection can be used again.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    private struct State {
        var isClosed = false
        var action: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Those of all open connections: a call finds its own here without a way through the connection's thread and back.
    private static let open = Mutex<[ObjectIdentifier: HangUpHandler]>([:])

    /// The handler of a connection; `nil` if it is over.
    static func of(_ channel: any Channel) -> HangUpHandler? {
        open.withLock { $0[ObjectIdentifier(channel)] }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let name = ObjectIdentifier(context.channel)
        Self.open.withLock { $0[name] = self }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        let name = ObjectIdentifier(context.channel)
        _ = Self.open.withLock { $0.removeValue(forKey: name) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { close() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        close()
        context.fireChannelInactive()
    }

    /// Runs `action` when the caller closes the connection, at once if that has happened; one action at a time, because
    /// the requests of a connection are answered one after the other.
    func watch(_ action: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.action = action }
            return state.isClosed
        }
        if isClosed { action() }
    }

    func unwatch() {
        state.withLock { $0.action = nil }
    }

    private func close() {
        let action = state.withLock { state in
            defer { state.action = nil }
            state.isClosed = true
            return state.action
        }
        action?()
    }
}

extension GatewayContext {
    /// Does some work, and notices when the caller closes the connection meanwhile.
    func watchingCaller<Value>(
        onHangUp: @escaping @Sendable () -> Void,
        _ work: () async throws -> Value
    ) async throws -> Value {
        guard let handler = HangUpHandler.of(channel) else {
            // It may have been over before anybody watched.
            channel.closeFuture.whenComplete { _ in onHangUp() }
            return try await work()
        }
        handler.watch(onHangUp)
        defer { handler.unwatch() }
        return try await work()
    }
}
