// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import HTTPTypes
public import NIOCore

/// The way to the network: one HTTP exchange at a time, whoever speaks it.
///
/// A transport follows no redirect, adds no credential and changes no byte of the URL's path.
public protocol HTTPTransport: Sendable {
    /// Sends a request and gathers the whole answer, up to ``TransportLimits/responseBytes``.
    ///
    /// - Parameter request: What to send.
    /// - Returns: The answer, whatever its status.
    /// - Throws: ``TransportError``; cancelling the task ends the exchange with ``TransportError/Code/cancelled``.
    func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse

    /// Sends a request and gives the answer's head as soon as it is there, the body as it comes.
    ///
    /// The sender is held back while nobody reads; dropping the stream ends the exchange.
    ///
    /// - Parameter request: What to send.
    /// - Returns: The head, and the body to be read once.
    func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream
}

/// One HTTP request.
public struct TransportRequest: Sendable {
    /// The method.
    public var method: HTTPRequest.Method
    /// The whole URL, escaped as it shall be sent.
    public var url: String
    /// The headers; `Host` and `Content-Length` are the transport's.
    public var headers: HTTPFields
    /// What to send behind the head.
    public var body: TransportBody
    /// What the exchange may cost.
    public var limits: TransportLimits
    /// Whether the transport may send it a second time when a kept connection turns out to be dead.
    ///
    /// Never true for a call that buys something.
    public var isRepeatable: Bool

    /// Creates a request.
    public init(
        _ method: HTTPRequest.Method,
        _ url: String,
        headers: HTTPFields = [:],
        body: TransportBody = .none,
        limits: TransportLimits = TransportLimits(),
        isRepeatable: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.limits = limits
        self.isRepeatable = isRepeatable
    }
}

/// What a request carries.
public enum TransportBody: Sendable {
    /// Nothing.
    case none
    /// Bytes in memory, sent one buffer after the other without joining them.
    case bytes([ByteBuffer])
    /// Bytes that come while they are sent, exactly `length` of them.
    case stream(length: Int, any AsyncSequence<ByteBuffer, any Error> & Sendable)

    /// How many bytes it is.
    public var length: Int {
        switch self {
        case .none: 0
        case .bytes(let buffers): buffers.reduce(0) { $0 + $1.readableBytes }
        case .stream(let length, _): length
        }
    }
}

/// What one exchange may cost.
public struct TransportLimits: Sendable, Hashable {
    /// From the start to a connection, TLS included.
    public var connect: Duration
    /// From the start to the first byte of the answer.
    public var firstByte: Duration
    /// From the start to the last byte.
    public var total: Duration
    /// The longest silence once the answer has begun, and while a body is being sent.
    public var stall: Duration
    /// The largest answer that is taken, in bytes.
    public var responseBytes: Int

    /// Creates limits.
    public init(
        connect: Duration = .seconds(10),
        firstByte: Duration = .seconds(60),
        total: Duration = .seconds(60),
        stall: Duration = .seconds(30),
        responseBytes: Int = 64 << 20
    ) {
        self.connect = connect
        self.firstByte = firstByte
        self.total = total
        self.stall = stall
        self.responseBytes = responseBytes
    }
}

/// A whole answer.
public struct TransportResponse: Sendable {
    /// The status code.
    public var status: Int
    /// The headers.
    public var headers: HTTPFields
    /// The body.
    public var body: ByteBuffer

    /// Creates an answer.
    public init(status: Int, headers: HTTPFields = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The head of an answer, and its body as it comes.
public struct TransportStream: Sendable {
    /// The status code.
    public var status: Int
    /// The headers.
    public var headers: HTTPFields
    /// The body's length, if the head told.
    public var length: Int?
    /// The body, to be read once.
    public var body: TransportChunks

    /// Creates a stream.
    public init(status: Int, headers: HTTPFields, length: Int?, body: TransportChunks) {
        self.status = status
        self.headers = headers
        self.length = length
        self.body = body
    }
}

/// A body as it comes, piece by piece; to be read once, by one reader.
public struct TransportChunks: AsyncSequence, Sendable {
    private let pull: @Sendable () async throws -> ByteBuffer?

    /// Creates a body.
    ///
    /// - Parameter pull: Gives the next piece, `nil` at the end. Whatever it keeps alive ends with it.
    public init(_ pull: @escaping @Sendable () async throws -> ByteBuffer?) {
        self.pull = pull
    }

    /// The reader's place.
    public func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    /// Asks for one piece after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let pull: @Sendable () async throws -> ByteBuffer?

        /// The next piece, `nil` at the end.
        public mutating func next() async throws -> ByteBuffer? { try await pull() }
    }
}

/// Why an exchange gave no answer, and whether the request may have arrived.
public struct TransportError: Error, Sendable, Equatable {
    /// What happened.
    public var code: Code
    /// Whether the other side may have acted on the request; `false` only when that is certain.
    public var mayHaveArrived: Bool
    /// One sentence without host, path or credential.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, mayHaveArrived: Bool, _ message: String) {
        self.code = code
        self.mayHaveArrived = mayHaveArrived
        self.message = message
    }

    /// What happened.
    public enum Code: String, Sendable {
        /// The URL cannot be used.
        case invalidURL
        /// The name has no address.
        case nameNotResolved
        /// No connection came about.
        case notConnected
        /// The name leads to an address that this transport may not connect to; nothing was sent.
        case addressRefused
        /// TLS failed: certificate, version.
        case tls
        /// A time limit ended it.
        case timedOut
        /// The connection ended or broke the protocol.
        case broken
        /// The answer was larger than allowed.
        case tooLarge
        /// The body to be sent failed, or had another length than announced.
        case bodyFailed
        /// The task was cancelled.
        case cancelled
        /// The transport is closed.
        case closed
    }
}
