// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization

/// A clock on which nothing takes time.
struct HurriedTime: TimeSource {
    let now = Timestamp(seconds: 1_700_000_000)

    func sleep(for duration: Duration) async throws {}
}

/// A bucket that keeps what is put; a test puts its own answer in front.
final class FakeBucket: Sendable {
    enum Call: String { case put = "PUT", link = "GET with a link", bare = "GET", delete = "DELETE" }

    private let state = Mutex((body: ByteBuffer?.none, calls: [String]()))
    private let rule: @Sendable (Call, ByteBuffer?) -> ReplayTransport.Answer?

    init(_ rule: @escaping @Sendable (Call, ByteBuffer?) -> ReplayTransport.Answer? = { _, _ in nil }) {
        self.rule = rule
    }

    var calls: [String] { state.withLock(\.calls) }
    var isEmpty: Bool { state.withLock { $0.body == nil } }

    func answer(_ sent: ReplayTransport.Sent) -> ReplayTransport.Answer {
        let isLink = sent.request.url.contains("ignature=")
        let call: Call =
            switch sent.request.method {
            case .put: .put
            case .delete: .delete
            default: isLink ? .link : .bare
            }
        let body = state.withLock { state in
            state.calls.append(call.rawValue)
            return state.body
        }
        if let answer = rule(call, body) { return answer }
        switch call {
        case .put:
            state.withLock { $0.body = sent.body }
            return .text("")
        case .delete:
            state.withLock { $0.body = nil }
            return .text("", status: 204)
        case .link: return Self.text(body ?? ByteBuffer())
        case .bare: return Self.refusal(403, "AccessDenied")
        }
    }

    static func text(_ body: ByteBuffer, type: String = "image/png", status: Int = 200, ahead: Duration = .zero)
        -> ReplayTransport.Answer
    {
        let date = CivilDate(Timestamp(seconds: 1_700_000_000).advanced(by: ahead)).http
        return .response(TransportResponse(status: status, headers: [.contentType: type, .date: date], body: body))
    }

    static func refusal(_ status: Int, _ code: String, _ more: String = "", ahead: Duration = .zero)
        -> ReplayTransport.Answer
    {
        let date = CivilDate(Timestamp(seconds: 1_700_000_000).advanced(by: ahead)).http
        let text = "<Error><Code>\(code)</Code><Message>CANARY</Message>\(more)</Error>"
        return .response(TransportResponse(status: status, headers: [.date: date], body: ByteBuffer(string: text)))
    }

    static func lost(_ code: TransportError.Code) -> ReplayTransport.Answer {
        .failure(TransportError(code, mayHaveArrived: false, "CANARY"))
    }
}
