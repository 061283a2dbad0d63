// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CCurl
public import GatewayCore
import NIOCore

/// HTTP by libcurl: one thread and one event loop for all exchanges, however many there are.
///
/// Connections are kept and shared, HTTP/2 is used where a TLS server offers it, proxies come from the environment
/// (`https_proxy`, `http_proxy`, `no_proxy`, read by libcurl itself). Redirects are never followed, paths are sent as
/// they are.
///
/// A transport with a rule connects only to addresses that the rule admits: it looks at the address of each connection
/// when that is made, whatever name led to it, and goes through no proxy. Every connection of its pool was made under the
/// same rule. Close it when nobody sends any more; exchanges that are still open then end with `closed`.
public final class CurlTransport: HTTPTransport {
    private let loop: CurlLoop

    /// Starts the event loop.
    ///
    /// - Parameters:
    ///   - settings: What all exchanges share.
    ///   - addressRule: Which addresses may be connected to; others end with ``TransportError/Code/addressRefused``.
    /// - Throws: ``TransportError/Code/closed`` when the system has no descriptor or thread left.
    public init(
        settings: CurlSettings = CurlSettings(),
        addressRule: AddressRule = .everything
    ) throws(TransportError) {
        var settings = settings
        settings.addressRule = addressRule
        loop = try CurlLoop(settings: settings)
        loop.start()
    }

    deinit {
        loop.stop()
    }

    /// Ends every open exchange and the event loop.
    public func close() async {
        loop.stop()
        await loop.untilStopped()
    }

    /// Sends a request and gathers the whole answer.
    public func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        let exchange = CurlExchange(request, mode: .gather)
        try await run(exchange)
        return exchange.gathered()
    }

    /// Sends a request and gives the answer's head as soon as it is there, the body as it comes.
    public func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
        let exchange = CurlExchange(request, mode: .stream)
        try await run(exchange)
        let head = exchange.receivedHead()
        let reader = CurlStreamReader(exchange: exchange, loop: loop)
        return TransportStream(
            status: head.status,
            headers: head.headers,
            length: head.length,
            body: TransportChunks { try await reader.next() }
        )
    }

    /// Starts an exchange and waits for its milestone: the end when gathering, the head when streaming.
    private func run(_ exchange: CurlExchange) async throws(TransportError) {
        let loop = loop
        let result = await withTaskCancellationHandler {
            guard case .stream(let length, let source) = exchange.request.body else {
                return await exchange.milestone(startedBy: loop)
            }
            return await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await exchange.upload.pump(source, length: length) {
                        loop.post(.resume(ObjectIdentifier(exchange)))
                    }
                }
                let result = await exchange.milestone(startedBy: loop)
                group.cancelAll()
                return result
            }
        } onCancel: {
            loop.post(.cancel(exchange))
        }
        try result.get()
    }
}

/// What all exchanges of a transport share.
public struct CurlSettings: Sendable {
    /// How many idle connections are kept.
    public var idleConnections: Int
    /// After how long an idle connection is no longer used; shorter than most servers' own limit, so that a request
    /// rarely meets a connection that is just being closed.
    public var idleLifetime: Duration
    /// A file of trusted certificates in PEM form instead of the system's; for servers with a private authority.
    public var certificateFile: String?
    /// Which addresses may be connected to.
    var addressRule = AddressRule.everything
    /// Tells, as of a request, what names lead to instead of the system's resolver, in the form of libcurl's `--resolve`;
    /// for tests of names that change their mind.
    package var nameOverrides: (@Sendable () -> [String])?

    /// Creates settings.
    public init(idleConnections: Int = 256, idleLifetime: Duration = .seconds(50), certificateFile: String? = nil) {
        self.idleConnections = idleConnections
        self.idleLifetime = idleLifetime
        self.certificateFile = certificateFile
    }
}

/// Reads a streamed body; the exchange ends when the last copy of its chunks is dropped.
final class CurlStreamReader: Sendable {
    private let exchange: CurlExchange
    private let loop: CurlLoop

    init(exchange: CurlExchange, loop: CurlLoop) {
        self.exchange = exchange
        self.loop = loop
    }

    deinit {
        loop.post(.cancel(exchange))
    }

    func next() async throws(TransportError) -> ByteBuffer? {
        let (exchange, loop) = (exchange, loop)
        let result = await withTaskCancellationHandler {
            await exchange.nextChunk { loop.post(.resume(ObjectIdentifier(exchange))) }
        } onCancel: {
            loop.post(.cancel(exchange))
        }
        return try result.get()
    }
}
