// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

/// A picture in memory, once: in base64 as it came, from the first look at its bytes on as these.
///
/// All copies of a picture share its content, so that they let go of its base64 together.
final class PictureContent: Sendable {
    private struct State {
        var buffer: ByteBuffer
        var isBase64: Bool
    }

    private let state: Mutex<State>
    /// Who makes use of the memory afterwards.
    private let spare = ByteBudget.Account.current?.spare

    /// - Parameter source: Base64 that is known to decode, or bytes; an address has no content.
    init(_ source: ImageSource) {
        state =
            switch source {
            case .base64(let text): Mutex(State(buffer: text, isBase64: true))
            case .bytes(let bytes): Mutex(State(buffer: bytes, isBase64: false))
            case .url: Mutex(State(buffer: ByteBuffer(), isBase64: false))
            }
    }

    deinit {
        spare?.give(state.withLock(\.buffer))
    }

    /// The picture in standard base64: as it came, if it came so and nobody needed its bytes yet.
    var base64: ByteBuffer {
        let state = state.withLock(\.self)
        return state.isBase64 ? state.buffer : Base64.encode(state.buffer)
    }

    /// The picture's own bytes; decoded where its base64 was, if nobody else has that.
    var bytes: ByteBuffer? {
        state.withLock { state in
            guard state.isBase64 else { return state.buffer }
            // On the buffer where it is stored: any other reference to it, also one of this function, keeps it from that.
            let isDecoded = Base64.decodeInPlace(&state.buffer) ?? Self.replace(&state.buffer)
            state.isBase64 = !isDecoded
            return isDecoded ? state.buffer : nil
        }
    }

    private static func replace(_ buffer: inout ByteBuffer) -> Bool {
        guard let bytes = decoded(buffer) else { return false }
        buffer = bytes
        return true
    }

    /// The bytes of a text, beside it: charged to the account of the current task's work.
    static func decoded(_ text: ByteBuffer) -> ByteBuffer? {
        guard let bytes = Base64.decode(text) else { return nil }
        ByteBudget.Account.current?.charge(bytes.readableBytes)
        return bytes
    }
}
