// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// The storage of a gateway that has none: everything that needs it says so.
struct NoObjectStore: ObjectStore {
    private static let refusal = ObjectError(
        .none,
        isTemporary: false,
        "No storage is configured (storage.kind: none)."
    )

    func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) { throw Self.refusal }

    func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) { throw Self.refusal }

    func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer { throw Self.refusal }

    /// What is not there is no error, and here nothing is: what falls due is done at once.
    func delete(_ key: ObjectKey) async throws(ObjectError) {}

    func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        throw Self.refusal
    }
}
