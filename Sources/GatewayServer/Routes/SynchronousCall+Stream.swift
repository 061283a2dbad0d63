// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The answer of a synchronous call as the clients' `stream: true` expects it: one event for each finished picture.
extension SynchronousCall {
    /// How often a silent stream shows that it is alive.
    private static let heartbeat = Duration.seconds(15)

    /// Answers at once; the events follow as long as the task lives.
    ///
    /// What is wrong with the request is an ordinary error; what goes wrong later is an event.
    func stream(_ begun: Begun, _ context: GatewayContext) -> Response {
        // At once: if the connection ends before the answer begins, nobody ever asks for its body.
        begun.start()
        var headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"]
        if begun.isReplay { headers[.idempotentReplayed] = "true" }
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody { writer in
                try await tell(begun, context, to: &writer)
                try await writer.finish(nil)
            }
        )
    }

    private enum Tick {
        case beat
        case over(Result<Outcome, any Error>)
    }

    private func tell(
        _ begun: Begun,
        _ context: GatewayContext,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        let (ticks, ticker) = AsyncStream.makeStream(of: Tick.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                ticker.yield(.over(await Result { try await outcome(of: begun, context, wait: nil) }))
                ticker.finish()
            }
            group.addTask {
                while true {
                    try await parts.time.sleep(for: Self.heartbeat)
                    ticker.yield(.beat)
                }
            }
            defer { group.cancelAll() }
            for await tick in ticks {
                switch tick {
                case .beat: try await writer.write(ByteBuffer(string: ": alive\n\n"))
                case .over(let result):
                    for buffer in PictureEvents(begun.task.request.kind, views: views).buffers(result) {
                        try await writer.write(buffer)
                    }
                    // With it goes the room of its pictures.
                    withExtendedLifetime(result) {}
                }
            }
        }
    }
}

extension Result where Failure == any Error {
    /// What a body gives or throws.
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
