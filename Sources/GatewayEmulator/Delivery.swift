// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Hummingbird
import NIOCore

/// How an answer travels: whole, or as a fault of the connection has it.
struct Delivery: Sendable {
    let answer: EmulatedAnswer
    let fault: TransportFault?
    /// The call that ends with the answer, if it does.
    let call: AcceptedCall?
    let stage: Stage

    /// Thrown into the server to make it close the connection behind what was sent.
    struct Cut: Error {}

    /// The response to hand to the server.
    var response: Response {
        Response(status: answer.status, headers: answer.headers, body: body)
    }

    private var body: ResponseBody {
        switch fault {
        case .truncated: whole(answer.beginning(answer.length / 2))
        case .dropAfterHead: partial([])
        case .cut: partial(answer.beginning(answer.length / 2))
        case .stall: partial(answer.beginning(answer.length / 2), silence: stage.settings.hold)
        case .drip: dripping(over: stage.settings.drip)
        case .endless: endless(for: stage.settings.hold)
        case .dropEarly, .drop, .silent, nil: whole(answer.body)
        }
    }

    private func whole(_ pieces: [ByteBuffer]) -> ResponseBody {
        guard pieces.count > 1 else {
            call?.end()
            return ResponseBody(byteBuffer: pieces.first ?? ByteBuffer())
        }
        let length = pieces.reduce(0) { $0 + $1.readableBytes }
        return ResponseBody(contentLength: length) { writer in
            for piece in pieces.dropLast() { try await writer.write(piece) }
            // Before the last piece: whoever has it may call again, and must not be counted twice.
            call?.end()
            if let last = pieces.last { try await writer.write(last) }
            try await writer.finish(nil)
        }
    }

    private func partial(_ pieces: [ByteBuffer], silence: Duration = .zero) -> ResponseBody {
        ResponseBody(contentLength: answer.length) { writer in
            for piece in pieces { try await writer.write(piece) }
            _ = await stage.bell.sleep(for: silence, on: stage.time)
            call?.end()
            throw Cut()
        }
    }

    private func dripping(over time: Duration) -> ResponseBody {
        let crumbs = answer.crumbs(50)
        return ResponseBody(contentLength: answer.length) { writer in
            for (place, crumb) in crumbs.enumerated() {
                guard await stage.bell.sleep(for: time / crumbs.count, on: stage.time) else { throw Cut() }
                if place == crumbs.count - 1 { call?.end() }
                try await writer.write(crumb)
            }
            try await writer.finish(nil)
        }
    }

    private func endless(for time: Duration) -> ResponseBody {
        let pause: Duration = .milliseconds(200)
        return ResponseBody { writer in
            var waited: Duration = .zero
            while waited < time, await stage.bell.sleep(for: pause, on: stage.time) {
                waited += pause
                try await writer.write(ByteBuffer(string: " "))
            }
            call?.end()
            throw Cut()
        }
    }
}
