// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import HTTPTypes
public import NIOCore
import Synchronization

/// A network that answers from a script and remembers what it was asked.
public final class ReplayTransport: HTTPTransport {
    /// What one exchange gives.
    public enum Answer: Sendable {
        /// An answer, whatever its status.
        case response(TransportResponse)
        /// No answer.
        case failure(TransportError)

        /// An answer with a JSON body.
        public static func json(_ body: JSON, status: Int = 200) -> Answer {
            .response(
                TransportResponse(status: status, headers: [.contentType: "application/json"], body: body.encoded())
            )
        }

        /// An answer with a body of any text.
        public static func text(_ body: String, status: Int = 200) -> Answer {
            .response(TransportResponse(status: status, body: ByteBuffer(string: body)))
        }
    }

    /// A request as it would have gone out.
    public struct Sent: Sendable {
        /// The request.
        public var request: TransportRequest
        /// Its body, joined.
        public var body: ByteBuffer
    }

    private struct State {
        var sent: [Sent] = []
    }

    private let state = Mutex(State())
    private let answer: @Sendable (_ place: Int, Sent) -> Answer?

    /// Answers requests one after the other; a request behind the end of the script fails, and never left.
    public init(_ script: [Answer]) {
        answer = { place, _ in script.indices.contains(place) ? script[place] : nil }
    }

    /// Answers each request by a rule.
    public init(answering rule: @escaping @Sendable (Sent) -> Answer) {
        answer = { _, sent in rule(sent) }
    }

    /// What was sent so far, in order.
    public var sent: [Sent] { state.withLock { $0.sent } }

    /// Remembers the request and gives the next answer.
    public func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        let sent = Sent(request: request, body: try await Self.joined(request.body))
        let place = state.withLock { state in
            state.sent.append(sent)
            return state.sent.count - 1
        }
        switch answer(place, sent) {
        case .response(let response):
            guard response.body.readableBytes <= request.limits.responseBytes else {
                throw TransportError(.tooLarge, mayHaveArrived: true, "The answer is larger than allowed.")
            }
            return response
        case .failure(let error): throw error
        case nil: throw TransportError(.closed, mayHaveArrived: false, "The script has no further answer.")
        }
    }

    /// Like ``send(_:)``, the body in one piece.
    public func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
        let response = try await send(request)
        let pieces = Pieces(response.body)
        return TransportStream(
            status: response.status,
            headers: response.headers,
            length: response.body.readableBytes,
            body: TransportChunks { pieces.next() }
        )
    }

    private static func joined(_ body: TransportBody) async throws(TransportError) -> ByteBuffer {
        var joined = ByteBuffer()
        switch body {
        case .none: break
        case .bytes(let buffers): for buffer in buffers { joined.writeImmutableBuffer(buffer) }
        case .stream(_, let pieces):
            do {
                for try await piece in pieces { joined.writeImmutableBuffer(piece) }
            } catch {
                throw TransportError(.bodyFailed, mayHaveArrived: true, "The body to be sent failed.")
            }
        }
        return joined
    }

    /// A body that is given once.
    private final class Pieces: Sendable {
        private let rest: Mutex<ByteBuffer?>

        init(_ body: ByteBuffer) { rest = Mutex(body) }

        func next() -> ByteBuffer? {
            rest.withLock { rest in
                defer { rest = nil }
                return rest
            }
        }
    }
}
