// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// The outermost layer: names the request, turns every error into the envelope, and has one line written about it.
struct Edge: HTTPResponder {
    let routes: RouteTable
    let time: any TimeSource
    /// Who writes the line about each request; `nil` for the logger.
    let requestLog: (@Sendable (AnsweredRequest) -> Void)?

    func respond(to request: Request, context: GatewayContext) async -> Response {
        let start = ContinuousClock.now
        let path = request.uri.path
        var context = context
        context.requestID = Self.sane(request.headers.text(of: .requestID)) ?? Self.newRequestID(at: time.now)
        var response: Response
        do {
            guard let (route, name) = routes.find(request.method, path) else { throw nobody(request.method, path) }
            context.pathName = name
            for gate in route.gates { try await gate.pass(request, &context) }
            response = try await route.handler(request, context)
        } catch {
            response = answer(to: error, request, context)
        }
        if !context.answerHeaders.isEmpty { response.headers.append(contentsOf: context.answerHeaders) }
        response.headers[.requestID] = context.requestID
        // An answer to HEAD has no body, not even that of an error: the next answer would be read as part of it.
        if request.method == .head { response = response.createHeadResponse() }
        let line = AnsweredRequest(
            id: context.requestID,
            method: request.method.rawValue,
            path: path,
            caller: context.caller.name,
            status: response.status.code,
            took: start.duration(to: .now)
        )
        if let requestLog { requestLog(line) } else { line.log(to: context.logger) }
        return response
    }

    /// A path that nobody knows, or knows with this method.
    private func nobody(_ method: HTTPRequest.Method, _ path: String) -> APIError {
        guard let allowed = routes.methods(at: path) else { return .unknownPath }
        return APIError(
            .methodNotAllowed,
            "method_not_allowed",
            "This path does not take \(method.rawValue); it takes \(allowed).",
            headers: [.allow: allowed]
        )
    }

    private func answer(to error: any Error, _ request: Request, _ context: GatewayContext) -> Response {
        let failure = APIError.of(error)
        if let error = error as? StoreError {
            context.logger.error("The task store failed.", metadata: ["error": "\(error.message)"])
        }
        if failure == nil {
            context.logger.error("A request failed unexpectedly.", metadata: ["error": "\(type(of: error))"])
        }
        let told = failure ?? .unforeseen
        var response = Response(json: told.body, status: told.status, headers: told.headers)
        if told.leavesBodyUnread(of: request) { endConnection(behind: &response, context.channel) }
        return response
    }

    /// How long a caller whose body is refused has to notice that.
    private static let farewell = TimeAmount.seconds(2)

    /// Ends the connection behind an answer that was given without reading the body: reading it to its end, as another
    /// request on the same connection would need, takes as long as the caller likes.
    ///
    /// Closing at once with unread bytes in the kernel would reset the connection and might take the answer away from a
    /// caller who still sends. So only the sending half is closed first; meanwhile nothing is read.
    private func endConnection(behind response: inout Response, _ channel: any Channel) {
        response.headers[.connection] = "close"
        let (answer, length) = (response.body, response.body.contentLength)
        response.body = ResponseBody(contentLength: length) { writer in
            try await answer.write(writer)
            channel.close(mode: .output, promise: nil)
            let limit = channel.eventLoop.scheduleTask(in: Self.farewell) { channel.close(promise: nil) }
            try? await channel.closeFuture.get()
            limit.cancel()
        }
    }

    /// A caller's own name for the request, if it is short and plain.
    private static func sane(_ name: String?) -> String? {
        guard let name, (1...128).contains(name.utf8.count) else { return nil }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isPlain ? name : nil
    }

    private static let firstNumber = UInt64.random(in: 0...UInt64.max)
    private static let lastNumber = Atomic<UInt64>(0)

    /// A name that no other request has.
    ///
    /// Chance for each would be a system call for each; so a count goes on from a number that was drawn once, mixed by the
    /// finalizer of SplitMix64, which gives no number twice.
    private static func newRequestID(at now: Timestamp) -> String {
        var number = firstNumber &+ lastNumber.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9E37_79B9_7F4A_7C15
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        number ^= number >> 31
        return "req_" + String(UInt64(max(0, now.milliseconds)), radix: 36) + String(number, radix: 36)
    }
}

extension Response {
    /// An answer in JSON that nobody may keep.
    init(json: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        self.init(encoded: json.encoded(), status: status, headers: headers)
    }

    /// An answer in JSON that is encoded already.
    init(encoded body: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        var headers = headers
        // Room for those that every answer gets besides.
        headers.reserveCapacity(headers.count + 6)
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        headers[.contentLength] = String(body.readableBytes)
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}

extension HTTPFields {
    /// What the subscript says, which would make a new text of it even where there is nothing to join.
    func text(of name: HTTPField.Name) -> String? {
        guard let place = firstIndex(where: { $0.name == name }) else { return nil }
        return self[(place + 1)...].contains { $0.name == name } ? self[name] : self[place].value
    }
}
