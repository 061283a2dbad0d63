// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore
import Synchronization

/// Answers from a list, the last one over and over, and remembers what was asked.
final class FakeTransport: HTTPTransport {
    typealias Answer = Result<TransportResponse, TransportError>

    private struct State {
        var answers: [Answer]
        var requests: [TransportRequest] = []
    }

    private let state: Mutex<State>

    init(_ answers: Answer...) {
        state = Mutex(State(answers: answers))
    }

    var requests: [TransportRequest] { state.withLock(\.requests) }

    func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        let answer = state.withLock { state in
            state.requests.append(request)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
        }
        return try answer.get()
    }

    func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
        throw TransportError(.closed, mayHaveArrived: false, "this transport only gathers")
    }
}

extension Result<TransportResponse, TransportError> {
    static var fine: Self { .success(TransportResponse(status: 200)) }

    static var lost: Self { .failure(TransportError(.broken, mayHaveArrived: true, "the connection ended")) }

    /// An S3 error as services send it, with everything in it that must not be passed on.
    static func refused(
        _ status: Int,
        _ code: String,
        region: String? = nil,
        date: Timestamp? = nil
    ) -> Self {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <Error><Code>\(code)</Code><Message>request of AKID with STRING-TO-SIGN</Message>\
            <StringToSign>STRING-TO-SIGN</StringToSign><AWSAccessKeyId>AKID</AWSAccessKeyId>\
            \(region.map { "<Region>\($0)</Region>" } ?? "")<HostId>HOST-ID</HostId></Error>
            """
        var headers = HTTPFields()
        headers[.contentType] = "application/xml"
        if let date { headers[.date] = CivilDate(date).http }
        return .success(TransportResponse(status: status, headers: headers, body: ByteBuffer(string: text)))
    }
}

extension TransportRequest {
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}
