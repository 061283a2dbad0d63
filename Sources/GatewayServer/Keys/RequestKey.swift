// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The caller's name for a request, by which it can be made again without happening again: `Idempotency-Key`.
struct RequestKey: Sendable {
    /// 1 to 255 visible ASCII characters.
    let text: String

    /// Reads the header; `nil` if there is none.
    init?(_ request: Request) throws(APIError) {
        guard let text = request.headers.text(of: .idempotencyKey) else { return nil }
        guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw APIError.unusableKey
        }
        self.text = text
    }
}

/// A request with a name: what must be the same when it comes again.
struct NamedRequest: Sendable {
    let key: RequestKey
    /// The digest of what is asked.
    let digest: [UInt8]

    /// The name of an order: the same whether it came as JSON or as a form, in whatever order its members were, and
    /// whether its pictures came as files or in base64.
    init(_ key: RequestKey, _ order: PictureOrder, _ parts: ServerParts) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var content = [ByteBuffer(bytes: try encoder.encode(order.request))]
        content.append(ByteBuffer(string: order.streams ? "\nstream" : "\nwhole"))
        // Of each picture its digest, so that no two lists of pictures read the same.
        for (place, picture) in order.pictures.placed {
            content.append(ByteBuffer(string: "\n\(place):"))
            content.append(ByteBuffer(bytes: try parts.digest([picture.bytes])))
        }
        self.key = key
        digest = try parts.digest(content)
    }

    /// The name of something that shall be done to a task.
    init(_ key: RequestKey, action: String, _ task: TaskID, _ parts: ServerParts) throws {
        self.key = key
        digest = try parts.digest([ByteBuffer(string: "\(action) \(task)")])
    }

    func claim(for task: TaskID, of caller: Caller, now: Timestamp) -> IdempotencyClaim {
        IdempotencyClaim(owner: caller.name, key: key.text, request: digest, task: task, now: now)
    }
}

extension APIError {
    /// Found before the body is read: it would be read for nothing.
    fileprivate static let unusableKey = {
        var error = APIError(
            .badRequest,
            "invalid_value",
            "The header 'Idempotency-Key' must have 1 to 255 visible ASCII characters.",
            parameter: "Idempotency-Key"
        )
        error.leavesBody = true
        return error
    }()

    static let idempotencyConflict = APIError(
        .conflict,
        "idempotency_conflict",
        "This Idempotency-Key was used for another request within the last 24 hours; use a new one.",
        headers: [.shouldRetry: "false"]
    )
}

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .via
    static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed") ?? .via
}
