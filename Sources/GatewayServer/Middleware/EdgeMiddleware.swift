// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// The outermost layer: names the request, turns every error into the envelope, and writes one log line.
struct EdgeMiddleware: RouterMiddleware {
    typealias Context = GatewayContext

    let routes: RouteList
    let time: any TimeSource

    func handle(
        _ request: Request,
        context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.requestID = Self.sane(request.headers[.requestID]) ?? Self.newRequestID(at: time.now)
        // One name for the request in every line of it, and it is the one that the caller knows.
        context.logger[metadataKey: "hb.request.id"] = nil
        context.logger[metadataKey: "request"] = "\(context.requestID)"
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = answer(to: error, request, context)
        }
        response.headers[.requestID] = context.requestID
        // An answer to HEAD has no body, not even that of an error: the next answer would be read as part of it.
        if request.method == .head { response = response.createHeadResponse() }
        log(request, response, context, took: start.duration(to: .now))
        return response
    }

    private func answer(to error: any Error, _ request: Request, _ context: GatewayContext) -> Response {
        var failure = APIError.of(error)
        // Hummingbird says "not found" for a wrong method, too.
        if (error as? HTTPError)?.status == .notFound, let allowed = routes.methods(at: request.uri.path) {
            failure = APIError(
                .methodNotAllowed,
                "method_not_allowed",
                "This path does not take \(request.method.rawValue); it takes \(allowed).",
                headers: [.allow: allowed]
            )
        }
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

    private func log(_ request: Request, _ response: Response, _ context: GatewayContext, took: Duration) {
        var metadata: Logger.Metadata = [
            "method": "\(request.method.rawValue)", "path": "\(request.uri.path.prefix(200))",
            "status": .stringConvertible(response.status.code), "took_ms": .stringConvertible(took.milliseconds),
        ]
        // Health, files and wrong keys have no caller.
        if !context.callerName.value.isEmpty { metadata["caller"] = "\(context.callerName.value)" }
        // Whoever asks for health asks all day.
        let isRoutine = request.uri.path.hasPrefix("/health/") && response.status.code < 400
        context.logger.log(level: isRoutine ? .debug : .info, "request", metadata: metadata)
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
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        headers[.contentLength] = String(body.readableBytes)
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
